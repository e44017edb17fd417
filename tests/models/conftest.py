"""A model with random weights, for all tests of models."""

from pathlib import Path

import pytest

from tests.tiny_gguf import write_tiny_gguf


@pytest.fixture(scope="session")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the model with random weights."""
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")

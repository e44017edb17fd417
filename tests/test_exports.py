"""What `agentsys` exports is what it says, and nothing else."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import agentsys


def test_all_is_sorted_and_complete() -> None:
    """`__all__` names everything public, in order, once; `dir` shows the same."""
    assert agentsys.__all__ == sorted(set(agentsys.__all__), key=lambda n: (n[0].islower(), n))
    assert dir(agentsys) == sorted(agentsys.__all__)


@pytest.mark.parametrize("name", agentsys.__all__)
def test_every_name_is_there_and_described(name: str) -> None:
    """Each exported name can be had and has a docstring of its own."""
    value = getattr(agentsys, name)
    assert value.__name__ == name
    assert value.__doc__


def test_nothing_else_is_public() -> None:
    """A fresh `agentsys` has no public attribute that `__all__` leaves out."""
    code = (
        "import agentsys, sys; "
        "own = {n for n in vars(agentsys) if not n.startswith('_')}; "
        "print(*(own - set(agentsys.__all__)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.stderr == ""
    assert set(printed.stdout.split()) <= {"TYPE_CHECKING", "import_module"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not exported is missed as in any module."""
    with pytest.raises(AttributeError, match="has no attribute 'Agnet'"):
        agentsys.Agnet  # noqa: B018  # pyright: ignore


def test_every_module_imports() -> None:
    """No module is broken, whether or not something exported leads to it."""
    folder = str(Path(agentsys.__file__).parent)
    names = [m.name for m in pkgutil.walk_packages([folder], "agentsys.")]
    for name in names:
        if name != "agentsys.__main__":
            importlib.import_module(name)
    assert "agentsys.cli.main" in names

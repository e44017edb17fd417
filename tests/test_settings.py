"""What a configuration may say, and where it is found."""

from pathlib import Path

import pytest

from agentsys.errors import SettingsError
from agentsys.settings import DEFAULT_FILE, Settings

EMBEDDED = 'name = "mine"\ntier = "slm"\ngguf = "mini-slm"\n'
SERVED = 'name = "mine"\ntier = "slm"\nlitellm_params = { model = "hosted_vllm/x" }\n'
REPLAYED = 'name = "mine"\ntier = "slm"\nrecorded = "calls"\n'
PRICED = "usd_per_hour = 1\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that is the current one, and no configuration by the environment."""
    monkeypatch.delenv("AGENTSYS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, deployment: str, before: str = "") -> Path:
    file = folder / "agentsys.toml"
    file.write_text(f"{before}[[deployments]]\n{deployment}")
    return file


@pytest.mark.parametrize(
    ("given", "missing"),
    [("usd_per_mtok_in", "usd_per_mtok_out"), ("usd_per_mtok_out", "usd_per_mtok_in")],
)
@pytest.mark.parametrize("source", [EMBEDDED, SERVED])
@pytest.mark.parametrize("hourly", ["", PRICED])
def test_one_price_of_a_pair_is_refused(
    here: Path, source: str, given: str, missing: str, hourly: str
) -> None:
    """The other side would be free; the line says which key is missing."""
    file = write(here, f"{source}{hourly}{given} = 0.05\n")
    with pytest.raises(SettingsError, match=f"'{given}' is given without '{missing}': give both"):
        Settings.load(file)


def test_a_side_may_be_free_on_purpose(here: Path) -> None:
    """A price of 0 that is written down is a price."""
    file = write(here, EMBEDDED + "usd_per_mtok_in = 0.05\nusd_per_mtok_out = 0\n")
    assert Settings.load(file).deployments[0].price is not None


@pytest.mark.parametrize(
    ("deployment", "key"),
    [
        (EMBEDDED + PRICED + 'guided = "strict"\n', "guided"),
        (SERVED + PRICED + "parallel = 4\n", "parallel"),
        (SERVED + PRICED + "context = 4096\n", "context"),
        (SERVED + "share = 0.5\n", "share"),
        (REPLAYED + PRICED, "usd_per_hour"),
        (REPLAYED + 'guided = "strict"\n', "guided"),
        (REPLAYED + "parallel = 4\n", "parallel"),
    ],
)
def test_a_key_that_does_nothing_is_refused(here: Path, deployment: str, key: str) -> None:
    """What would be ignored without a word is named."""
    with pytest.raises(SettingsError, match=rf"deployments\[0\]: '{key}' does nothing"):
        Settings.load(write(here, deployment))


def test_the_nearest_file_above_is_found(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder below an `agentsys.toml` uses it, whatever folders of its own it has."""
    outer = write(here, EMBEDDED + PRICED)
    inner = here / "inner"
    (inner / "graphs" / "deep").mkdir(parents=True)
    monkeypatch.chdir(inner / "graphs" / "deep")
    assert Settings.load().file == outer
    nearer = write(inner, EMBEDDED + PRICED)
    assert Settings.load().file == nearer


def test_without_a_file_the_default_holds(here: Path) -> None:
    """Nothing above it either: the miniatures."""
    assert Settings.load().file == DEFAULT_FILE


@pytest.mark.parametrize("named", [True, False])
def test_a_store_is_relative_to_the_configuration(
    here: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """One project has one ledger, from whichever of its folders it is used."""
    file = write(here, EMBEDDED + PRICED, 'store = "sqlite:///runs.db"\n')
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    settings = Settings.load("../agentsys.toml" if named else None)
    path = Path(settings.store_url.removeprefix("sqlite:///"))
    assert path.resolve() == file.with_name("runs.db")


@pytest.mark.parametrize("store", ["sqlite:////var/runs.db", "redis://localhost", "sqlite:///"])
def test_other_stores_stay_as_they_are(here: Path, store: str) -> None:
    """An absolute path is itself, and what is no SQLite file is left to the store."""
    file = write(here, EMBEDDED + PRICED, f'store = "{store}"\n')
    assert Settings.load(file).store_url == store

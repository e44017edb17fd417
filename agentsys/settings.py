"""`agentsys.toml` and the environment, read once into a frozen object.

Looked for in this order: the path given, `AGENTSYS_CONFIG`, `agentsys.toml` in the current
directory or the nearest one above it, and the default that ships with agentsys (two miniature
models, in process).
"""

import os
import tomllib
from collections import Counter
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from agentsys.errors import SettingsError
from agentsys.limits import Budget, RateLimit
from agentsys.money import Price

FILE_NAME = "agentsys.toml"
DEFAULT_FILE = Path(__file__).with_name("default.toml")

_SQLITE = "sqlite:///"

_IN_PROCESS = ("parallel", "context")
"""Keys of in-process models alone."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Deployment(_Frozen):
    """One concrete model behind a tier: a GGUF file run in process, or anything LiteLLM reaches."""

    name: str = Field(min_length=1)
    """How reports call it; also LiteLLM's `model_info.id`."""
    tier: str = Field(min_length=1)
    """The class of model it serves: `slm`, `llm` or a name of your own."""
    gguf: str | None = None
    """A path to a GGUF file (relative to the configuration file), or `mini-slm` or `mini-llm`."""
    litellm_params: dict[str, Any] | None = None
    """LiteLLM's own keys: `model`, `api_base`, `api_key`, `rpm`, …"""
    guided: Literal["outlines", "strict", "prompt"] | None = None
    """How replies are held to a schema; unset: what the provider is known to have. Not for GGUF
    files, which Outlines and llama.cpp always guide. A schema that Outlines refuses is described
    in the prompt instead of being sent to a server that is to enforce it."""
    usd_per_mtok_in: Decimal | None = Field(default=None, ge=0)
    usd_per_mtok_out: Decimal | None = Field(default=None, ge=0)
    usd_per_hour: Decimal | None = Field(default=None, ge=0)
    share: Decimal = Field(default=Decimal(1), gt=0, le=1)
    """The part of the machine that one call takes, for `usd_per_hour`."""
    timeout_s: float = Field(default=60, gt=0)
    parallel: int = Field(default=8, ge=1, le=256)
    """Requests that an in-process model batches."""
    context: int = Field(default=1024, ge=64)
    """Tokens of context for each request of an in-process model."""

    @model_validator(mode="after")
    def _one_source(self) -> "Deployment":
        if (self.gguf is None) == (self.litellm_params is None):
            raise ValueError("give either 'gguf' or 'litellm_params'")
        if self.litellm_params is not None and not isinstance(
            self.litellm_params.get("model"), str
        ):
            raise ValueError("'litellm_params' needs a 'model'")
        if self.gguf is not None and self.price is None:
            raise ValueError("a local model needs 'usd_per_hour' or 'usd_per_mtok_in' and '_out'")
        return self

    @model_validator(mode="after")
    def _both_prices(self) -> "Deployment":
        given, missing = "usd_per_mtok_in", "usd_per_mtok_out"
        if self.usd_per_mtok_in is None:
            given, missing = missing, given
        if (self.usd_per_mtok_in is None) != (self.usd_per_mtok_out is None):
            raise ValueError(f"{given!r} is given without {missing!r}: give both; 0 is a price")
        return self

    @model_validator(mode="after")
    def _keys_that_apply(self) -> "Deployment":
        given = {key for key in self.model_fields_set if getattr(self, key) is not None}
        kind, others = ("'gguf'", ("guided",)) if self.gguf else ("'litellm_params'", _IN_PROCESS)
        for key in others:
            if key in given:
                raise ValueError(f"{key!r} does nothing beside {kind}: leave it out")
        if "share" in given and self.usd_per_hour is None:
            raise ValueError("'share' does nothing without 'usd_per_hour': leave it out")
        return self

    @property
    def price(self) -> Price | None:
        """The configured price; `None` where only LiteLLM's price list may know it."""
        if (
            self.usd_per_hour is None
            and self.usd_per_mtok_in is None
            and self.usd_per_mtok_out is None
        ):
            return None
        return Price(
            self.usd_per_mtok_in or Decimal(0),
            self.usd_per_mtok_out or Decimal(0),
            self.usd_per_hour or Decimal(0),
            self.share,
        )


class StoreSettings(_Frozen):
    """Where state is kept. `store = "URL"` is short for a `[store]` with that `url`."""

    url: str | None = None
    """`sqlite:///PATH`, relative to the configuration file, or `redis://HOST:PORT/DB`; unset:
    `agentsys.db` in the user's data directory."""
    checkpoints: str | None = None
    """Where LangGraph's checkpoints are kept: `sqlite:///PATH`, `postgresql://…` or `redis://…`;
    unset: an SQLite file beside the store's, or in the user's data directory."""


class MemorySettings(_Frozen):
    """How shared memory is searched."""

    embedding: dict[str, Any] | None = None
    """A model that embeds texts, in LiteLLM's own keys: `model`, `api_base`, `api_key`, `timeout`
    (10 seconds where it is unset), …; unset: a search goes by words alone."""

    @field_validator("embedding")
    @classmethod
    def _has_a_model(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        if given is not None and not isinstance(given.get("model"), str):
            raise ValueError("'embedding' needs a 'model'")
        if given is not None and not isinstance(given.get("timeout", 10), int | float):
            raise ValueError("the 'timeout' of 'embedding' is a number of seconds")
        return given


class Settings(_Frozen):
    """Everything that can be configured."""

    deployments: tuple[Deployment, ...] = Field(min_length=1)
    store: StoreSettings = StoreSettings()
    budgets: tuple[Budget, ...] = ()
    """Limits in force besides those that `agentsys budget set` sets: the tighter one counts."""
    limits: dict[str, RateLimit] = Field(default_factory=dict)
    """How fast deployments may be asked, by their names."""
    memory: MemorySettings = MemorySettings()
    usd_per_failure: Decimal = Field(default=Decimal("0.01"), ge=0)
    """What a failed task costs you, for the loaded cost per success."""
    file: Path = DEFAULT_FILE
    """The file that this was read from."""

    @field_validator("store", mode="before")
    @classmethod
    def _short_store(cls, given: object) -> object:
        return {"url": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _limited_deployments(self) -> "Settings":
        names = {d.name for d in self.deployments}
        for name in self.limits:
            if name not in names:
                raise ValueError(f"[limits.{name}]: there is no deployment of that name")
        return self

    @model_validator(mode="after")
    def _distinct_names(self) -> "Settings":
        twice = [name for name, n in Counter(d.name for d in self.deployments).items() if n > 1]
        if twice:
            raise ValueError(f"two deployments are called {twice[0]!r}")
        return self

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Settings":
        """Read the configuration.

        Raises:
            SettingsError: there is no such file, it is not TOML, or a key or value is not allowed.
        """
        file = _find(path)
        return _validated(cls, _read(file), file)

    @cached_property
    def store_url(self) -> str:
        """Where the ledger is kept: the same file from every folder of a project."""
        return self._located(self.store.url or f"{_SQLITE}{home() / 'agentsys.db'}")

    @cached_property
    def checkpoints_url(self) -> str:
        """Where LangGraph's checkpoints are kept."""
        if self.store.checkpoints is not None:
            return self._located(self.store.checkpoints)
        path = self.store_url.removeprefix(_SQLITE)
        file = home() / "agentsys.db" if path == self.store_url else Path(path)
        return f"{_SQLITE}{file.with_suffix('.checkpoints.db')}"

    def _located(self, url: str) -> str:
        path = url.removeprefix(_SQLITE)
        if path in ("", url, ":memory:"):
            return url  # not a file; who opens it says what is allowed
        return f"{_SQLITE}{self.file.absolute().parent / Path(path).expanduser()}"

    def tier_names(self) -> tuple[str, ...]:
        """The tiers, in the order of their first deployment."""
        return tuple(dict.fromkeys(d.tier for d in self.deployments))


def home() -> Path:
    """The user's data directory of agentsys; `AGENTSYS_HOME` overrides it."""
    override = os.environ.get("AGENTSYS_HOME")
    return Path(override) if override else user_data_path("agentsys", appauthor=False)


def enclosing(start: Path) -> Path | None:
    """The folder itself or the nearest one above it that has an `agentsys.toml`."""
    here = start.resolve()
    return next((d for d in (here, *here.parents) if (d / FILE_NAME).is_file()), None)


def _find(path: str | Path | None) -> Path:
    explicit = path or os.environ.get("AGENTSYS_CONFIG")
    if explicit:
        return Path(explicit)
    folder = enclosing(Path.cwd())
    return DEFAULT_FILE if folder is None else folder / FILE_NAME


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be read: {error.strerror}.",
            hint="Name another file, or write one with 'agentsys init'.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not TOML: {error}.") from error


def _validated(kind: type[Settings], content: dict[str, Any], file: Path) -> Settings:
    try:
        return kind.model_validate({**content, "file": file})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = _key(problem["loc"])
        if problem["type"] == "extra_forbidden":
            part = next((_PARTS[word] for word in _PARTS if key.startswith(word)), kind)
            allowed = ", ".join(name for name in part.model_fields if name != "file")
            message, hint = f"{file}: {key} is not a key.", f"Allowed are: {allowed}."
        else:
            message, hint = f"{file}: {key or 'the file'}: {_plain(problem['msg'])}.", ""
        raise SettingsError(message, hint=hint) from error


_PARTS: dict[str, type[BaseModel]] = {
    "deployments": Deployment,
    "store.": StoreSettings,
    "budgets": Budget,
    "limits.": RateLimit,
    "memory.": MemorySettings,
}


def _key(place: tuple[int | str, ...]) -> str:
    key = ""
    for part in place:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should", "should")

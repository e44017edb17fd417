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
from typing import Any

from platformdirs import user_data_path
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from agentsys.deployment import Deployment
from agentsys.errors import SettingsError
from agentsys.limits import Budget, RateLimit
from agentsys.servers import Adapter, VllmServer, refuse_same_ports

FILE_NAME = "agentsys.toml"
DEFAULT_FILE = Path(__file__).with_name("default.toml")

_SQLITE = "sqlite:///"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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

    vllm: tuple[VllmServer, ...] = ()
    """Servers that `agentsys vllm up` starts."""
    deployments: tuple[Deployment, ...] = Field(default=(), validate_default=True)
    """Those of `vllm` and their adapters among them."""
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

    @field_validator("vllm")
    @classmethod
    def _distinct_ports(cls, given: tuple[VllmServer, ...]) -> tuple[VllmServer, ...]:
        return refuse_same_ports(given)

    @field_validator("deployments")
    @classmethod
    def _all_of_them(
        cls, given: tuple[Deployment, ...], info: ValidationInfo
    ) -> tuple[Deployment, ...]:
        servers: tuple[VllmServer, ...] = info.data.get("vllm", ())
        every = given + tuple(each for server in servers for each in server.deployments())
        if not every and "vllm" in info.data:
            raise ValueError("there are none: give a [[deployments]] or a [[vllm]]")
        return every

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
    """The user's data directory of agentsys; `AGENTSYS_HOME` overrides it.

    Raises:
        SettingsError: there cannot be a folder where `AGENTSYS_HOME` says.
    """
    override = os.environ.get("AGENTSYS_HOME")
    if not override:
        return user_data_path("agentsys", appauthor=False)
    try:
        Path(override).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"AGENTSYS_HOME is {override!r}, which cannot be made a folder: {error.strerror}.",
            hint="Set it to a folder that you may write.",
        ) from error
    return Path(override)


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
            words = tuple(word for word in problem["loc"] if isinstance(word, str))
            part = _PARTS.get(words[:-1]) or _PARTS.get(words[:-1][:1], kind)
            allowed = ", ".join(name for name in part.model_fields if name != "file")
            message, hint = f"{file}: {key} is not a key.", f"Allowed are: {allowed}."
        else:
            message, hint = f"{file}: {key or 'the file'}: {_plain(problem['msg'])}.", ""
        raise SettingsError(message, hint=hint) from error


_PARTS: dict[tuple[str, ...], type[BaseModel]] = {
    ("deployments",): Deployment,
    ("vllm",): VllmServer,
    ("vllm", "adapters"): Adapter,
    ("store",): StoreSettings,
    ("budgets",): Budget,
    ("limits",): RateLimit,
    ("memory",): MemorySettings,
}
"""What has which keys, by the place in the file."""


def _key(place: tuple[int | str, ...]) -> str:
    key = ""
    for part in place:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should", "should")

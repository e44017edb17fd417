"""Find and load definitions: the files of a project's `agents/`, `tools/` and `graphs/` folders.

One definition a file, named like the file. A project's own definitions come first, then the
ready-made ones. The files are imported under a package that exists in memory only and knows the
three folders and nothing else: `sys.path` is left alone, nothing clashes with an installed
`agents` module, and definitions import each other relatively
(`from ..agents.solver import solver`). Files whose name begins with `_` are not definitions.
"""

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from symtable import symtable
from types import ModuleType
from typing import Any, Literal, cast

from agentsys.errors import DefinitionError, SchemaError, UnknownName
from agentsys.node import Node
from agentsys.schema import adapter, name_of
from agentsys.settings import enclosing
from agentsys.tools.tool import Tool

Kind = Literal["agent", "tool", "graph"]

_PARENT = "agentsys_definitions_"

FOLDERS: dict[Kind, str] = {"agent": "agents", "tool": "tools", "graph": "graphs"}


@dataclass(frozen=True, slots=True)
class Definition:
    """One file of a project, loaded, or the reason why it could not be."""

    kind: Kind
    name: str
    file: Path
    value: Node[Any, Any] | Tool[..., Any] | None = None
    doc: str = ""
    """The first line that describes it."""
    problem: str = ""
    """Why it could not be loaded; empty where it could."""

    @property
    def takes(self) -> str:
        """The input type in words; a tool's arguments."""
        match self.value:
            case Tool() as tool:
                return tool.signature.removeprefix(tool.name)
            case Node() as node:
                return name_of(node.takes)
            case None:
                return ""

    @property
    def gives(self) -> str:
        """The output type in words."""
        return name_of(self.value.gives) if self.value is not None else ""


def catalog() -> Path:
    """The folder with the ready-made definitions."""
    packaged = Path(__file__).with_name("_catalog")
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[1]  # a checkout: the repository is itself a project


def project_root(start: Path | None = None) -> Path | None:
    """The project that a folder belongs to; by default, the current directory's.

    That is the folder itself if it has one of the three folders or an `agentsys.toml`, or else
    the nearest one above it with an `agentsys.toml`.
    """
    here = (start or Path.cwd()).resolve()
    if any((here / folder).is_dir() for folder in FOLDERS.values()):
        return here
    return enclosing(here)


def definitions(kind: Kind, *, start: Path | None = None) -> list[Definition]:
    """Everything of a kind, by name; one that cannot be loaded says why and hides nothing else."""
    files = _files(kind, _roots(start))
    return [_load(kind, name, *files[name]) for name in sorted(files)]


def find(kind: Kind, name: str, *, start: Path | None = None) -> Definition:
    """The definition of that name; no other file is loaded, except those that it imports.

    Raises:
        UnknownName: there is no such file.
        DefinitionError: the file cannot be loaded.
    """
    files = _files(kind, _roots(start))
    if name not in files:
        raise UnknownName(kind, name, files)
    found = _load(kind, name, *files[name])
    if found.problem:
        raise DefinitionError(
            f"The {kind} {name!r} cannot be loaded: {found.problem}",
            hint=f"Mend {found.file}.",
        )
    return found


def find_graph(name: str, *, start: Path | None = None) -> Node[Any, Any]:
    """The graph of that name.

    Raises:
        UnknownName: there is no such file.
        DefinitionError: the file cannot be loaded.
    """
    value = find("graph", name, start=start).value
    if not isinstance(value, Node):
        raise DefinitionError(f"The graph {name!r} is not a node.")
    return value


def _roots(start: Path | None) -> list[Path]:
    """The folders that hold the three folders: the project's own first."""
    own, ready_made = project_root(start), catalog().resolve()
    return [ready_made] if own in (None, ready_made) else [own, ready_made]


def _files(kind: Kind, roots: list[Path]) -> dict[str, tuple[Path, list[Path]]]:
    """Each definition's file, and the roots that its relative imports may reach."""
    files: dict[str, tuple[Path, list[Path]]] = {}
    for index, root in enumerate(roots):
        for file in sorted((root / FOLDERS[kind]).glob("*.py")):
            if not file.name.startswith("_"):
                files.setdefault(file.stem, (file, roots[index:]))
    return files


def _load(kind: Kind, name: str, file: Path, roots: list[Path]) -> Definition:
    try:
        value, doc = _value(kind, name, file, roots)
    except (DefinitionError, SchemaError) as error:
        return Definition(kind, name, file, problem=str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever somebody's file raises at import, `sys.exit` included
        return Definition(kind, name, file, problem=_reason(error, file))
    return Definition(kind, name, file, value, doc)


def _value(
    kind: Kind, name: str, file: Path, roots: list[Path]
) -> tuple[Node[Any, Any] | Tool[..., Any], str]:
    _must_define(name, file)
    importlib.invalidate_caches()
    with redirect_stdout(sys.stderr):  # what a file prints is not what a command prints
        module = importlib.import_module(f"{_package(roots)}.{FOLDERS[kind]}.{name}")
    value: object = getattr(module, name, None)
    wanted = Tool if kind == "tool" else Node
    if not isinstance(value, wanted):
        raise DefinitionError(
            f"{name!r} is of type {type(value).__name__}, not a {wanted.__name__}."
        )
    found = cast("Node[Any, Any] | Tool[..., Any]", value)
    _must_be_typed(found)
    described = found.doc if isinstance(found, Tool) else module.__doc__ or _own_doc(found)
    return found, described.strip().split("\n", 1)[0]


def _must_be_typed(found: Node[Any, Any] | Tool[..., Any]) -> None:
    """Work out now what is otherwise worked out at first use, so that its failure is here."""
    if isinstance(found, Tool):
        _ = found.schema, found.signature
    else:
        adapter(found.takes)
    adapter(found.gives)


def _own_doc(node: Node[Any, Any]) -> str:
    """A step's docstring; other nodes have only their class's."""
    return str(vars(node).get("__doc__") or "")


def _must_define(name: str, file: Path) -> None:
    """Look, without running it, whether a file can be a definition at all.

    Many folders are called `tools`, and listing them must not run what is in there.
    """
    if not name.isidentifier():
        raise DefinitionError(f"{file.name} is not named like a Python name.")
    names = symtable(file.read_text(encoding="utf-8"), str(file), "exec")
    symbol = names.lookup(name) if name in names.get_identifiers() else None
    if symbol is None or not (symbol.is_assigned() or symbol.is_imported()):
        raise DefinitionError(f"The file defines no {name!r}.")


def _package(roots: list[Path]) -> str:
    """The name of the package, made in memory, whose folders are looked for in these roots."""
    key = sha256("\n".join(map(str, roots)).encode()).hexdigest()[:12]
    parent = _PARENT + key
    if parent not in sys.modules:
        sys.modules[parent] = _namespace(parent, [])
        for folder in FOLDERS.values():
            places = [str(root / folder) for root in roots]
            sys.modules[f"{parent}.{folder}"] = _namespace(f"{parent}.{folder}", places)
    return parent


def _namespace(name: str, places: list[str]) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = places
    return module


def _reason(error: BaseException, file: Path) -> str:
    """One line: what was raised, and the line of the file where it happened."""
    text = re.sub(_PARENT + r"\w+\.", "", " ".join(str(error).split())) or "no reason given"
    line = error.lineno if isinstance(error, SyntaxError) else _last_line(error, file)
    where = f" (line {line})" if line else ""
    return f"{type(error).__name__}: {text}{where}."


def _last_line(error: BaseException, file: Path) -> int | None:
    return max((line for path, line in _trace(error) if path == str(file)), default=None)


def _trace(error: BaseException) -> Iterator[tuple[str, int]]:
    step = error.__traceback__
    while step is not None:
        yield step.tb_frame.f_code.co_filename, step.tb_lineno
        step = step.tb_next

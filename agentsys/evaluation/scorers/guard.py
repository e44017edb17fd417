"""Nothing that a model wrote is run while it is scored, whichever library scores it.

An audit hook sees all code before it runs, and all that reaches beyond the process. What passes is
on a list: some libraries evaluate text as Python, and no list of bad text is ever complete.
"""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from types import CodeType, FrameType

Passes = Callable[[CodeType], bool]
"""Whether code may run."""

FUNCTIONS = frozenset(
    "Abs acos acosh asin asinh atan atanh cos cosh exp ln log sin sinh sqrt tan tanh".split()
)
"""That a formula may apply."""

_SYMPY = frozenset("Add Float Integer Mul Pow Rational Symbol pi".split())
"""What SymPy writes where a formula has numbers, operators and variables."""
_EVALUATES = frozenset("NOQS")
"""SymPy's functions of one letter. They evaluate the text that they are given."""
_NAMESPACE = ("sympy",)
"""The names of `from sympy import *`, which SymPy runs before each formula."""

_MAKERS = frozenset({"sympy.polys.monomials"})
"""Modules that run code of their own making, from numbers alone."""

_INSIDE = frozenset(
    {
        "array.__new__",
        "builtins.id",
        "compile",  # what was compiled has not run
        "import",  # of a name; loading the module is seen below
        "object.__delattr__",
        "object.__getattr__",
        "object.__setattr__",
        "sys._getframe",
        "sys._getframemodulename",
    }
)
"""Events that are no code and reach nothing outside."""
_LOADERS = frozenset({"<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>"})

_passes: Passes | None = None


@contextmanager
def guarded(passes: Passes) -> Generator[None]:
    """While this lasts, code runs only if it passes, and nothing is opened, started or reached.

    Modules of libraries may still be loaded. What is refused raises `PermissionError` where it was
    tried, which a library may take for an answer that is wrong. One at a time in a process.
    """
    global _passes  # an audit hook is the process's, and stays
    _install()
    before, _passes = _passes, passes
    try:
        yield
    finally:
        _passes = before


def nothing(code: CodeType) -> bool:
    """No code passes."""
    return False


def formula(code: CodeType) -> bool:
    """What SymPy makes of a formula passes: numbers, variables of a letter, and `FUNCTIONS`.

    All that code can reach it has a name for, attributes and modules included.
    """
    named = code.co_names == _NAMESPACE or all(map(_mathematical, code.co_names))
    return named and not any(map(_is_code, code.co_consts))


@contextmanager
def noting() -> Generator[set[CodeType]]:
    """The code that runs meanwhile: all passes, so give it nothing that a model wrote."""
    seen = set[CodeType]()

    def note(code: CodeType) -> bool:
        seen.add(code)
        return True

    with guarded(note):
        yield seen


def _mathematical(name: str) -> bool:
    if len(name) == 1:
        return name not in _EVALUATES
    return name in FUNCTIONS or name in _SYMPY


def _is_code(value: object) -> bool:
    return isinstance(value, CodeType)


@cache
def _install() -> None:
    sys.addaudithook(_look)


def _look(event: str, args: tuple[object, ...]) -> None:
    passes = _passes
    if passes is None or event in _INSIDE:
        return
    if event == "exec" and isinstance(args[0], CodeType) and passes(args[0]):
        return
    here = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # a hook is told no other way
    if event == "exec" and here.f_globals.get("__name__") in _MAKERS:
        return
    if not _loading(here):
        raise PermissionError(f"{event} is not for what is scored")


def _loading(frame: FrameType | None) -> bool:
    """Whether a module of a library is being loaded, whose code is not what is scored."""
    while frame is not None:
        if frame.f_code.co_filename in _LOADERS:
            return True
        frame = frame.f_back
    return False

"""The algebra: nodes turn one typed input into one typed output, and combine into nodes.

Composite nodes only hold their parts; `agentsys.graph` compiles them to LangGraph.
"""

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_type_hints, overload

from pydantic import BaseModel

from agentsys.context import Context
from agentsys.errors import DefinitionError
from agentsys.limits import Budget
from agentsys.once import once
from agentsys.schema import name_of
from agentsys.verdict import Candidate, Verdict

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

I = TypeVar("I", contravariant=True)  # noqa: E741  (the field's letter for an input)
O = TypeVar("O", covariant=True)  # noqa: E741
X = TypeVar("X")
Y = TypeVar("Y")
Z = TypeVar("Z")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
V = TypeVar("V", bound=BaseModel | Hashable)

Check = Callable[[X, Y], bool | str]
"""`(input, output) -> True`, or the reason why the output will not do."""


class Node(ABC, Generic[I, O]):
    """Anything that turns one typed input into one typed output. A value: share it freely."""

    name: str
    """How paths, pictures and the ledger call it."""
    takes: Any
    """The input type, for validation."""
    gives: Any
    """The output type, for validation."""
    compiled: Any = None
    """Its LangGraph, once there is one, as runs use it."""
    shared: Any = None
    """The same for others; `graph()` gives it."""

    @property
    @abstractmethod
    def parts(self) -> tuple["Node[Any, Any]", ...]:
        """The nodes inside, in order."""

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers that may be asked, here and inside, without repeats."""
        inside = [tier for part in self.parts for tier in part.tiers]
        return tuple(dict.fromkeys(inside))

    @property
    def shape(self) -> str:
        """What it is made of: where that has changed, a run is not gone on with half-way."""
        inside = ", ".join(part.shape for part in self.parts)
        types = f"{name_of(self.takes)} -> {name_of(self.gives)}"
        return f"{type(self).__name__} {self.name}: {types}, {self.tiers} ({inside})"

    def __rshift__(self, other: "Node[O, Z]") -> "Node[I, Z]":
        """Pipe: this node's output is the other's input."""
        return Pipe(self, other)

    def each(self: "Node[X, Y]", *, limit: int = 8) -> "Node[Sequence[X], list[Y]]":
        """Run this node on every item of a list, at most `limit` at once; order is kept."""
        return Each(self, limit)

    def check(
        self: "Node[X, Y]", *checks: "Check[X, Y] | Node[Candidate[X, Y], Verdict]"
    ) -> "Node[X, Y]":
        """Accept only outputs that pass every check: functions, or judges.

        The first reason that comes back is put to the models inside, which answer again, once;
        then the next tier is asked, if there is one (`escalate`); then the run abstains. Where a
        judge cannot tell, the answer is doubtful.
        """
        return self._guarded(checks=checks)

    def escalate(self: "Node[X, Y]", *tiers: str) -> "Node[X, Y]":
        """After a failed check or a doubtful answer, run again on these tiers in turn."""
        return self._guarded(tiers=tiers)

    def within(self: "Node[X, Y]", budget: Budget) -> "Node[X, Y]":
        """Limit what this node may spend in each run, besides what the run itself may spend."""
        return Within(self, budget)

    def at(self: "Node[X, Y]", tier: str) -> "Node[X, Y]":
        """The same node with every agent inside asking this tier, without escalation."""
        return Guarded(self, first=tier)

    def vote(self: "Node[X, V]", n: int) -> "Node[X, V]":
        """The most frequent of `n` outputs (self-consistency, Wang et al. 2022, section 2).

        The first sample is greedy and wins ties; the others are drawn at temperature 0.7.
        Outputs are compared by value, so they must be pydantic models or hashable.
        """
        return Vote(self, n)

    def graph(self) -> "CompiledStateGraph[Any, Any, Any, Any]":
        """This node as a compiled LangGraph: `value` goes in, `value` and `findings` come out."""
        from agentsys.graph import public

        return public(self)

    def mermaid(self) -> str:
        """A picture of the graph in Mermaid's language."""
        from agentsys.graph import picture

        return picture(self)

    def _guarded(
        self, *, checks: "Sequence[AnyCheck]" = (), tiers: Sequence[str] = ()
    ) -> "Node[Any, Any]":
        return Guarded(self, checks=checks, tiers=tiers)

    def __repr__(self) -> str:
        return f"<{self.name}: {name_of(self.takes)} -> {name_of(self.gives)}>"


AnyCheck = Check[Any, Any] | Node[Any, Any]
"""A check, or a judge as one."""


class Leaf(Node[I, O]):
    """A node that does its own work."""

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """None: a leaf has nothing inside."""
        return ()

    @abstractmethod
    async def execute(self, value: I, context: Context) -> O:  # pyright: ignore[reportGeneralTypeIssues]
        """The output for one validated input."""


class Step(Leaf[X, Y]):
    """A node that is a plain async function. Made by `step`."""

    def __init__(self, function: Callable[[X], Awaitable[Y]]) -> None:
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.takes, self.gives = _signature(function)

    async def execute(self, value: X, context: Context) -> Y:
        """What the function returns; `sys.exit` in it ends the step, not the program.

        A resumed run takes what it returned before.
        """
        return await once(
            self._work, value, context, name=self.name, takes=self.takes, gives=self.gives
        )

    async def _work(self, value: X) -> Y:
        try:
            return await self.function(value)
        except SystemExit as error:
            raise RuntimeError(f"the step {self.name!r} called sys.exit({error.code})") from error


def step(function: Callable[[X], Awaitable[Y]], /) -> Node[X, Y]:
    """Make an async function of one argument a node (decorator).

    A step that had finished when its run was cut off is not run again; one that was cut off is.

    Raises:
        DefinitionError: it is not async, or a type is missing.
    """
    return Step(function)


class Pipe(Node[I, O]):
    """Nodes one after the other."""

    def __init__(self, first: Node[I, Any], second: Node[Any, O]) -> None:
        left = first.parts if isinstance(first, Pipe) else (first,)
        right = second.parts if isinstance(second, Pipe) else (second,)
        self._parts: tuple[Node[Any, Any], ...] = (*left, *right)
        self.name = f"{self._parts[0].name}-to-{self._parts[-1].name}"
        self.takes, self.gives = first.takes, second.gives

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The nodes in their order, nested pipes laid flat."""
        return self._parts


class Both(Node[I, O]):
    """Nodes side by side on the same input. Made by `both`."""

    def __init__(self, *parts: Node[I, Any]) -> None:
        self._parts: tuple[Node[Any, Any], ...] = parts
        self.name = "-and-".join(part.name for part in parts)
        self.takes = parts[0].takes
        self.gives = tuple[tuple(part.gives for part in parts)]  # pyright: ignore[reportInvalidTypeArguments]

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The nodes in the order of the output tuple."""
        return self._parts


@overload
def both(a: Node[X, A], b: Node[X, B], /) -> Node[X, tuple[A, B]]: ...
@overload
def both(a: Node[X, A], b: Node[X, B], c: Node[X, C], /) -> Node[X, tuple[A, B, C]]: ...
def both(*nodes: Node[Any, Any]) -> Node[Any, Any]:
    """Run two or three nodes on the same input at the same time; gives a tuple."""
    return Both(*nodes)


class Each(Node[Sequence[X], list[Y]]):
    """A node on every item of a list."""

    def __init__(self, item: Node[X, Y], limit: int) -> None:
        if limit < 1:
            raise DefinitionError(f"each(limit={limit}) runs nothing.", hint="Use 1 or more.")
        self.item = item
        self.limit = limit
        self.name = f"each-{item.name}"
        self.takes = list[item.takes]
        self.gives = list[item.gives]

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The node that every item goes through."""
        return (self.item,)


class Vote(Node[X, Y]):
    """The most frequent output of several samples."""

    def __init__(self, voter: Node[X, Y], n: int) -> None:
        if n < 1:
            raise DefinitionError(f"vote({n}) has no voter.", hint="Use 1 or more.")
        self.voter = voter
        self.n = n
        self.name = f"vote-{voter.name}"
        self.takes, self.gives = voter.takes, voter.gives

    @property
    def shape(self) -> str:
        """With the number of samples."""
        return f"{self.n} x {super().shape}"

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The node that is sampled."""
        return (self.voter,)


class Within(Node[X, Y]):
    """A node with a budget of its own. Made by `within`."""

    def __init__(self, inner: Node[X, Y], budget: Budget) -> None:
        if budget.per != "run":
            raise DefinitionError(
                f"A node's budget is for each run, not per={budget.per!r}.",
                hint="Give other budgets to the System, or write them into agentsys.toml.",
            )
        self.inner = inner
        self.budget = budget
        self.name = inner.name
        self.takes, self.gives = inner.takes, inner.gives

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The node that is limited."""
        return (self.inner,)


class Guarded(Node[X, Y]):
    """A node with checks on its output, and the tiers to escalate to."""

    def __init__(
        self,
        inner: Node[X, Y],
        *,
        checks: "Sequence[AnyCheck]" = (),
        tiers: Sequence[str] = (),
        first: str | None = None,
    ) -> None:
        self.inner = inner
        self.checks = tuple(checks)
        self.judges: tuple[Node[Any, Any], ...] = tuple(
            cast("Node[Any, Any]", check) for check in checks if isinstance(check, Node)
        )
        self.escalation = tuple(tiers)
        self.first = first
        self.name = inner.name
        self.takes, self.gives = inner.takes, inner.gives

    @property
    def parts(self) -> tuple[Node[Any, Any], ...]:
        """The node that is checked, and the judges among the checks."""
        return (self.inner, *self.judges)

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers of the node inside, or the one that overrides them, and the escalation."""
        inside = (self.first,) if self.first else self.inner.tiers
        judges = [tier for judge in self.judges for tier in judge.tiers]
        return tuple(dict.fromkeys((*inside, *self.escalation, *judges)))

    @property
    def shape(self) -> str:
        """With the number of checks."""
        return f"{len(self.checks)} checks, {self.first}: {super().shape}"

    def _guarded(
        self, *, checks: "Sequence[AnyCheck]" = (), tiers: Sequence[str] = ()
    ) -> Node[Any, Any]:
        return Guarded(
            self.inner,
            checks=(*self.checks, *checks),
            tiers=(*self.escalation, *tiers),
            first=self.first,
        )


def _signature(function: Callable[..., Any]) -> tuple[Any, Any]:
    name = function.__name__
    if not inspect.iscoroutinefunction(function):
        raise DefinitionError(f"The step {name!r} is not async.", hint="Write 'async def'.")
    parameters = list(inspect.signature(function).parameters)
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise DefinitionError(f"The step {name!r}: {error}.") from error
    if len(parameters) != 1 or parameters[0] not in hints or "return" not in hints:
        raise DefinitionError(
            f"The step {name!r} must take one typed argument and say what it returns."
        )
    return hints[parameters[0]], hints["return"]


def snake_case(name: str) -> str:
    """`SubQuestions` as `sub_questions`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()

"""Everything agentsys raises, split by what the caller does next.

```
AgentSysError
├── UserError            mend the call, the definition or the configuration (exit code 2)
│   ├── SettingsError    agentsys.toml or an environment variable
│   ├── DefinitionError  a file in agents/, tools/ or graphs/, or how its parts are wired
│   ├── UnknownName      no graph, agent, tool, suite, tier or deployment of that name
│   ├── InvalidTask      the task does not fit the node's input type
│   ├── Busy             somebody else works on it; wait for them
│   ├── SchemaError      a type that has no JSON Schema, or one that cannot be enforced
│   └── NoOutput         `Run.output` was read on a run that has none
├── ModelError           a deployment gave no usable reply
│   ├── Unreachable      no connection, a timeout, a 5xx: another try may do
│   ├── RateLimited      429: another try after `retry_after` seconds
│   ├── Rejected         the request itself was refused: bad key, too long, unknown model
│   └── Truncated        the reply was cut off by `max_tokens`
├── BudgetExceeded       a call does not fit into a budget above it: not made, or cut short
├── InvalidOutput        a node gave something that is not its output type
├── ToolFailed           a tool could not do what was asked; the model sees the reason
├── StepLimit            a tool loop reached its bound without a final answer
├── Abstain              raised by a step or a check that gives no answer on purpose
├── NotRecorded          a request that a recording has no reply to; no escalation hides it
└── StoreError           the ledger or the store cannot be read or written
```
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final


class AgentSysError(Exception):
    """What agentsys raises: one line that says what is wrong, and `hint`, what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UserError(AgentSysError):
    """A mistake in the caller's code, command line or configuration."""


class SettingsError(UserError):
    """A configuration that cannot be used; the message names the file and the key."""


class DefinitionError(UserError):
    """A definition that cannot be loaded, or nodes that cannot be wired together."""


class UnknownName(UserError):
    """A name that nothing has; says which names come close."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> None:
        choices = sorted(known)
        super().__init__(f"There is no {kind} {name!r}.", hint=hint or _near(name, choices))
        self.kind = kind
        self.name = name
        self.known = tuple(choices)


def _near(name: str, choices: list[str]) -> str:
    close = get_close_matches(name, choices, n=3)
    if close:
        return f"Did you mean {' or '.join(repr(c) for c in close)}?"
    return f"There are: {', '.join(choices) or 'none'}."


class InvalidTask(UserError):
    """A task that does not fit the input type of the node it was given to."""


class Busy(UserError):
    """Somebody else, in this process or another, works on what may have one worker at a time."""


class SchemaError(UserError):
    """A type without a JSON Schema, or a schema that cannot be enforced as asked."""


class NoOutput(UserError):
    """`Run.output` was read although the run ended without an output."""


class ModelError(AgentSysError):
    """A deployment gave no usable reply. What was spent on it is on the error."""

    retryable = False
    """Whether the same request may succeed on another try."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        deployment: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        tokens_in: int = 0,
        tokens_out: int = 0,
        nano_usd: int = 0,
        seconds: float = 0.0,
    ) -> None:
        super().__init__(message, hint=hint)
        self.deployment = deployment
        self.status = status
        self.retry_after = retry_after
        self.tokens_in = tokens_in
        self.tokens_out = tokens_out
        self.nano_usd = nano_usd
        self.seconds = seconds
        self.energy_j: float | None = None
        """Joules of this machine's accelerators; `None`: not measured."""
        self.call_id = ""
        """The call, where it failed before the run was resumed."""


class Unreachable(ModelError):
    """No connection, a timeout, or the server's own failure (5xx)."""

    retryable = True


class RateLimited(ModelError):
    """The server asked for fewer requests (429); `retry_after` is in seconds, if it said so."""

    retryable = True


class Rejected(ModelError):
    """The server or the engine refused this request; the same request will be refused again."""


class Truncated(ModelError):
    """The reply reached `max_tokens` before it was complete."""


class BudgetExceeded(AgentSysError):
    """A budget has no room for a call: it was not made, or did not get by with what was left."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        account: str = "",
        dimension: str = "",
        degrade: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.account = account
        """The account without room."""
        self.dimension = dimension
        """The field of `Spend` in which it has none."""
        self.degrade = degrade
        """Whether the budget allows to go on with small models (`slm-only`)."""
        self.finished: tuple[tuple[int, object], ...] = ()
        """Of a fan-out that was cut short: the parts that have finished, with their places."""

    def as_json(self) -> dict[str, str | bool]:
        """The arguments that make it anew."""
        return {
            "message": self.message,
            "hint": self.hint,
            "account": self.account,
            "dimension": self.dimension,
            "degrade": self.degrade,
        }


class InvalidOutput(AgentSysError):
    """Something that is not the output type it should be; the message is the reason."""


class ToolFailed(AgentSysError):
    """A tool could not do what was asked. Raise it in a tool to tell the model why."""


class StepLimit(AgentSysError):
    """An agent used all its steps on tools and gave no final answer."""


class Abstain(AgentSysError):
    """No answer, on purpose. Raise it in a step or a check; the run's status is `abstained`."""


class NotRecorded(AgentSysError):
    """A recording has no reply to a request. It is no model's failure: it ends the run.

    `detail` is the difference to the nearest request that was recorded, on several lines.
    """

    PREFIX: Final = "not recorded: "
    """What every message begins with, and so the error of every run that ended by it."""

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message, hint=hint)
        self.detail = detail

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.detail}".strip()


class StoreError(AgentSysError):
    """The store cannot be read or written; the message names the file or the server."""

    def __init__(self, message: str, *, hint: str = "", passing: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.passing = passing
        """Whether it may be there again soon: a server that cannot be reached."""


NO_ANSWER = (Abstain, InvalidOutput, ModelError, StepLimit, ToolFailed)
"""Why an attempt may end without an answer although nobody made a mistake: another may have one."""

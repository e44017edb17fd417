"""A typed function that a model may call."""

import inspect
from collections.abc import Callable
from functools import cached_property, partial, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, cast, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, create_model

from agentsys.errors import DefinitionError, InvalidOutput, ToolFailed
from agentsys.schema import JsonObject, compact, dump, json_schema, name_of, validate_json
from agentsys.tools.thread import in_thread

P = ParamSpec("P")
R = TypeVar("R")


class Tool(Generic[P, R]):
    """A function with a name, a description and typed arguments; call it like the function.

    Made by `tool`. The arguments' JSON Schema comes from the signature, the description from
    the first line of the docstring.
    """

    def __init__(self, function: Callable[P, R], *, idempotent: bool = False) -> None:
        self._function = function
        self.idempotent = idempotent
        """Whether using it twice does no more than using it once."""
        update_wrapper(self, function)
        self.name: str = function.__name__
        self.doc: str = (inspect.getdoc(function) or "").split("\n", 1)[0]
        if not self.doc:
            raise DefinitionError(
                f"The tool {self.name!r} has no docstring.",
                hint="Its first line tells the model what the tool does.",
            )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns."""
        return self._function(*args, **kwargs)

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The arguments as a pydantic model that takes no others."""
        try:
            hints = get_type_hints(self._function, include_extras=True)
        except NameError as error:
            raise DefinitionError(f"The tool {self.name!r}: {error}.") from error
        fields: dict[str, Any] = {}
        for name, parameter in inspect.signature(self._function).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise DefinitionError(
                    f"The tool {self.name!r} takes *{name}.",
                    hint="Give every argument a name and a type.",
                )
            if name not in hints:
                raise DefinitionError(f"The argument {name!r} of {self.name!r} has no type.")
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (hints[name], default)
        config = ConfigDict(extra="forbid")
        return create_model(self.name, __config__=config, **fields)

    @cached_property
    def schema(self) -> JsonObject:
        """JSON Schema of the arguments; every argument is required, so that a model must say it."""
        schema = json_schema(self.arguments)
        return schema | {"required": list(schema.get("properties", {}))}

    @cached_property
    def gives(self) -> Any:
        """The type of the result."""
        hints = get_type_hints(self._function, include_extras=True)
        return hints.get("return", Any)

    @cached_property
    def signature(self) -> str:
        """As the model sees it: `search(query: str, k: int)`."""
        hints = self.arguments.model_fields
        inside = ", ".join(f"{name}: {name_of(f.annotation)}" for name, f in hints.items())
        return f"{self.name}({inside})"

    async def use(self, args: Any) -> str:
        """Validate JSON arguments, run the function, and give its result as text.

        A plain function runs in a thread, an async one in the event loop.

        Raises:
            InvalidOutput: the arguments do not fit; the function did not run.
            Exception: whatever the function raises.
        """
        if not isinstance(args, dict):
            raise InvalidOutput(f"the arguments of {self.name} must be an object.")
        checked = validate_json(args, self.arguments)
        values: dict[str, Any] = {
            name: getattr(checked, name) for name in self.arguments.model_fields
        }
        call = cast(Callable[..., Any], self._function)
        if inspect.iscoroutinefunction(call):
            try:
                result = await call(**values)
            except SystemExit as error:
                raise ToolFailed(f"it called sys.exit({error.code}).") from error
        else:
            result = await in_thread(partial(call, **values))
        return result if isinstance(result, str) else compact(dump(result, self.gives))


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(*, idempotent: bool) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None, /, *, idempotent: bool = False
) -> Tool[P, R] | Callable[[Callable[P, R]], Tool[P, R]]:
    """Make a function a tool (decorator).

    Args:
        function: With types and a docstring.
        idempotent: Whether using it twice does no more than using it once, as with a search. Any
            other tool is not used again by a run that was cut off in it before somebody says so.
    """
    if function is not None:
        return Tool(function)
    return partial(Tool[P, R], idempotent=idempotent)

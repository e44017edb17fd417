"""A decision: one of a closed set, from any small model, with the probability of each."""

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, create_model

from agentsys.attempt import SAMPLE_TEMPERATURE
from agentsys.calibration import Temperature
from agentsys.call import Asking
from agentsys.checks import UNCERTAIN
from agentsys.confidence import value_spans
from agentsys.context import Context
from agentsys.distribution import shares
from agentsys.errors import DefinitionError, InvalidOutput
from agentsys.models.base import Reply, Request
from agentsys.node import Leaf, Node
from agentsys.once import once
from agentsys.prompt import input_text
from agentsys.schema import JsonObject, closed_object, compact, conform, parse
from agentsys.spec import AgentSpec

if TYPE_CHECKING:
    from typing_extensions import TypeForm

C = TypeVar("C")
X = TypeVar("X")

_ALTERNATIVES = 1_000
"""Tokens told for each place. llama.cpp counts before the mask: what is allowed may be far down."""


class Choice(BaseModel, Generic[C]):
    """What was chosen."""

    model_config = ConfigDict(frozen=True)

    choice: C
    """The likeliest."""
    probabilities: dict[C, float] | None
    """Of every choice; they add up to 1. `None` where the deployment gave no log-probabilities."""


def choose(
    takes: type[X],
    choices: "TypeForm[C]",
    instructions: str,
    *,
    tier: str = "slm",
    key: str | None = None,
    list_choices: bool = True,
    calibration: Temperature | None = None,
    min_confidence: float = 0.0,
    name: str = "choose",
) -> Node[X, Choice[C]]:
    """A node that picks one of a closed set.

    One request as a rule, of as many tokens as the longest choice has; the probabilities are read
    off the tokens at which the choices part. Choices that begin alike where the reply took another
    way cost one more request for each such group.

    Args:
        takes: Type of the input.
        choices: `Literal["a", "b"]`, or an `Enum` whose values are text.
        instructions: The system message.
        tier: The class of model it asks.
        key: Ask for `{key: choice}` instead of the choice alone: for a model that was trained so.
        list_choices: Whether the system message ends with the choices.
        calibration: What `fit_temperature` made of labelled examples.
        min_confidence: Probability of the choice below which it is doubtful: it goes to the next
            tier where there is one (`.escalate`), or ends the run as `low_confidence`.
        name: How paths and the ledger call it.

    Raises:
        DefinitionError: there are not two choices or more, or they are no text.
    """
    found = _values(choices)
    told = f"{instructions}\n\nAnswer with one of: {', '.join(found)}." if list_choices else None
    gives = choices if key is None else create_model("Reply", **cast(Any, {key: (choices, ...)}))
    spec = AgentSpec(
        name=name,
        takes=takes,
        gives=gives,
        instructions=told or instructions,
        tools=(),
        tiers=(tier,),
        repairs=0,
        steps=1,
        max_tokens=32 + 4 * max(len(text.encode()) for text in found),
        min_confidence=min_confidence,
    )
    return Chooser(spec, choices, found, key, calibration or Temperature())


class Chooser(Leaf[X, Choice[C]]):
    """A decision. Made by `choose`."""

    def __init__(
        self,
        spec: AgentSpec,
        choices: "TypeForm[C]",
        values: dict[str, Any],
        key: str | None,
        calibration: Temperature,
    ) -> None:
        self.takes, self.name = spec.takes, spec.name
        self.gives: type[Choice[C]] = cast(Any, Choice)[choices]
        self.spec = spec
        self._values = values
        self._key = key
        self._calibration = calibration

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tier it asks."""
        return self.spec.tiers

    @property
    def shape(self) -> str:
        """With all that a choice of it depends on."""
        asked = (self.spec.instructions, tuple(self._values), self._key)
        return f"{super().shape} {asked} {self._calibration.value} {self.spec.min_confidence}"

    @property
    def schema(self) -> JsonObject:
        """JSON Schema of a reply, which may be any of the choices."""
        return self._schema(tuple(self._values))

    @property
    def most_requests(self) -> int:
        """That one decision may take: each further one is about fewer choices than the last."""
        return len(self._values) - 1

    async def execute(self, value: X, context: Context) -> Choice[C]:
        """The choice; a resumed run takes what it was before."""

        async def decided(value: X) -> Choice[C]:
            return await self._decided(value, context)

        choice = await once(
            decided, value, context, name=self.name, takes=self.takes, gives=self.gives
        )
        if choice.probabilities is not None:
            sure = choice.probabilities[choice.choice]
            context.findings.confidences.append(sure)
            if sure < self.spec.threshold(context.tier or self.spec.tiers[0]):
                context.findings.doubts.append(f"{self.name}: {UNCERTAIN}")
        return choice

    async def _decided(self, value: X, context: Context) -> Choice[C]:
        said, likely = await self._asked(value, context, tuple(self._values))
        if likely is None:
            return self.gives(choice=self._values[said], probabilities=None)
        scaled = self._calibration({text: likely.get(text, 0.0) for text in self._values})
        # The likeliest choice may be spread over more tokens than the likeliest token begins.
        best = said if context.sampling else max(scaled, key=lambda text: scaled[text])
        probabilities = {self._values[text]: share for text, share in scaled.items()}
        return self.gives(choice=self._values[best], probabilities=probabilities)

    async def _asked(
        self, value: X, context: Context, among: tuple[str, ...]
    ) -> tuple[str, dict[str, float] | None]:
        """What the model says, and how likely each choice was."""
        asking = Asking(self.spec, context, context.tier or self.spec.tiers[0], "give-up")
        schema = self._schema(among)
        request = Request(
            self.spec.messages(value),
            schema,
            self.spec.max_tokens,
            SAMPLE_TEMPERATURE if context.sampling else 0.0,
            context.seed,
            alternatives=_ALTERNATIVES,
        )
        number = context.number((id(self.spec), input_text(value, self.takes), context.seed))
        asked = await asking.ask(request, number)
        try:
            said = self._said(asked.reply.text, schema)
        except InvalidOutput as error:
            refused = replace(
                asked.call, schema_valid=False, decision="give-up", reason=error.message
            )
            await asking.record(asked, refused)
            raise
        groups = _shares(asked.reply, among)
        sure = None if groups is None else groups.get(frozenset((said,)))
        await asking.record(asked, replace(asked.call, schema_valid=True, confidence=sure))
        if groups is None:
            return said, None
        likely: dict[str, float] = {}
        for group, share in groups.items():
            inside = await self._inside(value, context, group) if len(group) > 1 else None
            for text in group:
                likely[text] = share * (inside[text] if inside else 1 / len(group))
        return said, likely

    async def _inside(
        self, value: X, context: Context, group: frozenset[str]
    ) -> dict[str, float] | None:
        """How likely each of a few choices is, given that it is one of them."""
        _, likely = await self._asked(value, context, tuple(sorted(group)))
        return None if likely is None else {text: likely.get(text, 0.0) for text in group}

    def _schema(self, among: tuple[str, ...]) -> JsonObject:
        one: JsonObject = {"type": "string", "enum": list(among)}
        return one if self._key is None else closed_object({self._key: one})

    def _said(self, text: str, schema: JsonObject) -> str:
        content = parse(text)
        conform(content, schema)
        return content if self._key is None else content[self._key]


def _shares(reply: Reply, among: tuple[str, ...]) -> dict[frozenset[str], float] | None:
    ended = {f'{compact(text)[1:-1]}"': text for text in among}
    start = value_spans(reply.text)[-1][0]
    found = shares(reply.text, reply.tokens, start, ended) if reply.tokens else None
    if found is None:
        return None
    return {frozenset(ended[text] for text in group): share for group, share in found.items()}


def _values(choices: Any) -> dict[str, Any]:
    """The choices by their text."""
    if isinstance(choices, type) and issubclass(choices, Enum):
        found = {member.value: member for member in choices}
    else:
        found = {value: value for value in get_args(choices) if get_origin(choices) is Literal}
    if len(found) < 2 or not all(isinstance(text, str) and text for text in found):
        raise DefinitionError(
            "'choose' takes two choices or more, which are text.",
            hint="Give a Literal['a', 'b'], or an Enum with such values.",
        )
    return cast(dict[str, Any], found)

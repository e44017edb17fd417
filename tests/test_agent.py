"""An agent asks, validates, checks, repairs, uses tools and escalates."""

import pytest
from pydantic import BaseModel, field_validator

from agentsys import Abstain, Agent, ToolFailed
from agentsys.errors import DefinitionError, Rejected, Truncated, UnknownName, Unreachable
from agentsys.money import Price, usd
from agentsys.prompt import BYTES_PER_TOKEN, clipped
from tests.shapes import (
    ASK,
    Answer,
    Question,
    add,
    asked,
    decisions,
    divide,
    double,
    over_five,
    solve,
    system,
)


async def test_valid_answer_is_accepted() -> None:
    """A reply that fits the output type becomes the run's output."""
    run = await system({"value": 41}).run(solve, ASK)
    assert (run.status, run.output) == ("ok", Answer(value=41))
    assert run.path == ("solve@slm",)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("forty-one", "not JSON"),
        ('{"value": "forty"}', "value: 'forty' is not of type 'integer'"),
        ('{"val": 41}', "'value' is a required property"),
        ("[41]", "is not of type 'object'"),
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
async def test_invalid_reply_goes_back_with_the_reason(bad: str, reason: str) -> None:
    """A reply that does not fit is put to the same model again, with what is wrong."""
    models = system([bad, {"value": 41}])
    run = await models.run(solve, ASK)
    assert run.output.value == 41
    assert reason in run.attempts[0].reason
    assert run.attempts[0].schema_valid is False
    assert asked(models)[1][2] == ("assistant", clipped(bad, BYTES_PER_TOKEN * 512))
    assert reason in asked(models)[1][3][1]


async def test_validators_beyond_the_schema_count() -> None:
    """What only a pydantic validator can say is enforced, too; the run fails without it."""

    class Even(BaseModel):
        value: int

        @field_validator("value")
        @classmethod
        def _even(cls, value: int) -> int:
            if value % 2:
                raise ValueError("odd")
            return value

    run = await system({"value": 41}).run(Agent(Question, Even, "x"), ASK)
    assert run.status == "failed"
    assert run.error == "value: Value error, odd."


async def test_failed_check_goes_back_with_the_reason() -> None:
    """The reason of a check is the retry message."""
    models = system([{"value": 1}, {"value": 6}])
    run = await models.run(solve.check(over_five), ASK)
    assert run.output.value == 6
    assert decisions(run) == [("slm", "repair", "it is not over five."), ("slm", "accept", "")]
    assert asked(models)[1][3] == ("user", "That fails: it is not over five. Answer again.")


async def test_next_tier_gets_the_failed_attempts() -> None:
    """After a bounded number of repairs the next tier is asked, told what failed and why."""
    models = system([{"value": 1}, {"value": 2}], {"value": 7})
    run = await models.run(solve.check(over_five).escalate("llm"), ASK)
    assert run.output.value == 7
    assert [d for _, d, _ in decisions(run)] == ["repair", "escalate", "accept"]
    assert run.path == ("solve@slm", "solve@llm")
    conversation = asked(models, "llm")[0]
    assert [text for role, text in conversation if role == "assistant"] == [
        '{"value":1}',
        '{"value":2}',
    ]


async def test_next_tier_must_pass_the_same_checks() -> None:
    """A large model's answer that fails the check is not taken: the run abstains."""
    run = await system({"value": 1}, {"value": 3}).run(solve.check(over_five).escalate("llm"), ASK)
    assert run.status == "abstained"
    assert run.error == "it is not over five."
    assert not run.has_output
    assert decisions(run)[-1][1] == "give-up"


async def test_check_that_raises_abstain_is_a_failed_check() -> None:
    """A check may raise `Abstain` instead of returning the reason."""

    def refuse(question: Question, answer: Answer) -> bool:
        raise Abstain("no.")

    run = await system({"value": 1}).run(solve.check(refuse), ASK)
    assert (run.status, run.error) == ("abstained", "no.")


async def test_unexplained_check_is_named() -> None:
    """A check that only says False is named in the reason."""

    def never(question: Question, answer: Answer) -> bool:
        return False

    run = await system({"value": 1}).run(solve.check(never), ASK)
    assert "'never'" in run.error


async def test_doubtful_answer_escalates() -> None:
    """An answer under the threshold goes to the next tier without a repair."""
    agent = Agent(Question, Answer, "x", escalate="llm", min_confidence={"slm": 0.9})
    run = await system({"value": 1}, {"value": 2}, confidence=0.5).run(agent, ASK)
    assert (run.status, run.output.value) == ("ok", 2)
    assert [d for _, d, _ in decisions(run)] == ["escalate", "accept"]
    assert run.attempts[0].confidence == pytest.approx(0.5)


async def test_last_doubtful_answer_is_handed_back() -> None:
    """Where no tier is sure, the run ends as `low_confidence`, with the answer."""
    agent = Agent(Question, Answer, "x", min_confidence=0.9)
    run = await system({"value": 1}, confidence=0.5).run(agent, ASK)
    assert (run.status, run.output.value, run.ok) == ("low_confidence", 1, False)
    assert run.confidence == pytest.approx(0.5)


async def test_doubtful_answer_survives_a_dead_next_tier() -> None:
    """A run hands back the best it has when the next tier cannot be reached."""
    agent = Agent(Question, Answer, "x", escalate="llm", min_confidence={"slm": 0.9})
    run = await system({"value": 1}, Unreachable("down."), confidence=0.5).run(agent, ASK)
    assert (run.status, run.output.value) == ("low_confidence", 1)


@pytest.mark.parametrize("error", [Unreachable("down."), Truncated("cut off.", nano_usd=7)])
async def test_dead_tier_escalates_without_repair(error: Exception) -> None:
    """A model error goes to the next tier at once; what it cost is counted."""
    run = await system(error, {"value": 2}).run(solve.escalate("llm"), ASK)  # pyright: ignore[reportArgumentType]
    assert run.output.value == 2
    assert [d for _, d, _ in decisions(run)] == ["escalate", "accept"]
    assert run.cost.nano_usd == getattr(error, "nano_usd", 0)


async def test_model_error_on_the_last_tier_fails_the_run() -> None:
    """With nobody left to ask, the run is `failed` and says why."""
    run = await system(Rejected("bad key.", hint="Set one.")).run(solve, ASK)
    assert (run.status, run.error) == ("failed", "bad key. Set one.")


async def test_free_text_agent() -> None:
    """An agent that gives `str` sends no schema and takes the reply as it is."""
    models = system("It rains.")
    run = await models.run(Agent(Question, str, "x"), ASK)
    assert run.output == "It rains."


async def test_tool_loop() -> None:
    """A tool's result goes back to the model, which then answers."""
    models = system([{"tool": "add", "args": {"a": 40, "b": 1}}, {"final": {"value": 41}}])
    run = await models.run(Agent(Question, Answer, "x", tools=[add]), ASK)
    assert run.output.value == 41
    assert [d for _, d, _ in decisions(run)] == ["tool", "accept"]
    assert [(t.tool, t.executable, t.observation) for t in run.tool_calls] == [("add", True, "41")]
    assert asked(models)[1][-1] == ("user", "Result of add: 41")


async def test_tool_arguments_are_validated_before_it_runs() -> None:
    """Arguments that do not fit never reach the tool; the model is told what is wrong."""
    models = system([{"tool": "add", "args": {"a": 1, "b": "x"}}, {"final": {"value": 41}}])
    run = await models.run(Agent(Question, Answer, "x", tools=[add]), ASK)
    assert run.ok
    assert run.tool_calls[0].executable is False
    assert run.tool_calls[0].observation.startswith("error: b: ")


async def test_tool_exception_is_an_observation() -> None:
    """What a tool raises goes back to the model as text."""
    models = system([{"tool": "divide", "args": {"a": 1, "b": 0}}, {"final": {"value": 41}}])
    run = await models.run(Agent(Question, Answer, "x", tools=[divide]), ASK)
    assert run.ok
    assert asked(models)[1][-1][1] == "Result of divide: error: ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"tool": "rm", "args": {}}, "there is no tool 'rm', only add."),
        ({"tool": "add"}, "the reply must be"),
        ({"value": 41}, "the reply must be"),
        ({"final": {"value": "x"}}, "value: 'x' is not of type 'integer'."),
    ],
)
async def test_malformed_step_is_explained(step: dict[str, object], reason: str) -> None:
    """A step that is neither a known tool nor a valid answer is put back with a plain reason."""
    run = await system([step, {"final": {"value": 41}}]).run(
        Agent(Question, Answer, "x", tools=[add]), ASK
    )
    assert run.ok
    assert reason in run.attempts[0].reason


@pytest.mark.parametrize(
    "step",
    [
        {"tool": None, "args": None, "final": {"value": 41}},
        {"tool": 5, "final": {"value": 41}},
        {"final": {"value": 41}, "note": "x"},
    ],
)
async def test_answer_beside_a_dead_tool_is_an_answer(step: dict[str, object]) -> None:
    """Models without a grammar may fill the other branch with nulls; the answer counts."""
    run = await system(step).run(Agent(Question, Answer, "x", tools=[add]), ASK)
    assert (run.status, run.output.value) == ("ok", 41)
    assert run.attempts[0].schema_valid is False


async def test_schema_validity_covers_tool_arguments() -> None:
    """A tool step whose arguments do not fit is not valid by the schema that was asked for."""
    script = [{"tool": "add", "args": {"a": 1, "b": "x"}}, {"final": {"value": 41}}]
    run = await system(script).run(Agent(Question, Answer, "x", tools=[add]), ASK)
    assert [call.schema_valid for call in run.attempts] == [False, True]


async def test_schema_validity_is_the_schemas() -> None:
    """A reply that only a pydantic validator refuses is valid by its schema, and repaired."""

    class Odd(Answer):
        @field_validator("value")
        @classmethod
        def _odd(cls, value: int) -> int:
            if value % 2 == 0:
                raise ValueError("even")
            return value

    run = await system([{"value": 2}, {"value": 3}]).run(Agent(Question, Odd, "x"), ASK)
    assert [(c.decision, c.schema_valid) for c in run.attempts] == [
        ("repair", True),
        ("accept", True),
    ]


async def test_check_that_breaks_is_paid_for() -> None:
    """An exception in a check fails the run, and the call is on the record with its cost."""

    def broken(question: Question, answer: Answer) -> bool:
        return 1 / (answer.value - 1) > 0

    models = system({"value": 1}, price=Price(usd_per_mtok_out=usd(10**9)))
    run = await models.run(solve.check(broken), ASK)
    assert (run.status, run.error) == ("failed", "ZeroDivisionError: division by zero")
    assert [d for _, d, _ in decisions(run)] == ["give-up"]
    assert run.cost.nano_usd > 0


async def test_tool_failure_in_a_check_is_its_reason() -> None:
    """A check may use a tool: what the tool refuses is the reason."""

    def computes(question: Question, answer: Answer) -> bool:
        raise ToolFailed("the expression divides by zero.")

    run = await system({"value": 1}).run(solve.check(computes), ASK)
    assert (run.status, run.error) == ("abstained", "the expression divides by zero.")


async def test_empty_reason_is_no_pass() -> None:
    """A check that returns an empty string has not passed."""

    def silent(question: Question, answer: Answer) -> bool | str:
        return ""

    run = await system({"value": 1}).run(solve.check(silent), ASK)
    assert run.status == "abstained"


async def test_deep_reply_is_repaired() -> None:
    """A reply that is nested beyond what can be validated is put back, not a crash."""

    class Tree(BaseModel):
        children: list["Tree"]

    deep = '{"children":[' * 300 + "]}" * 300
    run = await system([deep, {"children": []}]).run(Agent(Question, Tree, "x"), ASK)
    assert run.ok
    assert "nested too deeply" in run.attempts[0].reason


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_numbers_that_json_lacks_are_refused(number: str) -> None:
    """Not-a-number and the infinities are not JSON, and never reach an output."""

    class Real(BaseModel):
        value: float

    run = await system(f'{{"value": {number}}}').run(Agent(Question, Real, "x"), ASK)
    assert run.status == "failed"
    assert "no number" in run.error


async def test_requests_are_numbered_within_the_run() -> None:
    """An agent's repairs count on, whoever asked for them."""
    run = await system([{"value": 1}, {"value": 4}]).run((solve >> double).check(over_five), ASK)
    assert [call.attempt for call in run.attempts] == [0, 1]


async def test_step_bound_ends_the_loop() -> None:
    """A model that only calls tools is stopped, with a typed status."""
    agent = Agent(Question, Answer, "x", tools=[add], steps=3)
    run = await system({"tool": "add", "args": {"a": 1, "b": 1}}).run(agent, ASK)
    assert (run.status, run.cost.calls) == ("failed", 3)
    assert "3 steps" in run.error


async def test_tools_and_answer_are_one_schema() -> None:
    """The request of a tool agent carries one tagged union, and the tools in the system message."""
    models = system({"final": {"value": 1}})
    await models.run(Agent(Question, Answer, "Add up.", tools=[add]), ASK)
    request = models.models["slm"].requests[0]  # pyright: ignore[reportAttributeAccessIssue]
    assert [set(o["properties"]) for o in request.schema["anyOf"]] == [{"tool", "args"}, {"final"}]
    assert request.messages[0].content == (
        "Add up.\n\nTools:\n- add(a: int, b: int): Add two numbers."
    )


async def test_unknown_tier_is_the_callers_mistake() -> None:
    """A tier that is not configured is named before anything is asked."""
    from agentsys.models.tiers import Tiers
    from agentsys.settings import Settings
    from agentsys.system import System

    with pytest.raises(UnknownName, match="'huge'"):
        await System(Tiers(Settings.load())).run(solve.at("huge"), ASK)


def test_two_tools_of_one_name_are_refused() -> None:
    """Tools of one agent have distinct names."""
    with pytest.raises(DefinitionError, match="same name"):
        Agent(Question, Answer, "x", tools=[add, add])


def test_agents_are_values() -> None:
    """`check` and `escalate` give a new agent and leave the old one as it was."""
    before = solve.tiers
    solve.check(over_five).escalate("llm")
    assert solve.tiers == before

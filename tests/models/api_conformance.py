"""What must happen where a server refuses, fails, asks for patience or says nonsense."""

import pytest

from agentsys import System
from agentsys.errors import ModelError, Rejected, Unreachable
from agentsys.models.base import Model
from tests.loopback import fail
from tests.models.api import Api
from tests.models.backends import BackEnd
from tests.models.conformance import conforms, question
from tests.models.graph_conformance import errors, pens, said, solve


class ApiConformance:
    """The suite. Subclass it and give the fixtures `backend`, with an `api`, and `system`."""

    @pytest.fixture
    def api(self, backend: BackEnd) -> Api:
        """The server, which fails as it is told."""
        assert backend.api is not None
        return backend.api

    @pytest.fixture
    def model(self, backend: BackEnd) -> Model:
        """What is asked."""
        return backend.models["slm"]

    async def test_a_server_that_asks_for_patience_is_asked_again(
        self, model: Model, api: Api, waits: list[float]
    ) -> None:
        """Once the time that it named has passed."""
        api.loopback.script(fail(429, Retry_After="0.01"), fail(429, Retry_After="0.01"))
        conforms(await model.ask(question()))
        assert len(waits) == 2
        assert min(waits) >= 0.01

    @pytest.mark.parametrize(
        ("status", "error"),
        [(400, Rejected), (401, Rejected), (404, Rejected), (500, Unreachable), (503, Unreachable)],
    )
    async def test_a_server_that_fails_is_typed(
        self, model: Model, api: Api, status: int, error: type[ModelError]
    ) -> None:
        """What it refuses is asked once, what it fails at three times."""
        api.loopback.script(*[fail(status, "no such luck")] * 3)
        with pytest.raises(error, match=r"'the slm'.*no such luck") as caught:
            await model.ask(question())
        assert (caught.value.status, caught.value.retryable) == (status, error is Unreachable)
        assert len(api.loopback.requests) == (3 if caught.value.retryable else 1)

    async def test_an_invalid_reply_is_repaired(self, api: Api, system: System) -> None:
        """The model is told why, and answers again; both calls are paid for."""
        api.says.append("That makes 41.")
        run = await system.run(solve, pens(4))
        assert said(run) == "4*12-7"
        assert [call.schema_valid for call in run.attempts] == [False, True]
        assert [call.decision for call in run.attempts] == ["repair", "accept"]
        assert api.loopback.requests[-1]["messages"][-1]["content"].startswith("That fails: ")
        assert run.cost.calls == 2

    async def test_invalid_replies_fail_the_run(self, api: Api, system: System) -> None:
        """Where the second one is no better: typed, with the reason, and paid for."""
        api.says.extend(['{"expression": "forty-one"}', '{"expression": '])
        run = await system.run(solve, pens(4))
        assert (run.status, run.has_output, run.cost.calls) == ("failed", False, 2)
        assert run.error == run.attempts[-1].reason
        assert [call.schema_valid for call in run.attempts] == [False, False]
        assert [call.decision for call in run.attempts] == ["repair", "give-up"]
        assert run.cost.nano_usd > 0

    async def test_a_run_outlasts_a_server_that_is_busy(self, api: Api, system: System) -> None:
        """A 429 and a 503 are no outcome of a run."""
        api.loopback.script(fail(429), fail(503))
        run = await system.run(solve, pens(4))
        assert (said(run), run.cost.calls) == ("4*12-7", 1)

    @pytest.mark.parametrize(("status", "error"), [(503, "Unreachable"), (400, "Rejected")])
    async def test_a_server_that_fails_fails_the_run(
        self, api: Api, system: System, status: int, error: str
    ) -> None:
        """In its own words."""
        api.loopback.script(*[fail(status, "no such luck")] * 3)
        run = await system.run(solve, pens(4))
        assert (run.status, errors(run)) == ("failed", [error])
        assert "no such luck" in run.error

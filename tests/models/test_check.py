"""One guided request to each tier says whether it works."""

from decimal import Decimal
from pathlib import Path

import pytest

from agentsys.errors import Unreachable
from agentsys.models.check import check_tier, check_tiers
from agentsys.models.scripted import Scripted
from agentsys.money import Price
from agentsys.settings import Settings

UNREACHABLE = """[[deployments]]
name = "gone"
tier = "slm"
litellm_params = { model = "hosted_vllm/x", api_base = "http://127.0.0.1:9/v1" }
usd_per_hour = 1
"""


async def test_a_tier_that_answers_has_no_problem() -> None:
    """An answer in the form asked for is valid, and its deployment and cost are reported."""
    price = Price(usd_per_mtok_out=Decimal(1_000_000))
    model = Scripted({"answer": "yes"}, name="mine", price=price)
    checked = await check_tier("slm", {"slm": model})
    assert (checked.schema_valid, checked.problem) == (True, "")
    assert (checked.deployment, checked.guided) == ("mine", "prompt")
    assert checked.nano_usd > 0


@pytest.mark.parametrize("reply", ["yes", '{"answer": "perhaps"}', '{"answer": "yes"', "[]"])
async def test_a_reply_of_another_form_is_a_problem(reply: str) -> None:
    """Free text, another value, half an object: not valid, and said why."""
    checked = await check_tier("slm", {"slm": Scripted(reply)})
    assert not checked.schema_valid
    assert checked.problem.startswith("The reply does not fit its schema: ")


async def test_a_model_error_is_the_problem() -> None:
    """A tier that cannot be reached is reported, not raised."""
    gone = Unreachable("nobody there.", deployment="far")
    checked = await check_tier("slm", {"slm": Scripted(gone)})
    assert (checked.deployment, checked.problem) == ("far", "nobody there.")


async def test_every_tier_is_asked(tmp_path: Path) -> None:
    """A deployment that is down is named; its server's absence does not raise."""
    (tmp_path / "agentsys.toml").write_text(UNREACHABLE)
    [checked] = await check_tiers(Settings.load(tmp_path / "agentsys.toml"))
    assert (checked.tier, checked.deployment, checked.schema_valid) == ("slm", "gone", False)
    assert "'gone'" in checked.problem


async def test_a_missing_file_is_a_problem_of_its_tier(tmp_path: Path) -> None:
    """A GGUF file that is not there is reported with the others."""
    text = '[[deployments]]\nname = "m"\ntier = "slm"\ngguf = "no.gguf"\nusd_per_hour = 1\n'
    (tmp_path / "agentsys.toml").write_text(text)
    [checked] = await check_tiers(Settings.load(tmp_path / "agentsys.toml"))
    assert "no.gguf" in checked.problem

"""Agent systems on small models, large ones when a check says so.

Everything a graph needs is here and is loaded when it is first used: `import agentsys` alone
loads none of the libraries behind it. Models for tests are in `agentsys.models.scripted`, events
in `agentsys.events`, all errors in `agentsys.errors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentsys.agent import Agent
    from agentsys.calibration import Temperature, fit_temperature
    from agentsys.choosing import Choice, choose
    from agentsys.context import interrupt
    from agentsys.errors import (
        Abstain,
        AgentSysError,
        BudgetExceeded,
        InvalidOutput,
        ModelError,
        ToolFailed,
        UserError,
    )
    from agentsys.graph import from_langgraph
    from agentsys.limits import Budget
    from agentsys.models.base import Model, Reply, Request
    from agentsys.money import Price
    from agentsys.node import Node, both, step
    from agentsys.patterns.agreement import agree
    from agentsys.patterns.cascade import cascade
    from agentsys.patterns.cot_pot import cot_pot_cascade
    from agentsys.patterns.decomposing.decompose import decompose
    from agentsys.patterns.decomposing.sub_tasks import Attempted, Solved, SubTask
    from agentsys.patterns.judging.judge import Judge
    from agentsys.patterns.judging.panel import judge_panel
    from agentsys.patterns.sampling import sample_verify, vote_until
    from agentsys.run import Cost, Run
    from agentsys.settings import Settings
    from agentsys.stores import open_store
    from agentsys.system import System
    from agentsys.tools.tool import Tool, tool
    from agentsys.verdict import Candidate, Verdict

__all__ = [
    "Abstain",
    "Agent",
    "AgentSysError",
    "Attempted",
    "Budget",
    "BudgetExceeded",
    "Candidate",
    "Choice",
    "Cost",
    "InvalidOutput",
    "Judge",
    "Model",
    "ModelError",
    "Node",
    "Price",
    "Reply",
    "Request",
    "Run",
    "Settings",
    "Solved",
    "SubTask",
    "System",
    "Temperature",
    "Tool",
    "ToolFailed",
    "UserError",
    "Verdict",
    "agree",
    "both",
    "cascade",
    "choose",
    "cot_pot_cascade",
    "decompose",
    "fit_temperature",
    "from_langgraph",
    "interrupt",
    "judge_panel",
    "open_store",
    "sample_verify",
    "step",
    "tool",
    "vote_until",
]

_PLACES = {
    "agent": ("Agent",),
    "calibration": ("Temperature", "fit_temperature"),
    "choosing": ("Choice", "choose"),
    "context": ("interrupt",),
    "errors": (
        "Abstain",
        "AgentSysError",
        "BudgetExceeded",
        "InvalidOutput",
        "ModelError",
        "ToolFailed",
        "UserError",
    ),
    "graph": ("from_langgraph",),
    "limits": ("Budget",),
    "models.base": ("Model", "Reply", "Request"),
    "money": ("Price",),
    "node": ("Node", "both", "step"),
    "patterns.decomposing.decompose": ("decompose",),
    "patterns.decomposing.sub_tasks": ("Attempted", "Solved", "SubTask"),
    "patterns.agreement": ("agree",),
    "patterns.cascade": ("cascade",),
    "patterns.cot_pot": ("cot_pot_cascade",),
    "patterns.judging.judge": ("Judge",),
    "patterns.judging.panel": ("judge_panel",),
    "patterns.sampling": ("sample_verify", "vote_until"),
    "run": ("Cost", "Run"),
    "settings": ("Settings",),
    "stores": ("open_store",),
    "system": ("System",),
    "tools.tool": ("Tool", "tool"),
    "verdict": ("Candidate", "Verdict"),
}
_MODULE_OF = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'agentsys' has no attribute {name!r}")
    value = getattr(import_module(f"agentsys.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

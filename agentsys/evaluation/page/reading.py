"""What the plots and the list of failures need beyond the report: read from the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agentsys.checks import UNCERTAIN
from agentsys.evaluation.page.curves import Answer
from agentsys.evaluation.reports.account import Account
from agentsys.events import Call, RunStarted
from agentsys.ledger import Ledger

SAMPLE = 20_000
"""Most tasks whose calls are read. The report itself is computed from all."""

_BETWEEN = ("repair", "tool", "cancel")
"""Decisions after which the same node is asked on, or nothing is known."""


@dataclass
class Sample:
    """What is known of some tasks' calls."""

    tasks: int
    """Whose calls were read."""
    of: int
    """Tasks in all."""
    answers: list[Answer] = field(default_factory=list[Answer])
    onward: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Graphs and their nodes of which a reply went on to another tier."""


def sample(ledger: Ledger, tasks: Sequence[Account]) -> Sample:
    """The answers of all tasks, or of evenly many among them; the first and the last are in it.

    Raises:
        StoreError: the ledger cannot be read.
    """
    chosen = _evenly(tasks)
    by_run = {task.run_id: task for task in chosen}
    read = Sample(len(chosen), len(tasks))
    tiers: dict[tuple[str, str], str] = {}
    for recorded in ledger.events(Call, run_ids=by_run):
        if isinstance(call := recorded.event, Call):
            first = tiers.setdefault((call.run_id, call.node), call.tier)
            answer = _answer(call, by_run[call.run_id], first)
            read.answers += [] if answer is None else [answer]
            if call.decision == "escalate" or call.tier != first:
                read.onward.add((by_run[call.run_id].graph, call.node))
    return read


def begun(ledger: Ledger, tasks: Sequence[Account]) -> list[datetime]:
    """When the first and the last of the tasks were.

    Raises:
        StoreError: the ledger cannot be read.
    """
    ends = {task.run_id for task in (*tasks[:1], *tasks[-1:])}
    lines = ledger.lines(RunStarted, columns=("time",), run_ids=ends)
    return sorted(datetime.fromtimestamp(moment / 1e6, UTC) for (moment,) in lines)


def _evenly(tasks: Sequence[Account]) -> list[Account]:
    if len(tasks) <= SAMPLE:
        return list(tasks)
    last = len(tasks) - 1
    return [tasks[step * last // (SAMPLE - 1)] for step in range(SAMPLE)]


def _answer(call: Call, task: Account, first: str) -> Answer | None:
    if call.decision in _BETWEEN or (call.decision == "accept" and call.confidence is None):
        return None
    unsure = call.reason == UNCERTAIN
    handed_back = call.decision == "accept" or (call.decision == "give-up" and unsure)
    decided = "taken" if handed_back else "unsure" if unsure else "refused"
    return Answer(
        task.graph,
        call.node,
        call.tier,
        call.deployment,
        0.0 if call.confidence is None else call.confidence,
        decided,
        call.tier == first,
        task.outcome if handed_back else None,
    )


def by_graph(read: Sample, graphs: Sequence[str]) -> dict[str, list[Answer]]:
    """Of each graph and node that went on to another tier, the answers of the first.

    The largest groups come first; where each graph has one, the graphs in their own order, by name.
    """
    first = [a for a in read.answers if a.first and (a.graph, a.node) in read.onward]
    groups = _grouped((answer.graph, answer.node, answer) for answer in first)
    heads = [head for head, _ in groups]
    if len(set(heads)) < len(heads) or not set(heads) <= set(graphs):
        return {f"{graph} · {node}": each for (graph, node), each in groups.items()}
    alone = {graph: each for (graph, _), each in groups.items()}
    return {graph: alone[graph] for graph in graphs if graph in alone}


def by_model(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """Of each node and model, the answers that were taken and have a verdict; the most first."""
    taken = [a for a in answers if a.decided == "taken" and a.right is not None]
    groups = _grouped((answer.node, answer.deployment, answer) for answer in taken)
    return {f"{node} · {model}": each for (node, model), each in groups.items()}


def _grouped(
    answers: Iterable[tuple[str, str, Answer]],
) -> dict[tuple[str, str], list[Answer]]:
    """By two names, the largest group first; those without any confidence are left out."""
    groups: dict[tuple[str, str], list[Answer]] = {}
    for first, second, answer in answers:
        groups.setdefault((first, second), []).append(answer)
    known = {key: each for key, each in groups.items() if any(a.confidence for a in each)}
    return dict(sorted(known.items(), key=lambda item: -len(item[1])))

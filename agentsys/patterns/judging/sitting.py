"""One answer before a panel: who is asked, in which order, and what comes of it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, get_args

from agentsys.checks import first_objection
from agentsys.errors import BudgetExceeded
from agentsys.node import Node
from agentsys.pattern import Inside, Tried
from agentsys.patterns.judging.deliberation import Deliberation
from agentsys.patterns.judging.kinship import strangers_first, tell_of_kin
from agentsys.patterns.judging.panel_verdict import PanelVerdict, Stopped
from agentsys.patterns.judging.voting import Lead, Votes
from agentsys.schema import dump
from agentsys.verdict import Candidate, Label, Verdict

if TYPE_CHECKING:
    from agentsys.patterns.judging.panel import Panel

_LABELS: tuple[Label, ...] = get_args(Label)


class Sitting:
    """A panel on one answer."""

    def __init__(
        self, panel: "Panel[Any, Any]", candidate: Candidate[Any, Any], inside: Inside
    ) -> None:
        self.panel = panel
        self.candidate = candidate
        self.inside = inside
        self._heard: list[tuple[Verdict, Tried[Verdict]]] = []
        self._short: BudgetExceeded | None = None
        self._before: Verdict | None = None

    async def verdict(self) -> PanelVerdict:
        """What the panel says."""
        found = self._by_function() or await self._by_quick() or await self._by_vote()
        for verdict, tried in self._heard:
            if verdict.label != found.label:
                tried.context.findings.confidences.clear()  # it has not told what was decided
            self.inside.vouch(tried)
        if found.label == "unknown":
            self.inside.doubt(found.reason)
        if self._short is not None:
            self.inside.shorten(self._short)
        return found

    def _by_function(self) -> PanelVerdict | None:
        """A check's objection, or what the reference says."""
        task, answer = self.candidate.task, self.candidate.answer
        objection = first_objection(self.panel.checks, task, answer)
        if objection:
            return self._single(Verdict(label="incorrect", p_correct=0, reason=objection), "check")
        match = self.panel.matches(task, answer) if self.panel.matches is not None else None
        if match is None:
            return None
        label: Label = "correct" if match else "incorrect"
        return self._single(Verdict(label=label, p_correct=float(match)), "reference")

    async def _by_quick(self) -> PanelVerdict | None:
        if self.panel.quick is None:
            return None
        verdict = await self._ask(self.panel.quick, "quick")
        self._before = verdict
        if verdict is None or verdict.label == "unknown":
            return None
        return self._single(verdict, "quick")

    async def _by_vote(self) -> PanelVerdict:
        first, lead = await self._first_round()
        panel = self.panel
        talk = Deliberation(self.candidate, panel.takes, panel.revising, panel.bounded, first)
        everybody = len(first) == len(self.panel.judges) and lead != "posterior"
        if everybody and self._short is None:
            await talk.go_on(self.panel.rounds, self.inside)
            self._short = talk.short
        votes, after = self.panel.weights.votes(talk.verdicts), None
        label, reason, told = votes.label, self._reason(votes, lead, talk), talk.verdicts
        if label == "unknown" and (after := await self._after_a_tie()):
            label, reason = after.label, _who(after, reason)
            told = (after,) if label != "unknown" else told
        elif label == "unknown":
            reason = self._reason(votes, lead, talk)  # a budget had no room for the larger model
        return PanelVerdict(
            **_together(label, told, votes),
            judge=self.panel.name,
            stopped_because=reason,
            first_round=first,
            last_round=talk.verdicts,
            first_label=self.panel.weights.votes(first).label,
            rounds_used=talk.rounds,
            flips=tuple(talk.flips),
            margin=votes.margin,
            n_eff=votes.n_eff,
            before=self._before,
            after=after,
        )

    async def _first_round(self) -> tuple[tuple[Verdict, ...], Lead | None]:
        """The verdicts of as many judges as it takes, and why it takes no more."""
        judges = self.panel.judges
        tell_of_kin(self.panel.name, judges, self.inside.context)
        order = strangers_first(judges, self.inside.context)
        heard: list[Verdict] = []
        lead: Lead | None = None
        while order and lead is None and not self._ends:
            together = 1 if heard else 2
            heard += await self._ask_all(order[:together])
            order = order[together:]
            votes = self.panel.weights.votes(heard)
            lead = self.panel.weights.decided(votes, [judges[at].name for at in order])
        return tuple(heard), lead

    @property
    def _ends(self) -> bool:
        """Whether a budget has no room for anybody; some leave it for small models."""
        return self._short is not None and not self._short.degrade

    async def _ask_all(self, places: Sequence[int]) -> list[Verdict]:
        judges = self.panel.judges
        tried = await self.inside.side_by_side(
            self.inside.run(judges[at], self.candidate, "judge", at) for at in places
        )
        found = (self._hear(judges[at], each) for at, each in zip(places, tried, strict=True))
        return [verdict for verdict in found if verdict is not None]

    async def _ask(self, judge: Node[Any, Verdict], place: str) -> Verdict | None:
        return self._hear(judge, await self.inside.run(judge, self.candidate, place))

    def _hear(self, judge: Node[Any, Verdict], tried: Tried[Verdict]) -> Verdict | None:
        """A judge's verdict; `None` where a budget had no room for it."""
        if tried.short is not None:
            self._short = tried.short
            return None
        if tried.failure is not None:
            return Verdict(label="unknown", reason=tried.failure.message, judge=judge.name)
        verdict = tried.output.model_copy(update={"judge": judge.name})
        verdict = self.panel.weights.measured(verdict)
        self._heard.append((verdict, tried))
        return verdict

    async def _after_a_tie(self) -> Verdict | None:
        """What the larger model says, or a human."""
        found: Verdict | None = None
        if self.panel.larger is not None and self._short is None:
            found = await self._ask(self.panel.larger, "larger")
        if self.panel.human and (found is None or found.label == "unknown"):
            return self._human()
        return found

    def _human(self) -> Verdict:
        """What a human says, who is asked until it is a label."""
        said = [verdict.model_dump(mode="json") for verdict, _ in self._heard]
        asked = f"Is the answer correct? Say {', '.join(_LABELS)}."
        question = {"question": asked, **dump(self.candidate, self.panel.takes), "verdicts": said}
        context = self.inside.context.at("human")
        while (answer := context.ask(question)) not in _LABELS:
            question = {**question, "question": f"{asked} {answer!r} is none of them."}
        return Verdict(label=answer, judge="human")

    def _reason(self, votes: Votes, lead: Lead | None, talk: Deliberation) -> Stopped:
        if self._short is not None:
            return "budget"
        if votes.label == "unknown":
            return "undecided"
        if votes.same:
            return "unanimous"
        if talk.rounds:
            return "no_change" if talk.settled else "max_rounds"
        return lead or "lead"

    def _single(self, verdict: Verdict, stopped: Stopped) -> PanelVerdict:
        """The verdict of one that needs no others."""
        known: dict[str, Any] = {name: getattr(verdict, name) for name in Verdict.model_fields}
        known |= {"judge": self.panel.name, "stopped_because": stopped, "before": self._before}
        return PanelVerdict(**known, first_label=verdict.label, margin=1.0)


def _who(after: Verdict, otherwise: Stopped) -> Stopped:
    """Who broke the tie."""
    if after.judge == "human":
        return "human"
    return otherwise if after.label == "unknown" else "larger_model"


def _together(label: Label, told: Iterable[Verdict], votes: Votes) -> dict[str, Any]:
    """A label with what those that say it have found."""
    agreeing = [verdict for verdict in told if verdict.label == label]
    p = votes.p_correct if votes.label == label else _only(agreeing)
    steps = [verdict.failing_step for verdict in agreeing if verdict.failing_step]
    reasons = [f"{v.judge}: {v.reason}" for v in agreeing if v.reason]
    undecided = "the judges do not agree." if votes.correct else "the judges could not tell."
    return {
        "label": label,
        "confidence": {"correct": p, "incorrect": None if p is None else 1 - p}.get(label),
        "p_correct": p,
        "failing_step": min(steps, default=None),
        "evidence": tuple(dict.fromkeys(quote for v in agreeing for quote in v.evidence)),
        "reason": undecided if label == "unknown" else " ".join(reasons),
    }


def _only(agreeing: Sequence[Verdict]) -> float | None:
    return agreeing[0].probability if len(agreeing) == 1 else None

"""Recorded models as the tiers of a system: each request is answered by the task it is about."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from agentsys.errors import NotRecorded, Rejected, Truncated, UnknownName, UserError
from agentsys.evaluation.recorded.runs import RecordedRuns, Recording, Sample
from agentsys.messages import Usage
from agentsys.models.base import Model, Reply, Request
from agentsys.models.by_tier import ByTier
from agentsys.models.chat import unfenced
from agentsys.models.place import here
from agentsys.models.recorded.difference import nearest_text
from agentsys.models.recorded.replay import covering, lasted
from agentsys.money import Worst

REPAIR = "no repair of it is on record: the model gave this task one answer of its own."
"""Why a model that is told what is wrong with its answer says nothing."""


class RecordedModels(ByTier):
    """Recorded models by tier: `slm`, `slm-2`, `slm-3`, …, `llm`, and each under its own name."""

    def __init__(self, runs: RecordedRuns, *, slm: Sequence[str] = (), llm: str = "") -> None:
        """Say which model stands behind which tier.

        Args:
            runs: What is on record.
            slm: The models of `slm`, `slm-2` and so on; default: the only small one, if it is.
            llm: The model of `llm`; default: the only large one.

        Raises:
            UnknownName: nothing is on record of that model.
        """
        small = tuple(slm) or _only(runs, "slm")
        large = (llm,) if llm else _only(runs, "llm")
        for name in (*small, *large):
            if name not in runs.models:
                raise UnknownName("recorded model", name, runs.models)
        tiers = {"slm" if i == 1 else f"slm-{i}": name for i, name in enumerate(small, start=1)}
        tiers |= dict(zip(("llm",), large, strict=False))
        self.of_tier: Mapping[str, str] = {name: name for name in runs.models} | tiers
        """The model of each tier."""
        self._runs = runs
        self._tasks = _Tasks(runs)
        self._made: dict[str, RecordedModel] = {}

    def __getitem__(self, tier: str) -> Model:
        if tier not in self.of_tier:
            raise self._missing(tier)
        name = self.of_tier[tier]
        if name not in self._made:
            self._made[name] = RecordedModel(name, self._runs, self._tasks)
        return self._made[name]

    def _missing(self, tier: str) -> UserError:
        models = ", ".join(self._runs.models)
        option = "--llm MODEL" if tier == "llm" else "--slm MODEL"
        again = ", once for each of slm, slm-2, slm-3 …" if tier.startswith("slm-") else ""
        hint = f"Give {option}{again}. On record are: {models}."
        return UnknownName("tier", tier, self.of_tier, hint=hint)

    def __contains__(self, tier: object) -> bool:
        return tier in self.of_tier

    def __iter__(self) -> Iterator[str]:
        return iter(self.of_tier)

    def __len__(self) -> int:
        return len(self.of_tier)

    def families(self, tier: str) -> frozenset[str]:
        """What the model of a tier descends from."""
        model = self._runs.models.get(self.of_tier.get(tier, ""))
        return frozenset({model.family} - {""}) if model is not None else frozenset()

    async def close(self) -> None:
        """Begin every task's samples anew."""
        self._made.clear()


class RecordedModel:
    """One model's recorded outputs.

    At temperature 0 it gives the first sample of a task; every further seed that a graph asks with
    at a temperature has the next one. It answers no objection to its own answer (`REPAIR`), which
    ends its part as any failed call does: the next tier is asked. What it is told besides the task
    changes nothing.
    """

    def __init__(self, name: str, runs: RecordedRuns, tasks: "_Tasks") -> None:
        self.name = name
        self.about: Recording = runs.models[name]
        self._runs = runs
        self._tasks = tasks
        self._seeds = defaultdict[tuple[str, str], dict[int | None, int]](dict)
        """By graph and task, the sample of each seed."""

    @property
    def stands_in(self) -> bool:
        """Nothing is paid."""
        return True

    async def ask(self, request: Request) -> Reply:
        """The recorded output.

        Raises:
            Rejected: it is asked to mend its own answer.
            Truncated: the output is longer than `max_tokens`.
            NotRecorded: the task, the model's output for it or this sample of it is not on record.
            Cancelled: there is not as much time as it took.
        """
        sample = self._sample(request)
        reply = self._reply(sample, request)
        await lasted(reply)
        if reply.usage.tokens_out < sample.tokens_out:
            raise Truncated(
                f"The reply of {self.name!r} has {sample.tokens_out:,} tokens, and was cut off"
                f" after {request.max_tokens:,}.",
                hint="Give the agent a larger 'max_tokens'.",
                deployment=self.name,
                tokens_in=reply.usage.tokens_in,
                tokens_out=reply.usage.tokens_out,
                nano_usd=reply.nano_usd,
                seconds=reply.seconds,
            )
        return reply

    def worst(self, request: Request) -> Worst:
        """What is on record.

        Raises:
            Rejected, NotRecorded: as `ask` does.
        """
        sample = self._sample(request)
        worst = Worst(sample.tokens_in, sample.latency_s or 0.0, self.about.price)
        return covering(worst, self._reply(sample, request), request.max_tokens)

    async def close(self) -> None:
        """Nothing to give back."""

    def _reply(self, sample: Sample, request: Request) -> Reply:
        usage = Usage(sample.tokens_in, min(sample.tokens_out, request.max_tokens))
        cut = usage.tokens_out < sample.tokens_out and sample.usd is None
        price = self.about.price
        return Reply(
            text=sample.output if request.schema is None else unfenced(sample.output),
            usage=usage,
            deployment=self.name,
            guided="none" if request.schema is None else "prompt",
            tokens=(),
            seconds=sample.latency_s or 0.0,
            nano_usd=price.of(usage) if cut else sample.nano_usd(price),
        )

    def _sample(self, request: Request) -> Sample:
        task_id = self._tasks.of(request)
        samples = self._runs.samples.get((task_id, self.name), ())
        said = {message.content for message in request.messages if message.role == "assistant"}
        if any(each.output in said or unfenced(each.output) in said for each in samples):
            raise Rejected(f"{self.name}: {REPAIR}", deployment=self.name)
        number = self._number(task_id, request)
        for sample in samples:
            if sample.sample == number:
                return sample
        raise NotRecorded(
            f"{NotRecorded.PREFIX}{self._runs.folder} has no sample {number} of {self.name!r} for"
            f" the task {task_id!r}.",
            hint=f"It has {len(samples)}." if samples else "",
        )

    def _number(self, task_id: str, request: Request) -> int:
        """Of the sample: the first that is asked for at a temperature is number 1."""
        if request.temperature == 0:
            return 0
        seeds = self._seeds[here().graph, task_id]
        return seeds.setdefault(request.seed, len(seeds) + 1)


class _Tasks:
    """Which task a request is about."""

    def __init__(self, runs: RecordedRuns) -> None:
        self._runs = runs
        self._ids = dict[str, str]()
        for task in runs.tasks.values():
            for text in (_text(task.data), _canonical(task.data)):
                self._ids.setdefault(text, task.id)

    def of(self, request: Request) -> str:
        """The task whose input is a user message, the first such.

        Raises:
            NotRecorded: there is none.
        """
        asked = [message.content for message in request.messages if message.role == "user"]
        for text in asked:
            found = self._ids.get(text) or self._ids.get(_canonical_text(text) or "")
            if found is not None:
                return found
        texts = [_text(task.data) for task in self._runs.tasks.values()]
        raise NotRecorded(
            f"{NotRecorded.PREFIX}{self._runs.folder} has no task with this input.",
            hint="An agent must take the task as it is on record.",
            detail=nearest_text(texts, asked[0] if asked else ""),
        )


def _only(runs: RecordedRuns, tier: str) -> tuple[str, ...]:
    names = [name for name, model in runs.models.items() if model.tier == tier]
    return tuple(names) if len(names) == 1 else ()


def _text(data: Any) -> str:
    """What an agent says of an input: the text that it is or has alone, else JSON."""
    if isinstance(data, dict) and len(fields := cast("dict[str, Any]", data)) == 1:
        [data] = fields.values()
    return data if isinstance(data, str) else _canonical(data)


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=False)


def _canonical_text(text: str) -> str | None:
    try:
        return _canonical(json.loads(text)) if text[:1] in ("{", "[") else None
    except (ValueError, RecursionError):
        return None

"""Training one model: loss on the replies only, Muon for the matrices, a schedule by the clock."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from .corpus import SHARD, Batch, batches, write_shard
from .model import Llama, Shape
from .roles import EVEN, Mixture
from .validate import Validation

MATRIX_RATE = 0.007
OTHER_RATE = 0.003
WARM_UP = 100
"""Steps in which the learning rate rises."""
DECAY = 0.4
"""Share of the time, at the end, in which it falls to nothing."""


@dataclass(frozen=True)
class Plan:
    """What to train and for how long."""

    name: str
    shape: Shape
    minutes: float
    tokens_per_batch: int = 2048
    stop_at: float = 1.0
    """Validation success of the solver at which training ends early."""
    checkpoint_every: float = 2.0
    """Minutes between validations and checkpoints."""
    shard: int = SHARD
    mixtures: tuple[tuple[float, Mixture], ...] = ((0.0, EVEN),)
    """What is drawn how often, each from its minute on."""
    reduced: bool = False
    """Compute in bfloat16 where that is faster."""


class Trainer:
    """A model, its optimisers and how far they are; saved and resumed as one."""

    def __init__(self, plan: Plan, tokenizer: Tokenizer, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.tokenizer = tokenizer
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(0)
        self.model = Llama(plan.shape).to(self.device)
        matrices, others = _split_parameters(self.model)
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=MATRIX_RATE, weight_decay=0.01),
            torch.optim.AdamW(others, lr=OTHER_RATE, weight_decay=0.0, betas=(0.9, 0.98)),
        ]
        self.step = 0
        self.tokens = 0
        self.examples = 0
        self.minutes = 0.0
        self.history: list[dict[str, Any]] = []

    def run(self, validation: Validation) -> None:
        """Train to the end of the plan, validating and saving on the way."""
        started = time.monotonic() - self.minutes * 60
        due = self.minutes + self.plan.checkpoint_every
        running = 0.0
        for batch in self._stream():
            loss = self._step(batch, self.minutes / self.plan.minutes)
            running = loss if running == 0 else 0.98 * running + 0.02 * loss
            self.minutes = (time.monotonic() - started) / 60
            finished = self.minutes >= self.plan.minutes
            if self.minutes >= due or finished:
                due = self.minutes + self.plan.checkpoint_every
                if self._report(validation, running) >= self.plan.stop_at or finished:
                    return

    def _stream(self) -> Iterator[Batch]:
        """Batches without end, from where training stands; no example comes twice."""
        number = int(self.history[-1]["shard"]) + 1 if self.history else 1
        while True:
            self.shard = number
            path = write_shard(
                self.tokenizer, self.folder / "corpus", number, self._mixture(), self.plan.shard
            )
            yield from batches(path, tokens_per_batch=self.plan.tokens_per_batch, seed=number)
            number += 1

    def _mixture(self) -> Mixture:
        return [mixture for start, mixture in self.plan.mixtures if start <= self.minutes][-1]

    def _step(self, batch: Batch, done: float) -> float:
        rate = min(1.0, (self.step + 1) / WARM_UP, max(0.0, (1 - done) / DECAY))
        for optimizer, base in zip(self.optimizers, (MATRIX_RATE, OTHER_RATE), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = base * rate
        tokens = torch.from_numpy(batch.tokens).to(self.device)
        targets = torch.from_numpy(batch.targets).to(self.device)
        weights = torch.from_numpy(batch.weights).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.plan.reduced):
            loss = self.model.loss(tokens, targets, weights)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        self.tokens += tokens.numel()
        self.examples += len(tokens)
        return float(loss.detach())

    def _report(self, validation: Validation, loss: float) -> float:
        """Validate, save, print the progress line; returns the solver's success."""
        scores = validation.run(self.model)
        line = {
            "step": self.step,
            "minutes": round(self.minutes, 1),
            "tokens": self.tokens,
            "examples": self.examples,
            "loss": round(loss, 4),
            "shard": self.shard,
            "scores": scores,
        }
        self.history.append(line)
        self.save()
        shown = " ".join(f"{role} {score:.2f}" for role, score in scores.items())
        speed = self.tokens / max(self.minutes, 0.01) / 60
        print(
            f"{self.plan.name} {self.minutes:5.1f}/{self.plan.minutes:g} min, step {self.step}, "
            f"{speed:.0f} tokens/s, loss {loss:.3f}: {shown}",
            flush=True,
        )
        return scores["solver"]

    def save(self) -> None:
        """Write the checkpoint that `resume` reads, and keep the weights of every report."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "progress": (self.step, self.tokens, self.minutes, self.history, self.examples),
        }
        partial = self.folder / "checkpoint.partial"
        torch.save(state, partial)
        partial.rename(self.folder / "checkpoint.pt")
        torch.save(self.model.state_dict(), self.folder / f"weights-{self.step:06}.pt")
        record = {"reports": self.history}
        (self.folder / "history.json").write_text(json.dumps(record, indent=1) + "\n")

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one."""
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.tokens, self.minutes, self.history, self.examples = state["progress"]


def _split_parameters(model: Llama) -> tuple[list[Tensor], list[Tensor]]:
    """The matrices inside the layers, and everything else."""
    matrices = [p for p in model.blocks.parameters() if p.dim() == 2]
    inside = {id(p) for p in matrices}
    return matrices, [p for p in model.parameters() if id(p) not in inside]

"""The command line of `scripts/train_miniatures`."""

import argparse
import asyncio
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer

from .card import read_record, write_card, write_record
from .evaluate import measure
from .export import load_state, write_folder, write_gguf
from .plans import PLANS
from .tokenizer import train_tokenizer
from .train import Plan, Trainer
from .validate import Validation

STAGES = ("train", "ship", "measure", "card")
SHIPPED = Path(__file__).parents[2] / "agentsys" / "miniatures"


def main() -> int:
    """Parse the arguments and do the stages asked for, model by model."""
    options = _arguments()
    torch.set_num_threads(options.threads)
    for plan in PLANS:
        if options.model not in (None, plan.name):
            continue
        if options.minutes:
            plan = replace(plan, minutes=options.minutes)
        if options.smoke:
            plan = replace(plan, minutes=0.1, shard=400, checkpoint_every=0.05)
        for stage in options.stages or STAGES:
            _STAGES[stage](plan, options)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="train_miniatures")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"of {', '.join(STAGES)}")
    parser.add_argument("--model", choices=[plan.name for plan in PLANS], help="only this model")
    parser.add_argument("--out", type=Path, default=Path("build/miniatures"), help="checkpoints")
    parser.add_argument("--ship", type=Path, default=SHIPPED, help="where finished models go")
    parser.add_argument("--minutes", type=float, help="how long to train each model")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; one is often fastest")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--step", type=int, help="ship the checkpoint of this step")
    parser.add_argument("--size", type=int, default=500, help="questions a role when measuring")
    parser.add_argument("--smoke", action="store_true", help="a few steps of everything")
    options = parser.parse_args()
    for stage in options.stages:
        if stage not in STAGES:
            parser.error(f"there is no stage {stage!r}, only {', '.join(STAGES)}")
    if options.smoke:
        options.size = min(options.size, 4)
    return options


def _tokenizer(options: argparse.Namespace) -> Tokenizer:
    path: Path = options.out / "tokenizer.json"
    if path.exists():
        return Tokenizer.from_file(str(path))
    return train_tokenizer(path, sample=300 if options.smoke else 12_000)


def _train(plan: Plan, options: argparse.Namespace) -> None:
    tokenizer = _tokenizer(options)
    trainer = Trainer(plan, tokenizer, options.out / plan.name)
    if options.resume:
        trainer.resume()
    trainer.run(Validation(tokenizer, 60 if options.smoke else 1500))


def _ship(plan: Plan, options: argparse.Namespace) -> None:
    """Write the files of the last checkpoint, or of the step asked for."""
    folder: Path = options.out / plan.name
    history = read_record(folder / "history.json")["reports"]
    report = next((r for r in history if r["step"] == options.step), history[-1])
    state = load_state(folder / f"weights-{report['step']:06}.pt")
    tokenizer = _tokenizer(options)
    gguf = options.ship / f"{plan.name}.gguf"
    write_folder(state, plan.shape, tokenizer, options.ship / plan.name)
    write_gguf(state, plan.shape, tokenizer, gguf)
    training = {
        "parameters": sum(weight.numel() for weight in state.values()),
        "layers": plan.shape.layers,
        "hidden": plan.shape.hidden,
        "heads": plan.shape.heads,
        "inner": plan.shape.inner,
        "vocabulary": plan.shape.vocabulary,
        "steps": report["step"],
        "tokens": report["tokens"],
        "examples": report["examples"],
        "minutes": report["minutes"],
        "gguf_mb": round(gguf.stat().st_size / 1e6, 2),
        "validation": report["scores"],
    }
    write_record(options.ship / f"{plan.name}.json", {"training": training})


def _measure(plan: Plan, options: argparse.Namespace) -> None:
    path = options.ship / f"{plan.name}.json"
    figures = asyncio.run(measure(options.ship, plan.name, options.size))
    write_record(path, read_record(path) | figures)


def _card(plan: Plan, options: argparse.Namespace) -> None:
    record = read_record(options.ship / f"{plan.name}.json")
    write_card(options.ship / f"{plan.name}.md", plan.name, record)


_STAGES = {"train": _train, "ship": _ship, "measure": _measure, "card": _card}

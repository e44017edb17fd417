"""The command line of `scripts/train_miniatures`."""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer

from .model import Shape
from .tokenizer import VOCABULARY, train_tokenizer
from .train import Plan, Trainer
from .validate import Validation

PLANS = (
    Plan("mini-slm", Shape(64, 4, 4, 192, VOCABULARY), minutes=60),
    Plan("mini-llm", Shape(128, 4, 4, 352, VOCABULARY), minutes=60, reduced=True),
)


def main() -> int:
    """Parse the arguments and train."""
    parser = argparse.ArgumentParser(prog="train_miniatures")
    parser.add_argument("--model", choices=[plan.name for plan in PLANS], help="only this model")
    parser.add_argument("--out", type=Path, default=Path("build/miniatures"))
    parser.add_argument("--minutes", type=float, help="how long to train each model")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; one is often fastest")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--smoke", action="store_true", help="a few steps of everything")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    path = options.out / "tokenizer.json"
    if path.exists():
        tokenizer = Tokenizer.from_file(str(path))
    else:
        tokenizer = train_tokenizer(path, sample=300 if options.smoke else 12_000)
    validation = Validation(tokenizer, 60 if options.smoke else 1500)
    for plan in PLANS:
        if options.model not in (None, plan.name):
            continue
        if options.minutes:
            plan = replace(plan, minutes=options.minutes)
        if options.smoke:
            plan = replace(plan, minutes=0.05, shard=400)
        trainer = Trainer(plan, tokenizer, options.out / plan.name)
        if options.resume:
            trainer.resume()
        trainer.run(validation)
    return 0

"""The training corpus as arrays of tokens, written shard by shard and shared by both models."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from .chat import END
from .roles import Conversation, example

SHARD = 20_000
"""Examples a shard."""
LONGEST = 480
"""Longer conversations (a page of foreign text) are left out."""


@dataclass(frozen=True)
class Batch:
    """Examples of about the same length: tokens, and what is to be predicted (-1: nothing)."""

    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]


def encode(tokenizer: Tokenizer, conversation: Conversation) -> tuple[list[int], list[bool]]:
    """The tokens of a conversation, and for each whether the model learns to say it."""
    ids: list[int] = []
    learnt: list[bool] = []
    for at, message in enumerate(conversation.messages):
        text = tokenizer.encode(f"{message.content}{END}").ids
        ids += [tokenizer.token_to_id(f"<|{message.role}|>"), *text]
        learnt += [False, *[at in conversation.learnt] * len(text)]
    return ids, learnt


def write_shard(tokenizer: Tokenizer, folder: Path, number: int, size: int = SHARD) -> Path:
    """Generate shard `number` unless it is there already."""
    path = folder / f"shard-{number:03}.npz"
    if path.exists():
        return path
    tokens: list[int] = []
    masks: list[bool] = []
    ends: list[int] = []
    for index in range(size):
        ids, learnt = encode(tokenizer, example(number, index))
        if len(ids) <= LONGEST:
            tokens += ids
            masks += learnt
            ends.append(len(tokens))
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(
        partial,
        tokens=np.array(tokens, dtype=np.uint16),
        learnt=np.array(masks, dtype=np.bool_),
        ends=np.array(ends, dtype=np.int64),
    )
    partial.rename(path)
    return path


def batches(path: Path, *, tokens_per_batch: int, seed: int) -> Iterator[Batch]:
    """The examples of a shard, sorted by length into batches, in random order."""
    random = Random(seed)
    with np.load(path) as shard:
        tokens, learnt, ends = shard["tokens"], shard["learnt"], shard["ends"]
    starts = np.concatenate(([0], ends[:-1]))
    order = sorted(range(len(ends)), key=lambda i: int(ends[i] - starts[i]) + random.random() * 6)
    groups: list[list[int]] = [[]]
    longest = 0
    for i in order:
        longest = max(longest, int(ends[i] - starts[i]))
        if (len(groups[-1]) + 1) * longest > tokens_per_batch and groups[-1]:
            groups.append([])
            longest = int(ends[i] - starts[i])
        groups[-1].append(i)
    random.shuffle(groups)
    for group in groups:
        yield _batch(
            [tokens[starts[i] : ends[i]] for i in group],
            [learnt[starts[i] : ends[i]] for i in group],
        )


def _batch(rows: list[NDArray[np.uint16]], masks: list[NDArray[np.bool_]]) -> Batch:
    width = max(len(row) for row in rows) - 1
    tokens = np.zeros((len(rows), width), dtype=np.int64)
    targets = np.full((len(rows), width), -1, dtype=np.int64)
    for at, (row, mask) in enumerate(zip(rows, masks, strict=True)):
        ids = row.astype(np.int64)
        tokens[at, : len(ids) - 1] = ids[:-1]
        targets[at, : len(ids) - 1] = np.where(mask[1:], ids[1:], -1)
    return Batch(tokens, targets)

"""The training corpus as arrays of tokens, written shard by shard and shared by both models."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from .chat import END
from .roles import Conversation, Mixture, example

SHARD = 20_000
"""Examples a shard."""
LONGEST = 480
"""Longer conversations (a page of foreign text) are left out."""


@dataclass(frozen=True)
class Batch:
    """Examples of about the same length: tokens, what follows each, and how much that counts."""

    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]


JUDGED = '","answer":"'
"""What stands before the expression under judgement."""
HINT, REPLY = 1, 2
"""What a token of a prompt counts that helps to learn, and what a token of a reply counts."""
REPLY_WEIGHTS = {"judge": 10, "searcher": 8}
"""Replies with few tokens of news, which are learnt late unless they count more."""
_WORD = re.compile(r"[A-Za-z]{3,}")


def encode(tokenizer: Tokenizer, conversation: Conversation) -> tuple[list[int], list[int]]:
    """The tokens of a conversation, and for each how much it counts in the loss.

    Besides the replies, two things in the prompts count a little. The right expressions that a
    judge is shown: who can foresee the next token of the right answer sees where another one
    stands. And the rest of a word that stood there before: made-up words must be copied.
    """
    ids: list[int] = []
    weights: list[int] = []
    seen: set[str] = set()
    judge = conversation.role == "judge"
    for at, message in enumerate(conversation.messages):
        text = tokenizer.encode(f"{message.content}{END}")
        weight = REPLY_WEIGHTS.get(conversation.role, REPLY) if at in conversation.learnt else 0
        ids += [tokenizer.token_to_id(f"<|{message.role}|>"), *text.ids]
        copied = _copied(message.content, seen, text.offsets)
        weights += [0, *(weight or known for known in copied)]
    if judge and '"correct"' in conversation.messages[-1].content:
        question = conversation.messages[1].content.partition(JUDGED)
        start = len(tokenizer.encode(conversation.messages[0].content).ids) + 3
        start += len(tokenizer.encode("".join(question[:2])).ids)
        answer = len(tokenizer.encode(question[2].removesuffix('"}')).ids)
        weights[start : start + answer + 1] = [HINT] * (answer + 1)
    return ids, weights


def _copied(text: str, seen: set[str], offsets: list[tuple[int, int]]) -> list[int]:
    """`HINT` for each token that continues a word seen before; adds the new words to `seen`."""
    inside: set[int] = set()
    for match in _WORD.finditer(text):
        if match[0] in seen:
            inside.update(range(match.start() + 1, match.end()))
        seen.add(match[0])
    return [HINT if start in inside else 0 for start, _ in offsets]


def write_shard(
    tokenizer: Tokenizer, folder: Path, number: int, mixture: Mixture, size: int = SHARD
) -> Path:
    """Generate shard `number` unless it is there already."""
    path = folder / f"shard-{number:03}.npz"
    if path.exists():
        return path
    tokens: list[int] = []
    masks: list[int] = []
    ends: list[int] = []
    for index in range(size):
        ids, learnt = encode(tokenizer, example(number, index, mixture=mixture))
        if len(ids) <= LONGEST:
            tokens += ids
            masks += learnt
            ends.append(len(tokens))
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(
        partial,
        tokens=np.array(tokens, dtype=np.uint16),
        weights=np.array(masks, dtype=np.uint8),
        ends=np.array(ends, dtype=np.int64),
    )
    partial.rename(path)
    return path


def batches(path: Path, *, tokens_per_batch: int, seed: int) -> Iterator[Batch]:
    """The examples of a shard, sorted by length into batches, in random order."""
    random = Random(seed)
    with np.load(path) as shard:
        tokens, weights, ends = shard["tokens"], shard["weights"], shard["ends"]
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
            [weights[starts[i] : ends[i]] for i in group],
        )


def _batch(rows: list[NDArray[np.uint16]], counts: list[NDArray[np.uint8]]) -> Batch:
    shape = len(rows), max(len(row) for row in rows) - 1
    tokens = np.zeros(shape, dtype=np.int64)
    targets = np.zeros(shape, dtype=np.int64)
    weights = np.zeros(shape, dtype=np.float32)
    for at, (row, count) in enumerate(zip(rows, counts, strict=True)):
        tokens[at, : len(row) - 1] = row[:-1]
        targets[at, : len(row) - 1] = row[1:]
        weights[at, : len(row) - 1] = count[1:] / REPLY
    return Batch(tokens, targets, weights)

"""The tokenizer: byte-level BPE with one token a digit, trained on the corpus."""

from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from .chat import SPECIAL
from .roles import example

VOCABULARY = 1024
_SAMPLE = 12_000


def _texts(n: int) -> Iterator[str]:
    for index in range(n):
        for message in example(seed=99, index=index).messages:
            yield message.content


def train_tokenizer(path: Path, *, sample: int = _SAMPLE) -> Tokenizer:
    """Train on a sample of the corpus and save to `path`.

    `Digits` then `ByteLevel` is what llama.cpp calls the pre-tokenizer `smollm`.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(sample), trainer)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
    return tokenizer

"""Texts that the solver answers with `unknown`: other wordings, spoilt problems, prose."""

import pydoc_data.topics
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

from agentsys.evaluation.word_problems import problem
from agentsys.evaluation.word_problems.frames import all_frames
from agentsys.evaluation.word_problems.words import containers, person, thing

from .recognizer import in_language

_NUMBER_WORDS = (
    "two three four five six seven eight nine ten eleven twelve twenty thirty fifty".split()
)
_VAGUE = ("some", "many", "several", "a few", "x", "a dozen", "no")
_SENTENCE_END = re.compile(r"(?<=[.?!]) ")


@cache
def _foreign() -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {"s": [], "u": [], "d": [], "q": []}
    lines = Path(__file__).with_name("foreign.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if not line.startswith("#"):
            kinds[line[0]].append(line[2:])
    return kinds


@cache
def _prose() -> tuple[str, ...]:
    """The paragraphs of Python's own language reference, as training text."""
    topics: dict[str, str] = pydoc_data.topics.topics
    paragraphs = [" ".join(p.split()) for text in topics.values() for p in text.split("\n\n")]
    return tuple(p for p in paragraphs if len(p) > 20)


@cache
def _words() -> tuple[str, ...]:
    """English words that no frame uses."""
    frame_words = {w for frame in all_frames() for w in re.findall(r"[a-z]+", frame.text.lower())}
    frame_words |= {word + end for word in frame_words for end in ("s", "es")}
    texts = " ".join(s for sentences in _foreign().values() for s in sentences) + " ".join(_prose())
    return tuple(sorted(set(re.findall(r"\b[a-z]{3,9}\b", texts)) - frame_words))


def _fill(random: Random, template: str, name: str, things: tuple[str, str]) -> str:
    box = random.choice(containers())
    words = {
        "N": name,
        "M": person(random, "train").name,
        "t": things[0],
        "t1": things[1],
        "x": box.singular,
        "xs": box.plural,
    }
    text = re.sub(r"\{n\}", lambda _: str(random.randint(2, 10 ** random.randint(1, 4))), template)
    return text.format_map(words)


def _foreign_sentence(random: Random, kind: str) -> str:
    noun = thing(random, "train")
    template = random.choice(_foreign()[kind])
    return _fill(random, template, person(random, "train").name, (noun.plural, noun.singular))


def _foreign_problem(random: Random) -> str:
    """A whole problem in other words."""
    name, noun = person(random, "train").name, thing(random, "train")
    kinds = ["s", *random.choices("uuudss", k=random.randint(0, 3)), "q"]
    if random.random() < 0.2:
        random.shuffle(kinds)
    things = (noun.plural, noun.singular)
    return " ".join(_fill(random, random.choice(_foreign()[k]), name, things) for k in kinds)


def _problem(random: Random) -> str:
    return problem("train", 7, random.randrange(10**9)).text


def _one_foreign(random: Random) -> str:
    """A problem of the language in which one sentence is foreign, or has been put in."""
    sentences = _SENTENCE_END.split(_problem(random))
    at = random.randrange(len(sentences))
    kind = "q" if at == len(sentences) - 1 else "s" if at == 0 else random.choice("uud")
    if random.random() < 0.35 and kind != "q":
        sentences.insert(at + 1, _foreign_sentence(random, random.choice("ddu")))
    else:
        sentences[at] = _foreign_sentence(random, kind)
    return " ".join(sentences)


def _foreign_word(random: Random) -> str:
    """One or two words replaced by words that the language does not have."""
    words = _problem(random).split(" ")
    for _ in range(random.choice((1, 1, 2))):
        at = random.randrange(len(words))
        end = words[at][-1] if words[at][-1] in ".?," else ""
        words[at] = random.choice(_words()) + end
    return " ".join(words)


def _spoilt(random: Random) -> str:
    """Words dropped, doubled, swapped or shuffled."""
    words = _problem(random).split(" ")
    how = random.random()
    at = random.randrange(len(words))
    if how < 0.35:
        del words[at : at + random.choice((1, 1, 2, 3))]
    elif how < 0.45:
        words.insert(at, words[at])
    elif how < 0.6:
        other = random.randrange(len(words))
        words[at], words[other] = words[other], words[at]
    elif how < 0.75:
        words.insert(at, random.choice(_words()))
    else:
        random.shuffle(words)
    return " ".join(words)


def _incomplete(random: Random) -> str:
    """A problem without its question, without its start, or cut off."""
    text = _problem(random)
    sentences = _SENTENCE_END.split(text)
    how = random.random()
    if how < 0.4:
        return " ".join(sentences[:-1])
    if how < 0.6:
        return " ".join(sentences[1:])
    if how < 0.8:
        return text[: random.randint(1, len(text) - 2)]
    return text[random.randint(2, len(text) - 1) :]


def _without_digits(random: Random) -> str:
    """One number or all numbers in words, or gone."""
    other = random.choice((_NUMBER_WORDS, _VAGUE))
    text = _problem(random)
    numbers = re.findall(r"\d+", text)
    if random.random() < 0.3:
        return re.sub(r"\d+", lambda _: random.choice(other), text)
    return re.sub(rf"\b{random.choice(numbers)}\b", random.choice(other), text, count=1)


def _ordinary(random: Random) -> str:
    """A piece of prose as long as a question, sometimes with numbers strewn in."""
    prose = random.choice(_prose())
    start = random.choice((0, random.randrange(len(prose))))
    piece = prose[start : start + random.randint(10, 220)]
    if random.random() < 0.25:
        words = piece.split(" ")
        for _ in range(random.randint(1, 4)):
            words.insert(random.randrange(len(words) + 1), str(random.randint(2, 3000)))
        piece = " ".join(words)
    return piece.strip()


def _salad(random: Random) -> str:
    """Random words, some of them from problems."""
    pool = [*random.choices(_words(), k=random.randint(2, 25)), *_problem(random).split()[:8]]
    random.shuffle(pool)
    return " ".join(pool)


_KINDS: tuple[tuple[Callable[[Random], str], int], ...] = (
    (_foreign_problem, 24),
    (_one_foreign, 24),
    (_foreign_word, 20),
    (_spoilt, 12),
    (_incomplete, 6),
    (_without_digits, 5),
    (_ordinary, 12),
    (_salad, 2),
)


def negative(random: Random) -> str:
    """A text outside the controlled English."""
    makers, weights = zip(*_KINDS, strict=True)
    while True:
        text = random.choices(makers, weights)[0](random)
        if text and not in_language(text):
            return text

"""The vocabulary: names, things and containers, real and made up, and what is held out."""

import hashlib
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

Split = Literal["train", "validation", "held_out"]

_SHE = """
Mia Anna Emma Olivia Sophia Laura Nora Lucy Alice Grace Ruby Ella Clara Maya Julia Sara Eva Rosa
Lena Ivy Hana Zoe Lily Amy Kate Jane Mary Linda Susan Karen Betty Helen Sandra Donna Carol Ruth
Sharon Priya Fatima Ingrid Yuki Leila Carmen Amara Chloe
""".split()
_HE = """
Tom Ben Sam Max Leo Noah Liam Jack Paul Peter John David Mark James Robert Adam Simon Oscar Henry
Felix Hugo Ivan Omar Ali Raj Kenji Diego Pablo Marco Luca Nils Erik Jonas Daniel Victor George
Frank Walter Arthur Ralph Roy Carl Bruno Kofi Tariq
""".split()
_THEY = "Alex Robin Jamie Taylor Morgan Casey Riley Quinn Avery Rowan".split()

_THINGS = """
pen pencil book apple orange marble stamp coin card sticker shell button bead brick candle cup
plate spoon fork bottle flower rose tulip tree seed egg cookie muffin cake pie banana pear plum
lemon carrot potato onion tomato nut grape ticket ribbon balloon kite toy doll puzzle block car
truck boat train ball hat shirt sock shoe scarf glove coat lamp chair stool table clock bell key
lock nail screw bolt tile stone rock feather leaf:leaves knife:knives shelf:shelves berry:berries
cherry:cherries strawberry:strawberries peach:peaches sandwich:sandwiches brush:brushes
watch:watches glass:glasses dish:dishes match:matches badge poster magnet envelope letter photo
notebook crayon eraser map jewel pumpkin mushroom lantern basketball bracelet necklace cushion
towel blanket
""".split()
_CONTAINERS = """
box:boxes bag basket jar crate tin pack tray case bucket drawer sack barrel carton packet chest
bin tub folder pouch
""".split()

_ONSETS = (
    "b c d f g h j k l m n p r s t v w z br cr dr fl gl gr kl pl sk sl sn sp st tr th sh qu".split()
)
_VOWELS = "a e i o u a e i o u ai ee oo ou ia".split()
_CODAS = ["", "", "", "n", "l", "r", "k", "m", "p", "t", "d", "b", "g", "nd", "rk", "st", "lt"]

HELD_OUT_WORDS = 0.2
"""Share of the names and things, real and made up, that no training problem uses."""


@dataclass(frozen=True)
class Person:
    """A name and the forms of its pronoun."""

    name: str
    she: str
    her: str
    """The object form: `her`, `him`, `them`."""
    hers: str
    """The possessive form: `her`, `his`, `their`."""

    @property
    def plural(self) -> bool:
        """True for `they`, whose verbs take the plain form."""
        return self.she == "they"


@dataclass(frozen=True)
class Noun:
    """A countable word."""

    singular: str
    plural: str


_PRONOUNS = (("she", "her", "her"), ("he", "him", "his"), ("they", "them", "their"))


def is_held_out(text: str, share: float) -> bool:
    """Whether a word, number or combination is kept out of training; the same on every machine."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def noun(entry: str) -> Noun:
    """`box:boxes` or a regular `pen` as a `Noun`."""
    singular, _, plural = entry.partition(":")
    if plural:
        return Noun(singular, plural)
    return Noun(singular, singular + ("es" if singular.endswith(("s", "x", "sh", "ch")) else "s"))


@cache
def _people(held_out: bool) -> tuple[Person, ...]:
    return tuple(
        Person(name, *forms)
        for names, forms in zip((_SHE, _HE, _THEY), _PRONOUNS, strict=True)
        for name in names
        if is_held_out(f"name {name.lower()}", HELD_OUT_WORDS) == held_out
    )


@cache
def _nouns(held_out: bool) -> tuple[Noun, ...]:
    nouns = tuple(noun(entry) for entry in _THINGS)
    return tuple(
        word for word in nouns if is_held_out(f"thing {word.singular}", HELD_OUT_WORDS) == held_out
    )


@cache
def containers() -> tuple[Noun, ...]:
    """What things are packed in; none is held out."""
    return tuple(noun(entry) for entry in _CONTAINERS)


def _made_up(random: Random) -> str:
    syllables = random.choice((1, 2, 2, 2, 3))
    word = "".join(random.choice(_ONSETS) + random.choice(_VOWELS) for _ in range(syllables))
    word += random.choice(_CODAS)
    return word if len(word) > 2 else word + "n"


def made_up_word(random: Random, role: str, held_out: bool) -> str:
    """A word that means nothing, on the asked side of the split for its role (`name`, `thing`)."""
    while True:
        word = _made_up(random)
        if is_held_out(f"{role} {word}", HELD_OUT_WORDS) == held_out:
            return word


def person(random: Random, split: Split) -> Person:
    """A person: half of them with a made-up name; in `held_out`, half with a held-out one."""
    held_out = split == "held_out" and random.random() < 0.5
    if random.random() < 0.5:
        return random.choice(_people(held_out))
    forms = random.choices(_PRONOUNS, (5, 5, 1))[0]
    return Person(made_up_word(random, "name", held_out).capitalize(), *forms)


def thing(random: Random, split: Split) -> Noun:
    """A thing: half of them made up; in `held_out`, half of them held out."""
    held_out = split == "held_out" and random.random() < 0.5
    if random.random() < 0.5:
        return random.choice(_nouns(held_out))
    return noun(made_up_word(random, "thing", held_out))

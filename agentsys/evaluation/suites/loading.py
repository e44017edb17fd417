"""Suites by name."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from itertools import count
from pathlib import Path

from agentsys.errors import UnknownName, UserError
from agentsys.evaluation.scorers import PICK, Comparison, Numeric, Scorer, scorer_named
from agentsys.evaluation.scorers.gym import ReasoningGym
from agentsys.evaluation.suites.files import Entry, csv_entries, json_entries, read
from agentsys.evaluation.suites.gym import PREFIX, reasoning_gym
from agentsys.evaluation.suites.plain import QUESTIONS, REFERENCES, plain, suitable
from agentsys.evaluation.suites.pool import Pool
from agentsys.evaluation.suites.public import FORMATS
from agentsys.evaluation.suites.source import Source, Split
from agentsys.evaluation.suites.suite import Suite
from agentsys.evaluation.task import Task

HELD_OUT_SIZE = 500
"""Tasks of `word-problems` where no limit is given."""

RECORDED = "recorded:"
"""What the names of the tasks of recorded runs begin with; their file is a plain one."""

PLAIN = (".jsonl", ".csv", ".jsonl.gz", ".csv.gz")
"""What the names of plain files end in."""


class NoTasks(UserError):
    """A suite, or a half of it, without a task."""


def load_suite(
    name: str,
    *,
    file: str | Path | None = None,
    limit: int | None = None,
    seed: int = 0,
    split: Split = "all",
    scorer: str | Scorer | None = None,
    field: str | None = None,
) -> Suite:
    """A suite: the same tasks for the same arguments.

    Args:
        name: One of `SUITES`, or the path of a `.jsonl` or `.csv` file (`.gz` as well).
        file: The path of the tasks, for the public formats.
        limit: At most so many tasks, of the split; which ones, the seed says.
        seed: Of what is drawn.
        split: A half of the tasks, by a hash of seed and task id: the halves are disjoint.
        scorer: Its name, `numeric:0.01`, or one of your own; default: the suite's.
        field: The output's field that is scored; default: the scorer's choice.

    Raises:
        UnknownName: there is no such suite or scorer.
        UserError: there are no tasks, or the file cannot be used.
    """
    if limit is not None and limit < 1:
        raise UserError(f"A limit of {limit} leaves no task.", hint="Give 1 or more.")
    suite_name, pool = _pool(name, None if file is None else str(file), seed)
    tasks = pool.choose(split, limit, seed)
    if not tasks:
        raise NoTasks(f"The suite {name!r} has no tasks{_where(pool.file, split)}.")
    source = Source(pool.file, pool.digest, split, *_asked(scorer, field))
    return Suite(suite_name, tasks, _scorer(pool.scorer, scorer, field), limit, seed, source)


def load_again(
    name: str, source: Source, *, limit: int | None, seed: int, scorer: Scorer | None = None
) -> Suite:
    """The suite that a bench was begun with.

    Args:
        name: Of the suite.
        source: What its tasks were made from.
        limit: As then.
        seed: As then.
        scorer: The one that `source` names, where it has been made already.

    Raises:
        UserError: the file has changed, or cannot be used any more.
    """
    again = load_suite(
        name,
        file=source.file or None,
        limit=limit,
        seed=seed,
        split=source.split,
        scorer=scorer or source.scorer or None,
        field=None if scorer else source.field or None,
    )
    if again.source.digest != source.digest:
        raise UserError(
            f"{source.file or name} has changed since the bench was begun.",
            hint="Put it back as it was, or begin another bench.",
        )
    return replace(again, source=source)


def _where(file: str, split: Split) -> str:
    in_file = f" in {file}" if file else ""
    return f"{in_file}, split {split!r}" if split != "all" else in_file


def _asked(scorer: str | Scorer | None, field: str | None) -> tuple[str, str]:
    """Scorer and field, so that they can be made again by name."""
    if scorer is None or isinstance(scorer, str):
        return scorer or "", field or ""
    return scorer.name, scorer.field or ""


def _scorer(usual: Scorer, asked: str | Scorer | None, field: str | None) -> Scorer:
    if isinstance(asked, str):
        return scorer_named(asked, field)
    if field is None:
        return asked or usual
    if asked is None and isinstance(usual, Comparison | ReasoningGym):
        return replace(usual, field=field)
    raise UserError("A scorer of your own has its own field.", hint="Leave 'field' out.")


def _pool(name: str, file: str | None, seed: int) -> tuple[str, Pool]:
    """The suite's name and its tasks."""
    if name.endswith(PLAIN):
        return Path(name).name, _plain(file or name)
    if name.startswith(RECORDED) and file is not None:
        return name, _plain(file)
    if name.startswith(PREFIX):
        _require_no_file(name, file)
        return name, reasoning_gym(name, seed)
    if name not in SUITES:
        near = get_close_matches(name, SUITES)
        is_path = "/" in name or Path(name).suffix
        hint = f"Files of tasks end in {', '.join(PLAIN)}." if is_path else CHOICES
        raise UnknownName("suite", name, SUITES, hint="" if near and not is_path else hint)
    if name in MADE:
        _require_no_file(name, file)
        return name, MADE[name](seed)
    if file is None:
        raise UserError(f"The suite {name!r} is a file of yours.", hint="Give --file PATH.")
    return name, _public(name, file)


def _require_no_file(name: str, file: str | None) -> None:
    if file is not None:
        raise UserError(f"The suite {name!r} is made without a file.", hint="Leave it out.")


def _word_problems(seed: int) -> Pool:
    from agentsys.evaluation.word_problems import problem

    drawn = (problem("held_out", seed, index) for index in count())
    tasks = (Task(p.id, {"text": p.text}, p.value, p.expression) for p in drawn)
    return Pool(tasks, Numeric(field=PICK), endless=HELD_OUT_SIZE)


def _word_problems_free(seed: int) -> Pool:
    from agentsys.evaluation.word_problems import free_problems

    tasks = tuple(Task(p.id, {"text": p.text}, p.value) for p in free_problems())
    return Pool(tasks, Numeric(field=PICK))


def _public(name: str, file: str) -> Pool:
    make, scorer = FORMATS[name]
    text, digest = read(file)
    tasks = _checked(name, make, json_entries(file, text))
    return Pool(tasks, scorer, file=_absolute(file), digest=digest)


def _plain(file: str) -> Pool:
    text, digest = read(file)
    if ".csv" in Path(file).suffixes:
        entries = csv_entries(file, text, (("input", *QUESTIONS), REFERENCES))
    else:
        entries = json_entries(file, text)
    tasks = _checked("", plain, entries)
    scorer = suitable([task.reference for task in tasks])
    return Pool(tasks, scorer, file=_absolute(file), digest=digest)


def _absolute(file: str) -> str:
    return str(Path(file).absolute())


def _checked(
    name: str, make: Callable[[str, Entry], Task], entries: Iterable[Entry]
) -> tuple[Task, ...]:
    """The tasks of a file, whose ids are unlike each other."""
    return tuple(_unlike(name, make, entries))


def _unlike(
    name: str, make: Callable[[str, Entry], Task], entries: Iterable[Entry]
) -> Iterator[Task]:
    seen: dict[str, str] = {}
    for entry in entries:
        task = make(name, entry)
        if task.id in seen:
            entry.refuse(f"the id {task.id!r} is that of {seen[task.id]}, too")
        try:
            json.dumps([task.id, task.input, task.reference], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            entry.refuse("there is half a character (a lone surrogate)")
        seen[task.id] = entry.place
        yield task


MADE: dict[str, Callable[[int], Pool]] = {
    "word-problems": _word_problems,
    "word-problems-free": _word_problems_free,
}

"""The suites that need no file."""

SUITES = (*MADE, *FORMATS)
"""The suites that have names."""

CHOICES = f"Give one of: {', '.join(SUITES)}, reasoning-gym:TASK, or a .jsonl or .csv file."
"""What to do without a suite."""

"""The public formats of word problems and questions, as their authors publish them."""

from agentsys.evaluation.scorers import PICK, Numeric, Text, YesNo
from agentsys.evaluation.scorers.numeric import number
from agentsys.evaluation.suites.files import Entry
from agentsys.evaluation.task import Task


def gsm8k(name: str, entry: Entry) -> Task:
    """`question`, and `answer`, which ends in `#### N` (Cobbe et al. 2021)."""
    question, answer = entry.text("question"), entry.text("answer")
    _, mark, last = answer.rpartition("####")
    if not mark:
        entry.refuse("the 'answer' does not end in '#### N'")
    return Task(f"{name}-{entry.number}", {"question": question}, _number(entry, last.strip()))


def svamp(name: str, entry: Entry) -> Task:
    """`ID`, `Body`, `Question`, `Equation` and `Answer` (Patel et al. 2021)."""
    question = f"{entry.text('Body').strip()} {entry.text('Question').strip()}"
    solution = entry.text("Equation") if entry.has("Equation") else ""
    answer = _number(entry, entry.value("Answer"))
    return Task(_id(name, entry, "ID"), {"question": question}, answer, solution)


def gsm_hard(name: str, entry: Entry) -> Task:
    """`input` and `target`: GSM8K with large numbers (Gao et al. 2022)."""
    question = {"question": entry.text("input")}
    return Task(f"{name}-{entry.number}", question, _number(entry, entry.value("target")))


def strategyqa(name: str, entry: Entry) -> Task:
    """`qid`, `question`, and `answer`, true or false (Geva et al. 2021)."""
    answer = entry.value("answer")
    if not isinstance(answer, bool):
        entry.refuse("the 'answer' is neither true nor false")
    return Task(_id(name, entry, "qid"), {"question": entry.text("question")}, answer)


def hotpotqa(name: str, entry: Entry) -> Task:
    """`_id` or `id`, `question` and `answer` (Yang et al. 2018). The passages stay behind."""
    question = {"question": entry.text("question")}
    return Task(_id(name, entry, "_id", "id"), question, entry.text("answer"))


def _id(name: str, entry: Entry, *keys: str) -> str:
    return str(entry.value(*keys)) if entry.has(*keys) else f"{name}-{entry.number}"


def _number(entry: Entry, value: object) -> int | float:
    found = number(value)
    if found is None:
        entry.refuse(f"the answer {str(value)[:60]!r} is no number")
    return int(found) if found.is_integer() else found


FORMATS = {
    "gsm8k": (gsm8k, Numeric(field=PICK)),
    "svamp": (svamp, Numeric(field=PICK)),
    "gsm-hard": (gsm_hard, Numeric(field=PICK)),
    "strategyqa": (strategyqa, YesNo(PICK)),
    "hotpotqa": (hotpotqa, Text(PICK)),
}
"""By name: what makes a task of an object, and the usual scorer."""

"""Testing your own graph: a scripted model errs as often as you say, the same way every time."""

from pydantic import BaseModel

from agentsys import Agent, System
from agentsys.models.scripted import Scripted


class Review(BaseModel):
    text: str


class Label(BaseModel):
    label: str


def known(review: Review, answer: Label) -> bool | str:
    return answer.label in ("good", "bad") or f"{answer.label!r} is not a label."


classify = Agent(Review, Label, "Is the review good or bad?").check(known).escalate("llm")

# The small model is wrong on 30 % of the tasks; the large one never is.
small = Scripted({"label": "good"}, wrong={"label": "meh"}, error_rate=0.3, seed=1)
system = System({"slm": small, "llm": Scripted({"label": "good"})})

if __name__ == "__main__":
    runs = [system.run_sync(classify, Review(text=f"review {n}")) for n in range(100)]
    escalated = sum(run.path[-1].endswith("@llm") for run in runs)
    print(f"{sum(run.ok for run in runs)} of 100 right, {escalated} escalated")

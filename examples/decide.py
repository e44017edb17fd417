"""A decision with probabilities, calibrated on labelled examples, on the small miniature."""

from typing import Literal

from pydantic import BaseModel

from agentsys import Choice, System, choose, fit_temperature

Verdict = Literal["correct", "incorrect"]


class Answered(BaseModel):
    question: str
    answer: str


PENS = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
LABELLED: list[tuple[str, Verdict]] = [
    ("4*12-7", "correct"),
    ("4+12-7", "incorrect"),
    ("4*12+7", "incorrect"),
    ("12-7", "incorrect"),
]


async def main() -> None:
    # The miniature was trained to judge in these words. Other models are told the choices, and
    # need neither `key` nor `list_choices=False`.
    judge = choose(Answered, Verdict, "Judge the answer.", key="verdict", list_choices=False)
    async with System.load() as system:
        seen: list[Choice[Verdict]] = []
        for answer, _ in LABELLED:
            run = await system.run(judge, Answered(question=PENS, answer=answer))
            seen.append(run.output)
    given = [choice.probabilities or {} for choice in seen]
    temperature = fit_temperature(given, [label for _, label in LABELLED])
    for (answer, label), choice, raw in zip(LABELLED, seen, given, strict=True):
        sure = temperature(raw)[choice.choice]
        print(
            f"{answer:7} {label:9} judged {choice.choice}, {raw[choice.choice]:.1%} -> {sure:.1%}"
        )
    print(f"temperature {temperature.value:.2f}")


if __name__ == "__main__":
    import asyncio

    asyncio.run(main())

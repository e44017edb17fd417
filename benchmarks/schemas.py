"""Every schema of the JSON Schema Test Suite: what is enforced, and whether that holds.

Each schema is asked of a miniature model through both local back ends, once greedily and twice by
chance; what comes back is validated by jsonschema under the draft that the schema belongs to. And
from each compiled pattern, texts are drawn at random. It can be stopped and goes on where it was.
"""

import argparse
import asyncio
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from page import write
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from servers import ROOT, Server, deployment
from suite import DRAFTS, Case, Judge, cases
from walks import walks

from agentsys.errors import ModelError, Truncated
from agentsys.guide import guide
from agentsys.messages import Message
from agentsys.models.base import Model, Request
from agentsys.models.tiers import Tiers
from agentsys.settings import Settings, home

DATA = ROOT.parent / "shared/data/json_schema_test_suite"
MESSAGES = (
    Message("system", "Answer with JSON."),
    Message("user", "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"),
)
SAMPLES = ((0.0, None), (1.0, 1), (1.0, 2))
"""Temperature and seed of each reply."""
MAX_TOKENS = 200
WALKS = 200
AT_ONCE = 8
OUTCOMES = ("valid", "invalid", "cut off", "unknown", "refused", "error")
EMBEDDED, VLLM, PLAIN = "llama.cpp", "vLLM", "vLLM, sent the schema"

Row = list[str]
"""How a reply was guided, what came of it, and how it begins."""
Asker = Callable[[Case, float, int | None], Awaitable[Row]]


class Kept:
    """Outcomes in a file, a line each, so that a run can go on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: dict[str, Any] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._rows.update(json.loads(line))

    @property
    def before(self) -> list[int]:
        """How often the server had died in the runs before."""
        return self._rows.get("deaths", [0, 0])

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> Any:
        return self._rows[key]

    def __setitem__(self, key: str, row: Any) -> None:
        self._rows[key] = row
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({key: row}) + "\n")


def through(model: Model, judge: Judge) -> Asker:
    """Ask as agentsys does."""

    async def ask(case: Case, temperature: float, seed: int | None) -> Row:
        request = Request(MESSAGES, case.schema, MAX_TOKENS, temperature, seed)
        try:
            reply = await model.ask(request)
        except Truncated:
            return ["", "cut off", ""]
        except ModelError as error:
            return ["", "error", str(error)[:200]]
        return [reply.guided, judge.outcome(case, reply.text), reply.text[:200]]

    return ask


def plainly(server: Server, judge: Judge) -> Asker:
    """Send vLLM the schema itself, for comparison."""

    def send(case: Case, temperature: float, seed: int | None) -> Row:
        form = {"name": "reply", "schema": case.schema, "strict": True}
        body = {
            "model": server.model,
            "messages": [{"role": m.role, "content": m.content} for m in MESSAGES],
            "max_tokens": MAX_TOKENS,
            "temperature": temperature,
            "seed": seed,
            "response_format": {"type": "json_schema", "json_schema": form},
        }
        request = urllib.request.Request(
            f"{server.url}/chat/completions",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                choice = json.load(answer)["choices"][0]
        except urllib.error.HTTPError as error:
            return ["", "refused" if error.code == 400 else "error", str(error.read())[:200]]
        except OSError as error:
            return ["", "error", str(error)[:200]]
        if choice["finish_reason"] == "length":
            return ["", "cut off", ""]
        text = choice["message"]["content"]
        return ["schema", judge.outcome(case, text), text[:200]]

    async def ask(case: Case, temperature: float, seed: int | None) -> Row:
        return await asyncio.to_thread(send, case, temperature, seed)

    return ask


async def replies(
    name: str, ask: Asker, left: list[Case], kept: Kept, bar: Progress, server: Server | None
) -> None:
    """Ask for every schema, some at once; a server that dies is started again."""
    task = bar.add_task(name, total=len(left))
    for start in range(0, len(left), AT_ONCE):
        some = left[start : start + AT_ONCE]
        new = [case for case in some if f"{name} {case.key}" not in kept]
        asked = [ask(case, *sample) for case in new for sample in SAMPLES]
        rows = await asyncio.gather(*asked)
        for at, case in enumerate(new):
            kept[f"{name} {case.key}"] = rows[at * len(SAMPLES) : (at + 1) * len(SAMPLES)]
        if server is not None and any(row[1] == "error" for row in rows):
            await asyncio.to_thread(server.ensure)
        bar.advance(task, len(some))


def drawn(left: list[Case], judge: Judge, kept: Kept, bar: Progress) -> None:
    """Texts drawn from the patterns."""
    task = bar.add_task("drawn from the pattern", total=len(left))
    for case in left:
        key, regex = f"drawn {case.key}", guide(case.schema).regex
        if regex is not None and key not in kept:
            found = [["", judge.outcome(case, text), text[:200]] for text in walks(regex, WALKS)]
            shown = [row for row in found if row[1] == "invalid"][:1]
            kept[key] = [dict(Counter(row[1] for row in found)), shown]
        bar.advance(task)


async def asked(left: list[Case], judge: Judge, kept: Kept, bar: Progress, python: str) -> None:
    """Ask both back ends, and count how often the server had to be started again."""
    settings: dict[str, Any] = {
        "deployments": [{"name": "m", "tier": "m", "gguf": "mini-slm", "usd_per_hour": 1}]
    }
    tiers = Tiers(Settings.model_validate(settings))
    await replies(EMBEDDED, through(tiers["m"], judge), left, kept, bar, None)
    await tiers.close()
    if not python:
        return
    with Server(python, "mini-slm", log=kept.path.with_suffix(".log")) as server:
        settings["deployments"] = [deployment(server, "m")]
        tiers = Tiers(Settings.model_validate(settings))
        await replies(VLLM, through(tiers["m"], judge), left, kept, bar, server)
        await tiers.close()
        deaths = len(server.deaths)
        await replies(PLAIN, plainly(server, judge), left, kept, bar, server)
        kept["deaths"] = [kept.before[0] + deaths, kept.before[1] + len(server.deaths) - deaths]


def table(left: list[Case], kept: Kept) -> tuple[str, list[str]]:
    """The figures in Markdown, and every reply that breaks a claim."""
    claims = {draft: Counter(c.claim for c in left if c.draft == draft) for draft in DRAFTS}
    lines = [
        "| draft | schemas | enforced whole | in part, the rest named | refused, with the reason |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {draft} | {n.total()} | {n['whole']} | {n['part']} | {n['refused']} |"
            for draft, n in claims.items()
        ),
        "",
        "| replies of | claim | replies | valid | invalid | cut off | not judged | rejected |"
        " error |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    broken: list[str] = []
    for name in (EMBEDDED, VLLM, PLAIN, "drawn"):
        for claim in ("whole", "part", "refused"):
            counts: Counter[str] = Counter()
            for case in left:
                key = f"{name} {case.key}"
                if case.claim != claim or key not in kept:
                    continue
                rows = kept[key]
                if name == "drawn":
                    counts.update(rows[0])
                    rows = rows[1]
                else:
                    counts.update(row[1] for row in rows)
                if claim == "whole" and name != PLAIN:
                    broken += [
                        f"{name}: {case.place}: {row}" for row in rows if row[1] == "invalid"
                    ]
            if counts:
                cells = (f"{counts[outcome]:,}" for outcome in OUTCOMES)
                shown = "random walks" if name == "drawn" else name
                lines.append(f"| {shown} | {claim} | {counts.total():,} | {' | '.join(cells)} |")
    return "\n".join(lines), broken


def main() -> None:
    """Ask, judge, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vllm", default="", metavar="PYTHON", help="where vLLM is installed")
    parser.add_argument("--data", type=Path, default=DATA, help="the suite's folder")
    parser.add_argument("--limit", type=int, help="so many schemas, evenly spread")
    parser.add_argument("--kept", type=Path, default=home() / "schemas.jsonl")
    parser.add_argument("--write", action="store_true", help="put the table in README.md")
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"skipped: {given.data} is not there")
        return
    left = cases(given.data)
    left = left[:: max(1, len(left) // given.limit)] if given.limit else left
    given.kept.parent.mkdir(parents=True, exist_ok=True)
    judge, kept = Judge(given.data), Kept(given.kept)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        drawn(left, judge, kept, bar)
        asyncio.run(asked(left, judge, kept, bar, given.vllm))
    text, broken = table(left, kept)
    if "deaths" in kept:
        ours, plain = kept["deaths"]
        text += (
            f"\n\nvLLM had to be started again {ours} times for the requests of agentsys, {plain}"
            " times while it was sent the schemas themselves."
        )
    text += f"\n\nAccepted, claimed to be enforced, and invalid: **{len(broken)}**."
    print(text)
    for line in broken:
        print(line)
    if given.write:
        write("schemas", text)
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    main()

"""What agentsys adds to a model call, and how fast it starts.

All contenders make the same typed call to a server on this machine that answers at once, each in
a process of its own, in turns; what counts is the ratio to LiteLLM's Router in a LangGraph node.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
README = Path(__file__).with_name("README.md")
START, END = "<!-- measured: begin -->", "<!-- measured: end -->"

BASE = "Router + node"
OURS = ("agentsys", "agentsys, no ledger")
PEERS = {"pydantic-ai": "pydantic-ai-slim", "OpenAI Agents SDK": "openai-agents"}
QUESTION = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    runs: dict[int, int]
    """Runs a round, by how many are under way at the same time."""
    starts: int


FULL = Effort(rounds=15, runs={1: 12, 10: 30, 100: 100}, starts=7)
QUICK = Effort(rounds=5, runs={1: 10, 10: 20, 100: 100}, starts=3)


class Contender:
    """A process that makes calls."""

    def __init__(self, name: str, url: str, python: str) -> None:
        self.name = name
        self.process = _start([python, str(ROOT / "benchmarks/contenders.py"), name, url])
        _answer(self.process)

    def measure(self, runs: int, concurrency: int) -> dict[str, Any]:
        """Medians of so many runs."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"runs": runs, "concurrency": concurrency}) + "\n")
        self.process.stdin.flush()
        answer = _answer(self.process)
        return {
            "p50_ms": median(answer["seconds"]) * 1000,
            "cpu_ms": answer["cpu"] * 1000,
            "per_s": 1 / answer["wall"],
            "rss_mb": answer["rss_mb"],
        }


def _start(command: list[str]) -> "subprocess.Popen[str]":
    # Not in the checkout: its `agents` folder must not shadow the SDK's package of that name.
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tempfile.gettempdir(),
    )


def _answer(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended")
    return json.loads(line)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The loopback server in a process of its own."""
    process = _start([sys.executable, str(ROOT / "tests/loopback.py")])
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.communicate()


def pythons(peers: str) -> dict[str, str | None]:
    """The interpreter for each contender; `None` where it is not installed."""
    found: dict[str, str | None] = {BASE: sys.executable, **dict.fromkeys(OURS, sys.executable)}
    for name, package in PEERS.items():
        found[name] = next((p for p in (sys.executable, peers) if _version(p, package)), None)
    return found


def _version(python: str, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def calls(effort: Effort, peers: str) -> list[dict[str, Any]]:
    """One row a contender and concurrency: medians over the rounds."""
    found = pythons(peers)
    measured: dict[tuple[str, int], list[dict[str, Any]]] = {}
    with server() as url:
        contenders = [Contender(name, url, p) for name, p in found.items() if p]
        for number in range(effort.rounds):
            _progress(f"calls: round {number + 1} of {effort.rounds}")
            for concurrency, runs in effort.runs.items():
                shift = number % len(contenders)
                for contender in contenders[shift:] + contenders[:shift]:
                    row = contender.measure(runs, concurrency)
                    measured.setdefault((contender.name, concurrency), []).append(row)
        for contender in contenders:
            contender.process.communicate()
    return [_row(name, concurrency, measured) for concurrency in effort.runs for name in found]


def _row(
    name: str, concurrency: int, measured: dict[tuple[str, int], list[dict[str, Any]]]
) -> dict[str, Any]:
    rounds, base = measured.get((name, concurrency)), measured[BASE, concurrency]
    row: dict[str, Any] = {"contender": name, "concurrent": concurrency}
    if rounds is None:
        return row | {"installed": False}
    row |= {key: median(r[key] for r in rounds) for key in rounds[0]}
    for key in ("p50_ms", "cpu_ms"):
        ratios = [r[key] / b[key] for r, b in zip(rounds, base, strict=True)]
        row[f"{key}_ratio"] = median(ratios)
    return row


def starts(effort: Effort) -> list[dict[str, Any]]:
    """Median seconds of cold commands."""
    commands = {
        "python -c pass": ["-c", "pass"],
        "import agentsys": ["-c", "import agentsys"],
        "agentsys --help": ["-m", "agentsys", "--help"],
        f'agentsys run slm_fallback "{QUESTION}"': [
            "-m",
            "agentsys",
            "run",
            "slm_fallback",
            QUESTION,
        ],
    }
    taken: dict[str, list[float | None]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as home:
        paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        environment = os.environ | {"AGENTSYS_HOME": home, "PYTHONPATH": paths}
        for number in range(effort.starts + 1):
            _progress(f"starts: round {number} of {effort.starts}")
            for name, command in commands.items():
                seconds = _seconds(command, environment, home)
                if number:  # the first compiles and fills the disk's cache
                    taken[name].append(seconds)
    return [
        {"command": name, "seconds": None if None in times else median(t for t in times if t)}
        for name, times in taken.items()
    ]


def _seconds(command: list[str], environment: dict[str, str], folder: str) -> float | None:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], env=environment, cwd=folder, capture_output=True, check=False
    )
    return time.perf_counter() - started if done.returncode == 0 else None


def machine(peers: str) -> dict[str, Any]:
    """What the figures depend on; no names of machines or folders."""
    found = pythons(peers)
    versions = {name: version(name) for name in ("litellm", "langgraph", "pydantic")}
    for name, package in PEERS.items():
        versions[package] = _version(found[name] or sys.executable, package) or "not installed"
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": versions,
    }


def _cpu() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def table(report: dict[str, Any]) -> str:
    """The report in Markdown."""
    about = report["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    lines = [
        f"{about['cpu']}, {about['cores']} cores, load {about['load']} at the start;"
        f" Python {about['python']}; {versions}.",
        *_warning(about),
        "",
        "| one typed call | at once | p50 ms | ratio | CPU ms a run | ratio | runs/s | MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in report["calls"]:
        head = f"| {row['contender']} | {row['concurrent']} |"
        if row.get("installed") is False:
            lines.append(f"{head} not installed | | | | | |")
            continue
        lines.append(
            f"{head} {row['p50_ms']:.2f} | {row['p50_ms_ratio']:.2f} | {row['cpu_ms']:.2f} |"
            f" {row['cpu_ms_ratio']:.2f} | {row['per_s']:.0f} | {row['rss_mb']:.0f} |"
        )
    lines += ["", "| cold start | seconds |", "|---|---:|"]
    for row in report["starts"]:
        seconds = "failed" if row["seconds"] is None else f"{row['seconds']:.2f}"
        lines.append(f"| `{row['command']}` | {seconds} |")
    return "\n".join(lines)


def _warning(about: dict[str, Any]) -> list[str]:
    if about["load"] <= about["cores"] / 2:
        return []
    return ["", "The machine was busy: all seconds are too long; ratios and CPU times suffer less."]


def write(text: str) -> None:
    """Put the table between the marks of the README."""
    before, _, rest = README.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, not several")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--write", action="store_true", help="put the table in README.md")
    parser.add_argument(
        "--peers", default=sys.executable, metavar="PYTHON", help="where the peers are installed"
    )
    given = parser.parse_args()
    effort = QUICK if given.quick else FULL
    report: dict[str, Any] = {"machine": machine(given.peers)}
    report["calls"] = calls(effort, given.peers)
    report["starts"] = starts(effort)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print(json.dumps(report, indent=2) if given.json else table(report))
    if given.write:
        write(table(report))


if __name__ == "__main__":
    main()

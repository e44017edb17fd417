"""The tables of README.md, each between two marks of its own."""

from pathlib import Path

README = Path(__file__).with_name("README.md")


def write(mark: str, text: str) -> None:
    """Put a text between `<!-- mark: begin -->` and `<!-- mark: end -->`."""
    start, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, found, rest = README.read_text(encoding="utf-8").partition(start)
    _, _, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{README} has no {start}")
    README.write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")

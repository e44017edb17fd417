"""`agentsys init`: a new project."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from agentsys.errors import UserError

TEMPLATE = Path(__file__).with_name("template")


def init(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="Made where it does not exist.")],
) -> None:
    """Start a project: agents, tools and graphs with one working example, and agentsys.toml.

    Nothing is ever overwritten.
    """
    if not directory.strip():
        raise UserError("DIR is empty.", hint="Name a folder; '.' is this one.")
    folder = Path(directory)
    files = [file.relative_to(TEMPLATE) for file in sorted(TEMPLATE.rglob("*")) if _wanted(file)]
    _must_be_free(folder, files)
    try:
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(TEMPLATE / file, folder / file)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from error
    for file in files:
        typer.echo(f"wrote {folder / file}")
    question = "Mia has 4 boxes of 12 pens and gives 7 away. How many pens are left?"
    typer.echo(f'\nNow try:\n  cd {folder}\n  agentsys run answer "{question}"')


def _wanted(file: Path) -> bool:
    return file.suffix in (".py", ".toml") and file.is_file()


def _must_be_free(folder: Path, files: list[Path]) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file.", hint="Name a folder.")
    taken = next((folder / file for file in files if (folder / file).exists()), None)
    if taken is not None:
        raise UserError(f"{taken} is already there.", hint="Name another folder.")

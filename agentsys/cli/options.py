"""Options that several commands have."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON list.")]
Config = Annotated[str | None, typer.Option("--config", help="Use this agentsys.toml.")]

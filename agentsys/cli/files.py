"""Files that commands write for people."""

import os
from pathlib import Path
from uuid import uuid4

from agentsys.errors import UserError


def write_whole(place: str, text: str) -> None:
    """Write a file whole or not at all; one that is there is replaced.

    Raises:
        UserError: it cannot be written, is a folder, or has no name.
    """
    if not place:
        raise UserError("The file to write has no name.", hint="Give the path of a file.")
    path = Path(os.path.realpath(place))
    if path.is_dir():
        raise UserError(f"{place} is a folder.", hint="Give the path of a file.")
    device = path.exists() and not path.is_file()
    draft = path if device else path.with_name(f".{path.name[:100]}.{uuid4().hex[:8]}")
    try:
        try:
            draft.write_text(text, encoding="utf-8", newline="\n")
            if not device:
                draft.replace(path)
        finally:
            if not device:
                draft.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(
            f"{place} cannot be written: {reason}.", hint="Give another path."
        ) from error

"""What Outlines makes of a JSON Schema: a regular expression, and what that leaves out.

The one importer of outlines_core. Its coverage is narrow, and some schemas come out wrong
instead of being refused: two schemas under `allOf` are matched one after the other, recursion
ends in invalid JSON, an alternative in `pattern` tears the quotes apart, and a length silently
replaces a pattern or a format. So a schema is first reduced to the part that Outlines compiles
faithfully (`supported`). Every text that `Guide.regex` matches is JSON, and it satisfies the
schema in every keyword but those under `Guide.unenforced`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from agentsys.guide.supported import Refused, supported

MAX_REGEX = 200_000
"""Characters; the engine takes seconds to build a mask from more."""


@dataclass(frozen=True, slots=True)
class Guide:
    """How far replies can be held to a schema."""

    regex: str | None
    """Matches JSON texts that fit; `None` where Outlines cannot be used."""
    unenforced: tuple[str, ...]
    """Keywords that the regex does not hold replies to, by place: `$.lines[*].price.minimum`."""
    refused: str
    """Why there is no regex; empty where there is one."""


def guide(schema: Mapping[str, Any]) -> Guide:
    """Compile a schema (cached); never raises."""
    return _guide(json.dumps(schema))


@lru_cache(maxsize=1024)
def _guide(schema: str) -> Guide:
    # Imported here: `agentsys --help` has no use for it.
    from outlines_core import json_schema

    try:
        part, unenforced = supported(json.loads(schema))
        # The wheel has no stubs for its Rust part.
        compiled = json_schema.build_regex_from_schema(json.dumps(part))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        regex = cast(str, compiled)
    except Refused as error:
        return Guide(None, (), str(error))
    except ValueError as error:
        return Guide(None, (), str(error).splitlines()[0].strip())
    except (TypeError, KeyError, AttributeError) as error:
        return Guide(None, (), f"it is not a JSON Schema: {error!r}")
    if len(regex) > MAX_REGEX:
        return Guide(None, (), f"the regular expression has {len(regex):,} characters")
    return Guide(regex, unenforced, "")

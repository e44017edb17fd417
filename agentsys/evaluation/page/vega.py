"""Vega's JavaScript, and plots as pictures. The one importer of vl_convert."""

import json
from functools import cache
from typing import Any

_VERSION = "6.4"
"""Of Vega-Lite, the one that Altair writes for."""


@cache
def javascript(snippet: str) -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, with a snippet that calls `vegaEmbed`."""
    import vl_convert

    return vl_convert.javascript_bundle(snippet, vl_version=_VERSION)


def svg(spec: dict[str, Any], config: dict[str, Any]) -> str:
    """A plot as SVG; nothing is read from a file or the network."""
    import vl_convert

    text = json.dumps({**spec, "config": config})
    return vl_convert.vegalite_to_svg(text, vl_version=_VERSION, allowed_base_urls=[])

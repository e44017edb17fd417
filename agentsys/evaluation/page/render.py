"""A page as one HTML file that needs nothing else. The one importer of Jinja.

Everything that models and users wrote is escaped by the template. A content security policy lets
the browser run this page's one script, by its hash, and load nothing from anywhere.
"""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from agentsys.evaluation.page import themes, vega
from agentsys.evaluation.page.content import Content

_HERE = Path(__file__).parent


def rendered(content: Content) -> str:
    """The page's HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = vega.javascript((_HERE / "page.js").read_text(encoding="utf-8"))
    digest = b64encode(sha256(script.encode()).digest()).decode()
    drawings = {
        panel.name: [{"least": least, "spec": spec} for least, spec in panel.layouts]
        for plot in content.plots
        for panel in plot.panels
    }
    return environment.get_template("page.html").render(
        content=content,
        drawings=drawings,
        themes={"light": themes.LIGHT, "dark": themes.DARK},
        style=(_HERE / "page.css").read_text(encoding="utf-8"),
        script=script,
        policy=(
            f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline';"
            " img-src data:; base-uri 'none'; form-action 'none'"
        ),
    )

"""Reports as pages and pictures: one HTML file with plots, or the main plot as SVG."""

from agentsys.evaluation.page.content import Content, Table, gathered
from agentsys.evaluation.page.picture import picture
from agentsys.evaluation.page.render import rendered

__all__ = ["Content", "Table", "gathered", "picture", "rendered"]

"""Web pages from Jinja2 templates: each a single file that opens from a disk, without a network."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sigclean.reports.numbers import grouped

SHARED = Path(__file__).parent / "templates"


def render_page(template: Path, **values: object) -> str:
    """Fill a template, which may extend and import those that all reports share.

    Values are escaped, except for Markup. A template has the filter `grouped`, and the function
    `inline`, which puts in a style sheet or script that lies beside it.
    """
    return _environment(template.parent).get_template(template.name).render(values)


@cache
def _environment(folder: Path) -> Environment:
    loader = FileSystemLoader([folder, SHARED])
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,  # a value that is missing is an error, not a gap
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["grouped"] = grouped
    environment.globals["inline"] = lambda name: Markup(loader.get_source(environment, name)[0])
    return environment

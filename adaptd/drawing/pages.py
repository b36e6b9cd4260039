"""HTML pages from Jinja2 templates, complete in themselves: the style sheet and the script are written into the page."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HOUSE = Path(__file__).resolve().parents[1]


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(HOUSE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.globals["style"] = Markup((HOUSE / "drawing" / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    found.globals["script"] = Markup((HOUSE / "drawing" / "page.js").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return found


def render(template: str, **data: object) -> str:
    """The page of a template, named by its path inside the package; what the data says is escaped unless it is Markup."""
    return _environment().get_template(template).render(data)

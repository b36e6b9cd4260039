"""What applications left for the page in ``<state>/views`` (adaptd.client.show): read whole, bounded, and passed on as it is."""

from pathlib import Path
from typing import Any

from adaptd.client import MAX_VIEW_BYTES, VIEWS, VIEWS_FOLDER
from adaptd.gateway.spool import read_object


def read_view(state: Path, name: str) -> dict[str, Any] | None:
    """The newest figures of an application; None where it left none, or what lies there is no view."""
    if name not in VIEWS:
        return None
    try:
        return read_object(state / VIEWS_FOLDER / f"{name}.json", MAX_VIEW_BYTES)
    except (OSError, ValueError, TypeError, RecursionError):
        return None

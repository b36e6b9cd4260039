"""How long work tells of itself: a callback that the command line turns into a bar."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called as ``progress(what, done, total)``."""


def silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""

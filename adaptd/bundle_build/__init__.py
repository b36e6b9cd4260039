"""From an ONNX file to a qualified bundle."""

from collections.abc import Callable

from adaptd.vision import ModelError


class BuildError(ModelError):
    """Something that cannot be built or measured. ``str(error)`` is one line: what, where, remedy."""


Progress = Callable[[str, int, int], None]
"""Called as ``progress(what, done, total)``."""


def silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""

"""From an ONNX file to a qualified bundle."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adaptd.engine.errors import EngineError
from adaptd.vision import ModelError


class BuildError(ModelError):
    """Something that cannot be built or measured. ``str(error)`` is one line: what, where, remedy."""


Progress = Callable[[str, int, int], None]
"""Called as ``progress(what, done, total)``."""


def silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""


@contextmanager
def engine_refusals() -> Iterator[None]:
    """What the engine room refuses is told as an error of this room."""
    try:
        yield
    except EngineError as error:
        raise BuildError(str(error)) from None

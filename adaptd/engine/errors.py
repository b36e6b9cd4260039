"""What can go wrong with an engine, by what the caller should do about it. Every message is one line: what, where, remedy."""


class EngineError(Exception):
    """The request cannot be served; nothing has changed."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class EngineFault(EngineError):  # noqa: N818 - a fault of the engine, not of the caller
    """This engine gave something unusable (NaN, a wrong shape, a device error): isolate it and serve on the reference."""


class EngineMemoryError(EngineError):
    """The engine does not fit into the memory there is, or into the budget."""


class BackendMissing(EngineError):  # noqa: N818 - says what it is
    """The library or the device behind a backend is not there; the message names how to install it."""


class BundleError(EngineError):
    """A bundle is refused: its manifest or one of its files is not what it says it is. Nothing of it was loaded."""


class PlanError(BundleError):
    """A TensorRT plan is refused: made for another GPU or version, or not what the manifest says."""


def one_line(text: str, limit: int = 500) -> str:
    """The text without line breaks and runs of blanks, at most ``limit`` characters: libraries answer in paragraphs."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def reason_of(error: object) -> str:
    """A library's words, short enough that the remedy after them is never cut off."""
    return one_line(str(error), 240)

"""What every source can do."""

from typing import Any, Protocol


class FrameSource(Protocol):
    """Frames, one after the other.

    ``open`` takes the device or file; ``advance`` waits for the next picture and returns False when the source has stopped or
    the worker is stopping; ``picture`` decodes the one that came (uint8, height x width x 3, blue-green-red), so that pictures
    which nobody serves are not decoded; ``settings`` is the camera's exposure (us) and gain (the driver's steps) where it tells;
    ``close`` gives everything back and may be called twice. ``live`` sources are opened again when they stop.
    ``mfps`` is the rate the source promises, None where it does not. ``tag`` is what the result of the newest
    picture says besides. ``open``, ``advance`` and ``picture`` raise SourceError.
    """

    name: str
    live: bool
    mfps: int | None
    tag: str

    def open(self) -> None: ...
    def advance(self) -> bool: ...
    def picture(self) -> Any: ...
    def settings(self) -> tuple[int | None, int | None]: ...
    def close(self) -> None: ...

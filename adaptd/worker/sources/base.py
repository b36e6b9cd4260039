"""What every source can do."""

from typing import Any, NamedTuple, Protocol

from adaptd.base.clock import WaitingClock


class Lens(NamedTuple):
    """What a camera tells of itself: exposure in microseconds, gain in the driver's steps.

    ``still``: neither has moved since the camera was opened although it is or may be automatic: an old value, perhaps.
    """

    exposure_us: int | None = None
    gain_raw: int | None = None
    still: bool = False


class FrameSource(Protocol):
    """Frames, one after the other. What is not every kind's own is here as most kinds have it.

    ``open`` takes the device or file; ``advance`` waits for the next picture and returns False when the source has stopped or
    the worker is stopping; ``picture`` decodes the one that came (uint8, height x width x 3, blue-green-red), so that pictures
    which nobody serves are not decoded; ``settings`` is what the camera tells of exposure and gain;
    ``close`` gives everything back and may be called twice. ``live`` sources are opened again when they stop.
    ``mfps`` is the rate the source promises, None where it does not. ``tag`` is what the result of the newest
    picture says besides. ``open``, ``advance`` and ``picture`` raise SourceError.
    """

    name: str
    live: bool = False
    mfps: int | None
    tag: str = ""

    def open(self) -> None: ...
    def advance(self) -> bool: ...
    def picture(self) -> Any: ...
    def close(self) -> None: ...
    def settings(self) -> Lens:
        return Lens()


class Paced(FrameSource):
    """A source that makes its own time: ``mfps`` on an absolute schedule that begins when it is opened."""

    def __init__(self, name: str, mfps: int, clock: WaitingClock) -> None:
        self.name, self._clock = name, clock
        self.mfps: int = mfps
        self._due_us = self._count = 0

    def open(self) -> None:
        self._due_us, self._count = self._clock.now_us(), 0

    def advance(self) -> bool:
        if not self._clock.wait_until(self._due_us + self._count * 1_000_000_000 // self.mfps):
            return False
        self._count += 1
        return True

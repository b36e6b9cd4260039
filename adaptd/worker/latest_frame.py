"""The latest-frame slot between a source and the frame loop: one frame deep, the older one gives way and is counted."""

import threading
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Frame:
    """A picture (uint8, height x width x 3, blue-green-red), its number at this worker, and when it arrived.

    ``look_only``: taken while serving pauses, for its light alone; it has no number of its own and gets no result.
    ``camera`` is its place among several; ``tag`` are further fields of its result, as JSON with a comma before each.
    """

    image: Any
    index: int
    at_us: int
    exposure_us: int | None = None
    gain_raw: int | None = None
    exposure_still: bool = False
    look_only: bool = False
    camera: int = 0
    tag: str = ""


class LatestFrame:
    """Holds the newest frame that is to be served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready = threading.Condition(self._lock)
        self._frame: Frame | None = None
        self._poked = False
        self.dropped = 0

    @property
    def waiting(self) -> bool:
        """Whether a frame waits to be taken now."""
        return self._frame is not None

    def put(self, frame: Frame) -> None:
        """Offer a frame; an older one that nobody took is dropped, and counted where it was to be served."""
        with self._ready:
            if self._frame is not None and not self._frame.look_only:
                self.dropped += 1
            self._frame = frame
            self._ready.notify()

    def poke(self) -> None:
        """Wake the taker without a frame: there is something else to do."""
        with self._ready:
            self._poked = True
            self._ready.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame, or None after ``timeout_s`` or a poke."""
        with self._lock:
            if self._frame is None and not self._poked and timeout_s > 0:
                self._ready.wait(timeout_s)
            self._poked = False
            frame, self._frame = self._frame, None
            return frame

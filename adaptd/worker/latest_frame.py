"""The latest-frame slot between a source and the frame loop: one frame deep, the older one gives way and is counted."""

import threading
from collections import deque
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
    """Holds the newest frame that is to be served. Taking one that lies ready waits for no lock: a deque gives it out once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready = threading.Condition(self._lock)
        self._held: deque[Frame] = deque()
        self._poked = False
        self.dropped = 0

    @property
    def waiting(self) -> bool:
        """Whether a frame waits to be taken now."""
        return bool(self._held)

    def put(self, frame: Frame) -> None:
        """Offer a frame; an older one that nobody took is dropped, and counted where it was to be served."""
        with self._ready:
            older = self._pop()
            if older is not None and not older.look_only:
                self.dropped += 1
            self._held.append(frame)
            self._ready.notify()

    def poke(self) -> None:
        """Wake the taker without a frame: there is something else to do."""
        with self._ready:
            self._poked = True
            self._ready.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame, or None after ``timeout_s`` or a poke. What a poke is about was set before it, and is seen after."""
        frame = self._pop()
        if frame is not None:
            self._poked = False
            return frame
        with self._lock:
            if not self._held and not self._poked and timeout_s > 0:
                self._ready.wait(timeout_s)
            self._poked = False
            return self._pop()

    def _pop(self) -> Frame | None:
        try:
            return self._held.pop()
        except IndexError:
            return None

"""The slot between several cameras and one frame loop: the newest frame of each, handed out in the order of arrival.

Frames are numbered over all cameras when they come in, so that one coin falls on each and numbers ascend in the order in which
frames are served; every camera counts its own besides, so that whoever reads its results sees what was dropped.
"""

import json
import threading

from adaptd.worker.latest_frame import Frame


class SharedSlot:
    """As ``LatestFrame``, one frame deep a camera; ``dropped_of`` each are frames that gave way to a newer one."""

    def __init__(self, names: tuple[str, ...], first_frame: int = 0) -> None:
        self._lock = threading.Lock()
        self._ready = threading.Condition(self._lock)
        self._waiting: list[Frame | None] = [None] * len(names)
        self._names = [json.dumps(name) for name in names]
        self._count = [0] * len(names)
        self._next = first_frame
        self._poked = False
        self.dropped_of = [0] * len(names)

    @property
    def waiting(self) -> bool:
        """Whether a frame of any camera waits to be taken now."""
        return any(self._waiting)

    def put(self, frame: Frame, camera: int) -> None:
        """Offer a frame of a camera; an older one of the same camera that nobody took is dropped and counted."""
        with self._ready:
            before = self._waiting[camera]
            if before is not None and not before.look_only:
                self.dropped_of[camera] += 1
            frame.camera = camera
            if not frame.look_only:
                frame.index, self._next = self._next, self._next + 1
                frame.tag = f',"camera":{self._names[camera]},"camera_frame":{self._count[camera]}{frame.tag}'
                self._count[camera] += 1
            self._waiting[camera] = frame
            self._ready.notify()

    def poke(self) -> None:
        """Wake the taker without a frame: there is something else to do."""
        with self._ready:
            self._poked = True
            self._ready.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """The frame that has waited longest, of whichever camera, or None after ``timeout_s`` or a poke."""
        with self._lock:
            if not self._poked and timeout_s > 0 and not any(self._waiting):
                self._ready.wait(timeout_s)
            self._poked = False
            frame = min(filter(None, self._waiting), key=_turn, default=None)
            if frame is not None:
                self._waiting[frame.camera] = None
            return frame


def _turn(frame: Frame) -> tuple[bool, int]:
    """Frames to serve come before those that are only looked at."""
    return frame.look_only, frame.index

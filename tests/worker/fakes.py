"""Fakes at the outermost edge: a clock that jumps, and a source that follows a script. Tested in test_grabber.py."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from adaptd.protocol.source_spec import BadFrameError, SourceError, UnusableSourceError
from adaptd.worker.sources.base import Lens


class FakeClock:
    """Time passes only by waiting. Everything is to stop once ``until_us`` is reached."""

    def __init__(self, until_us: int = 10**15) -> None:
        self.us = 0
        self.until_us = until_us

    def now_us(self) -> int:
        return self.us

    def now_ns(self) -> int:
        return self.us * 1000

    def wait_until(self, at_us: int) -> bool:
        self.us = max(self.us, min(at_us, self.until_us))
        return self.us < self.until_us


class ScriptedSource:
    """Follows ``script``: frames to give, ``stop`` and ``break`` (advance says False, raises), ``fail`` (open raises),
    ``unusable``; ``bad`` says of which pictures, counted from 1, none can be made."""

    def __init__(
        self,
        clock: FakeClock,
        script: Iterable[int | str],
        *,
        live: bool = True,
        interval_us: int = 100_000,
        bad: Callable[[int], bool] = lambda count: False,
    ) -> None:
        self.name = "scripted"
        self.live = live
        self.tag = ""
        self.mfps: int | None = 1_000_000_000 // interval_us
        self._clock = clock
        self._script = list(script)
        self._left = 0
        self._bad = bad
        self._interval_us = interval_us
        self.opened = self.closed = self.decoded = 0

    def open(self) -> None:
        self.opened += 1
        if self._script and self._script[0] == "fail":
            self._script.pop(0)
            raise SourceError("scripted: cannot be opened; plug it in")

    def advance(self) -> bool:
        if self._left == 0:
            step = self._script.pop(0) if self._script else "stop"
            if step == "break":
                raise SourceError("scripted: a frame is damaged; check the cable")
            if step == "unusable":
                raise UnusableSourceError("scripted: gives float64 pixels; set fourcc=")
            if isinstance(step, str):
                return False
            self._left = step
        self._left -= 1
        return self._clock.wait_until(self._clock.us + self._interval_us)

    def picture(self) -> Any:
        self.decoded += 1
        if self._bad(self.decoded):
            raise BadFrameError("scripted: a frame cannot be decoded; check the cable")
        return np.zeros((4, 4, 3), np.uint8)

    def settings(self) -> Lens:
        return Lens(10_000, 4)

    def close(self) -> None:
        self.closed += 1

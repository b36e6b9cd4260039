"""A test pattern: a moving diagonal ramp, the same on every machine, without a file or a camera."""

from typing import Any

import numpy as np

from adaptd.base.clock import WaitingClock
from adaptd.worker.sources.base import FrameSource


class PatternSource(FrameSource):
    """Frames of ``width`` x ``height`` at ``mfps``; ``count`` None never ends."""

    def __init__(self, width: int, height: int, mfps: int, clock: WaitingClock, count: int | None = None) -> None:
        self.name = f"pattern:{width}x{height}"
        self.mfps: int | None = mfps
        self._clock = clock
        self._left = count
        self._due_us = self._count = 0
        ramp = (np.arange(height, dtype=np.int64)[:, None] + np.arange(width + 256, dtype=np.int64)[None, :]) % 256
        self._ramp = np.ascontiguousarray(np.repeat(ramp[:, :, None], 3, axis=2).astype(np.uint8))
        self._width = width

    def open(self) -> None:
        self._due_us, self._count = self._clock.now_us(), 0

    def advance(self) -> bool:
        assert self.mfps is not None
        if self._left is not None and self._count >= self._left:
            return False
        if not self._clock.wait_until(self._due_us + self._count * 1_000_000_000 // self.mfps):
            return False
        self._count += 1
        return True

    def picture(self) -> Any:
        shift = self._count % 256
        return self._ramp[:, shift : shift + self._width].copy()

    def close(self) -> None:
        """Nothing is held."""

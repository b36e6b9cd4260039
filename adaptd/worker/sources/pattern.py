"""A test pattern: a moving diagonal ramp, the same on every machine, without a file or a camera."""

from typing import Any

import numpy as np

from adaptd.base.clock import WaitingClock
from adaptd.worker.sources.base import Paced


class PatternSource(Paced):
    """Frames of ``width`` x ``height`` at ``mfps``."""

    def __init__(self, width: int, height: int, mfps: int, clock: WaitingClock) -> None:
        super().__init__(f"pattern:{width}x{height}", mfps, clock)
        ramp = (np.arange(height, dtype=np.int64)[:, None] + np.arange(width + 256, dtype=np.int64)[None, :]) % 256
        self._ramp = np.ascontiguousarray(np.repeat(ramp[:, :, None], 3, axis=2).astype(np.uint8))
        self._width = width

    def picture(self) -> Any:
        shift = self._count % 256
        return self._ramp[:, shift : shift + self._width].copy()

    def close(self) -> None:
        """Nothing is held."""

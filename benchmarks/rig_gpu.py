"""What the GPU benchmarks share: a hold on the GPU, a budget of time, and a fence around each part."""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from adaptd.base.clock import SystemClock
from adaptd.engine.base import Array
from adaptd.engine.errors import one_line
from adaptd.engine.pool import WarmPool
from adaptd.vision.answers import Classification
from adaptd.vocabulary import Setpoint
from adaptd.worker import lease as leases
from adaptd.worker.latest_frame import Frame, LatestFrame
from adaptd.worker.loop import FrameLoop
from adaptd.worker.loop_parts import LoopParts

NEVER_US = 10**13
RATE_MFPS = 30_000


class Keeper:
    """Keeps the GPU open from the first measurement to the last."""

    def deactivate(self) -> None:
        """Holds nothing of its own."""


class Fence:
    """Runs each part, keeps what it found under its name, and goes on when it fails or when the time is used up."""

    def __init__(self, found: dict[str, Any], budget_s: float, keep: Callable[[], None] = lambda: None) -> None:
        self._found = found
        self._until_s = time.monotonic() + budget_s
        self._keep = keep

    @property
    def left_s(self) -> float:
        """What is left of the budget."""
        return self._until_s - time.monotonic()

    def into(self, found: dict[str, Any]) -> "Fence":
        """The same budget, other results."""
        return Fence(found, self.left_s, self._keep)

    def run(self, name: str, work: Callable[[], Any], needs_s: float = 0.0) -> Any:
        """What ``work`` gives, None where it did not come to that; the reason then stands in the results."""
        if self.left_s < needs_s:
            self._found[name] = {"skipped": f"{self.left_s:.0f} s are left, it takes {needs_s:.0f}"}
            return None
        began = time.monotonic()
        try:
            self._found[name] = work()
        except Exception as error:  # noqa: BLE001 - whatever a driver or library raises costs this part alone
            self._found[name] = {"failed": one_line(f"{type(error).__name__}: {error}")}
        print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
        self._keep()
        answer = self._found[name]
        return None if isinstance(answer, dict) and "failed" in answer else answer


class Ready(LatestFrame):
    """A slot in which the next frame always lies ready: in a worker another thread makes it, stamps it and puts it there."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        super().__init__()
        self._stamped = [Frame(np.zeros((64, 64, 3), np.uint8), 0, now_us()) for _ in range(2)]
        self._frames = 0
        self.empty = False

    @property
    def waiting(self) -> bool:
        """Always, but while ``empty``."""
        return not self.empty

    def take(self, timeout_s: float) -> Frame | None:
        """The next frame, or None while ``empty``."""
        del timeout_s
        if self.empty:
            return None
        with self._lock:
            self._frames += 1
            frame = self._stamped[self._frames & 1]
            frame.index = self._frames
            return frame


class Served:
    """The worker's own frame loop over a pool, its camera and subscribers left out: frames are handed in as batches."""

    def __init__(self, pool: WarmPool, batch: Array, classes: int) -> None:
        self._clock = SystemClock()
        self._slot = Ready(self._clock.now_us)
        self._seq = 0
        names = tuple(f"class {index}" for index in range(classes))
        parts = LoopParts(
            pool,
            lambda image: batch,
            Classification(names),
            self._slot,
            self,
            self._clock,
            lambda message: None,
            lambda rate: None,
            lambda: None,
        )
        normal = dict.fromkeys(pool.warm, NEVER_US)
        self.loop = FrameLoop(parts, leases.start(pool.warm[0], RATE_MFPS), NEVER_US, normal, touch_us=0)
        self.once = partial(self.loop.turn, 0.0)  # one frame, from the slot to the published result

    def publish(self, frame: int, answer: Any, latency_us: int, variant: str, at_us: int, shadowed: bool, tag: str = "") -> None:
        """Nobody has subscribed."""

    def order(self, variant: str) -> None:
        """Serve ``variant`` from the next frame on."""
        self._seq += 1
        self.loop.offer(Setpoint(self._seq, variant, RATE_MFPS, NEVER_US, 0, "", "bench"))
        self._slot.empty = True
        self.loop.turn(0.0)
        self._slot.empty = False

    @property
    def counted(self) -> int:
        """Frames served since the last call."""
        self.loop.settle()
        counts = self.loop.tally.take()
        return counts.delivered + counts.missed

"""Slow engines: a variant far slower than it was when warmed up is at fault. Pure; the loop asks after each frame."""

from collections import deque
from dataclasses import dataclass, field

FACTOR = 8
FLOOR_US = 2_000
WINDOW = 5


@dataclass(slots=True)
class Stopwatch:
    """Latencies of one variant against its own warm-up: slow when every one of the last WINDOW frames took FACTOR times as long.

    Contention on a shared machine stretches single frames and some factors of two; eight times in a row is a fault.
    ``FLOOR_US`` keeps the scheduler's own jitter from counting against very small networks.
    """

    normal_us: int
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=WINDOW))

    @property
    def limit_us(self) -> int:
        return FACTOR * max(self.normal_us, FLOOR_US)

    def slow(self, latency_us: int) -> bool:
        """Take one latency; whether the variant is at fault now."""
        if latency_us <= self.limit_us:
            self.recent.clear()
            return False
        self.recent.append(latency_us)
        return len(self.recent) == WINDOW


def spin_wanted(latency_us: int, rate_mfps: int) -> bool:
    """Whether threads should spin between frames: only where work fills four fifths of the time, and no idle time is burnt."""
    return latency_us * rate_mfps * 5 >= 4 * 1_000_000_000

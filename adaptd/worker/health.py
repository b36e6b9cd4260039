"""Slow engines: a variant far slower than it was when warmed up is at fault. Pure; the loop asks after each frame."""

from dataclasses import dataclass

FACTOR = 8
FLOOR_US = 2_000
WINDOW = 5


@dataclass(slots=True)
class Stopwatch:
    """Latencies of one variant against its own quickest: slow when every one of the last WINDOW frames took FACTOR times as long.

    Contention on a shared machine stretches single frames and some factors of two; eight times in a row is a fault.
    ``FLOOR_US`` keeps the scheduler's own jitter from counting against very small networks.
    """

    normal_us: int
    limit_us: int = 0
    row: int = 0

    def __post_init__(self) -> None:
        self.limit_us = FACTOR * max(self.normal_us, FLOOR_US)

    def slow(self, latency_us: int) -> bool:
        """Take one latency; whether the variant is at fault now. The row starts anew after that."""
        if latency_us <= self.limit_us:
            self.row = 0
            if latency_us < self.normal_us:
                self.normal_us = latency_us
                self.limit_us = FACTOR * max(latency_us, FLOOR_US)
            return False
        self.row += 1
        if self.row < WINDOW:
            return False
        self.row = 0
        return True


def spin_wanted(latency_us: int, rate_mfps: int) -> bool:
    """Whether threads should spin between frames: only where work fills four fifths of the time, and no idle time is burnt."""
    return latency_us * rate_mfps * 5 >= 4 * 1_000_000_000

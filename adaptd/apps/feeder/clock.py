"""Two clocks: durations come from the monotonic one, the place in the day from the wall clock, and steps of the wall clock
are seen.
"""

import time
from collections.abc import Callable

from adaptd.apps.feeder.settings import SECOND_US

SANE_FROM_US = 1_704_067_200 * SECOND_US  # 1 January 2024: before it, a wall clock was never set
STEP_US = 2 * SECOND_US


def wall_us() -> int:
    """UTC, microseconds since 1970."""
    return time.time_ns() // 1_000


def mono_us() -> int:
    """CLOCK_MONOTONIC, microseconds: the clock of ``mono_us`` in a result."""
    return time.monotonic_ns() // 1_000


class WallClock:
    """Where monotonic instants lie in UTC. ``wall`` and ``mono`` give microseconds."""

    def __init__(self, wall: Callable[[], int] = wall_us, mono: Callable[[], int] = mono_us) -> None:
        self._wall, self._mono = wall, mono
        self._offset_us = wall() - mono()

    @property
    def is_set(self) -> bool:
        """False on a board without a battery clock that has not yet asked a time server."""
        return self._wall() >= SANE_FROM_US

    def now_us(self) -> int:
        return self._wall()

    def utc_of(self, mono_us: int) -> int:
        """UTC of a monotonic instant, by the clock as it was at the last ``look``."""
        return mono_us + self._offset_us

    def look(self) -> int:
        """Take the offset anew; returns by how much the wall clock stepped since, 0 where it only drifted."""
        offset_us = self._wall() - self._mono()
        moved_us = offset_us - self._offset_us
        self._offset_us = offset_us
        return moved_us if abs(moved_us) >= STEP_US else 0

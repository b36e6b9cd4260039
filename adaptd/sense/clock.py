"""The one clock of this room: monotonic microseconds. Wall time never reaches a reading."""

import time
from collections.abc import Callable

Clock = Callable[[], int]


def monotonic_us() -> int:
    """Microseconds of the monotonic clock, which no time server can set back."""
    return time.monotonic_ns() // 1000

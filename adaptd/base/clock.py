"""The monotonic clock in microseconds, and waiting that a stop ends at once. Wall time never reaches logic."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

Clock = Callable[[], int]


def monotonic_us() -> int:
    """Microseconds of the monotonic clock, which no time server can set back; the one that all processes share."""
    return time.monotonic_ns() // 1000


class WaitingClock(Protocol):
    """What sources and the loop ask the time of."""

    def now_us(self) -> int: ...
    def now_ns(self) -> int: ...
    def wait_until(self, at_us: int) -> bool:
        """Wait until ``at_us``; False as soon as everything is to stop."""


class SystemClock:
    """CLOCK_MONOTONIC."""

    now_ns = staticmethod(time.monotonic_ns)
    now_us = staticmethod(monotonic_us)

    def __init__(self) -> None:
        self.stopping = threading.Event()

    def wait_until(self, at_us: int) -> bool:
        delay_us = at_us - self.now_us() if at_us > 0 else 0
        if delay_us <= 0:
            return not self.stopping.is_set()
        return not self.stopping.wait(delay_us / 1e6)


def wall_words(mono_us: int, utc_ms: int) -> Callable[[int], str]:
    """What the wall showed at a monotonic time of the same run, as `20:24:47 UTC` (with the date where it is another day), given
    one moment by both clocks; empty for a time that no calendar has."""

    def told(at_us: int) -> str:
        try:
            now, then = (datetime.fromtimestamp((utc_ms - off) / 1000, tz=timezone.utc) for off in (0, (mono_us - at_us) // 1000))
        except (OverflowError, ValueError, OSError):
            return ""
        return f"{then:%H:%M:%S} UTC" if now.date() == then.date() else f"{then:%Y-%m-%d %H:%M:%S} UTC"

    return told


def boot_id() -> str:
    """The kernel's name of this boot, ``unknown`` where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"

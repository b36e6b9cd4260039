"""What was seen since the last time it was written down: sums for the five-minute windows they belong to.

Windows are five minutes of UTC, so days of 23 and 25 hours, a bout across midnight and a journey to another time zone need no
special case: which windows make a local day is asked when the day is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from adaptd.apps.feeder.settings import WINDOW_S, WINDOW_US


@dataclass(slots=True)
class Watched:
    """Time seen in one window; ``sure_us`` of it in light that the model can be believed in."""

    seen_us: int = 0
    sure_us: int = 0


@dataclass(slots=True)
class Eaten:
    """One pet in one window."""

    eating_us: int = 0
    sure_eating_us: int = 0
    present_us: int = 0


@dataclass(slots=True)
class Served:
    """One engine in one light in one window (only time that is sure)."""

    efficient: bool = False
    seen_us: int = 0
    frames: int = 0
    unproven_us: int = 0
    bound_ppm: int | None = None


@dataclass(slots=True)
class Tally:
    """Sums that are not yet in the store; keys are the window's start in seconds since 1970."""

    watched: dict[int, Watched] = field(default_factory=dict)
    eaten: dict[tuple[int, str], Eaten] = field(default_factory=dict)
    served: dict[tuple[int, str, str], Served] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.watched or self.eaten or self.served)

    def watch(self, window: int, length_us: int, *, sure: bool) -> None:
        row = self.watched.setdefault(window, Watched())
        row.seen_us += length_us
        row.sure_us += length_us if sure else 0

    def eat(self, window: int, pet: str, length_us: int, *, sure: bool) -> None:
        """Add eating, or take it back where ``length_us`` is negative."""
        row = self.eaten.setdefault((window, pet), Eaten())
        row.eating_us += length_us
        row.sure_eating_us += length_us if sure else 0

    def be_there(self, window: int, pet: str, length_us: int) -> None:
        """Add time in which a pet was in view, eating or not."""
        self.eaten.setdefault((window, pet), Eaten()).present_us += length_us


def pieces(start_us: int, end_us: int) -> Iterator[tuple[int, int]]:
    """A stretch of UTC microseconds as (window, length) pieces."""
    while start_us < end_us:
        window = start_us // WINDOW_US
        until = min((window + 1) * WINDOW_US, end_us)
        yield window * WINDOW_S, until - start_us
        start_us = until


def larger(one: int | None, other: int | None) -> int | None:
    """The larger bound; none where one of them is unknown."""
    return None if one is None or other is None else max(one, other)

"""Axes of charts: time with the labels of the wall clock, values across and upwards, linear or by decades."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from math import ceil, floor, log10
from typing import Protocol

WIDE, NARROW = 1000, 360  # a desk, a telephone: the same panel is drawn for both, so that its letters stay readable
RIGHT = 12

_STEPS = (1, 2, 5)
_SPANS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
    3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000,
)  # fmt: skip


class Across(Protocol):
    """What a panel asks of the axis to the right."""

    @property
    def width(self) -> int: ...
    @property
    def left(self) -> int: ...
    def x(self, at: float, /) -> float: ...
    def ticks(self) -> list[float]: ...
    def label(self, at: float, /) -> str: ...


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Time to the right: ``end_us`` of log time over the plot's width, labelled by the wall clock of known moments."""

    end_us: int
    moments: tuple[tuple[int, int], ...]  # (log time in us, UTC in ms), in order
    width: int = WIDE

    @property
    def left(self) -> int:
        return left_of(self.width)

    def x(self, at_us: float) -> float:
        return self.left + (self.width - self.left - RIGHT) * at_us / max(1, self.end_us)

    def utc_ms(self, at_us: float) -> int:
        """The wall clock at a log time, from the nearest known moment before."""
        known = self.moments[0] if self.moments else (0, 0)
        for moment in self.moments:
            if moment[0] > at_us:
                break
            known = moment
        return int(known[1] + (at_us - known[0]) / 1000)

    @property
    def step_s(self) -> int:
        """Seconds from one label to the next."""
        return next((step for step in _SPANS_S if self.end_us / 1e6 / step <= (9 if self.width >= WIDE else 4)), _SPANS_S[-1])

    def ticks(self) -> list[float]:
        """Log times to be labelled, at round times of the wall clock."""
        span_s, step_s = self.end_us / 1e6, self.step_s
        first_s = -(self.utc_ms(0) / 1000) % step_s
        return [(first_s + at * step_s) * 1e6 for at in range(int((span_s - first_s) // step_s) + 1)]

    def label(self, at_us: float) -> str:
        coarse_s = 30 if self.end_us > 600e6 else 0.5  # labels are rounded, not cut
        there_s = self.utc_ms(at_us) / 1000
        round_s = round(there_s / self.step_s) * self.step_s  # late ticks shift a round time by a little
        there_s = round_s if abs(round_s - there_s) < self.step_s / 5 else there_s + coarse_s
        moment = datetime.fromtimestamp(there_s, tz=timezone.utc)
        if self.end_us > 3 * 86_400e6:
            return f"{moment:%d %b}"
        return f"{moment:%H:%M}" if self.end_us > 600e6 else f"{moment:%H:%M:%S}"


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """Values to the right, linear or by decades (1, 2, 5 labelled), or places 0, 1, 2... that have names."""

    low: float
    high: float
    width: int = WIDE
    decades: bool = False
    names: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        return left_of(self.width)

    def x(self, value: float) -> float:
        return self.left + (self.width - self.left - RIGHT) * _share(value, self.low, self.high, decades=self.decades)

    def ticks(self) -> list[float]:
        if self.names:
            return [float(place) for place in range(len(self.names))]
        if self.decades:
            found = [step * 10.0**power for power in range(-3, 7) for step in _STEPS]
            return [value for value in found if self.low <= value <= self.high]
        step = nice((self.high - self.low) / (8 if self.width >= WIDE else 4))
        return [at * step for at in range(ceil(self.low / step), floor(self.high / step + 1e-9) + 1)]

    def label(self, value: float) -> str:
        return self.names[int(value)] if self.names else f"{value:.6g}"


def _share(value: float, low: float, high: float, *, decades: bool) -> float:
    """Where a value lies on the way from the low end (0) to the high one (1)."""
    if decades:
        value, low, high = log10(max(value, low)), log10(low), log10(high)
    return min(1.0, max(0.0, (value - low) / (high - low)))


def left_of(width: int) -> int:
    """Room for the labels of the scale."""
    return 58 if width >= WIDE else 46


@dataclass(frozen=True, slots=True)
class Scale:
    """Values upwards, linear or by decades."""

    low: float
    high: float
    top: float
    bottom: float
    decades: bool = False

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * _share(value, self.low, self.high, decades=self.decades)

    def ticks(self) -> list[float]:
        if self.decades:
            return [10.0**power for power in range(int(log10(self.low)), int(log10(self.high)) + 1)]
        step = nice((self.high - self.low) / 4)
        first = -(-self.low // step) * step
        return [first + at * step for at in range(int((self.high - first) / step + 1e-9) + 1)]


def nice(rough: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) at or above ``rough``."""
    power = 10.0 ** floor(log10(rough)) if rough > 0 else 1.0
    return next((step * power for step in _STEPS if step * power >= rough), 10 * power)


def linear(values: Sequence[float], marks: Sequence[float], top: float, bottom: float, *, zero: bool = False) -> Scale:
    """A scale that holds all values and marks with some air."""
    held = [*values, *marks] or [0.0, 1.0]
    low, high = (0.0 if zero else min(held)), max(held)
    air = (high - low or abs(high) or 1.0) * 0.08
    return Scale(low - (0 if zero else air), high + air, top, bottom)


def robust(values: Sequence[float], marks: Sequence[float], top: float, bottom: float) -> Scale:
    """A linear scale for most values: what lies over three times the middle spread away may run out of the panel."""
    held = sorted(values)
    if not held:
        return linear(values, marks, top, bottom)
    low, high = held[len(held) // 10], held[(len(held) * 9) // 10]
    reach = 3 * max(high - low, 0.02 * abs(high))
    return linear([value for value in held if low - reach <= value <= high + reach], marks, top, bottom)

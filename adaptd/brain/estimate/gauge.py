"""Whether a sensor can be believed. What cannot be believed becomes absent; it never becomes a number.

Five ways to lie are caught: too old, outside what the board can show, exactly zero where nothing is exactly zero, moving faster
than physics, and frozen: a sensor whose noise made it turn up and down all the time, over several of its steps, does not repeat
one value thirty times. (A coarse sensor does, in the middle of a step: that is no fault.)
"""

from dataclasses import dataclass
from typing import NamedTuple

from adaptd.vocabulary import Measured, Reading

FROZEN_AFTER = 30  # equal readings in a row; at LIVELY_PPM a healthy sensor does that with a chance of 2^-30
LIVELY_PPM = 500_000  # share of readings at which the sensor turned round; white noise has 2/3
LIVELY_MEMORY = 64
REPEATS_COUNTED = 3  # of a run of equal readings; more would make a frozen sensor look calm
STEPS = 4  # a sensor is fine-grained when its usual change is this many times its smallest
PPM = 1_000_000


class Gauge(NamedTuple):
    """What is remembered of a sensor: last value, its last direction (+1, 0, -1), repeats, how often it turns, last belief.

    ``rustle`` is the usual change between readings, ``least`` the smallest change seen.
    """

    last: int | None = None
    direction: int = 0
    repeats: int = 0
    lively_ppm: int = 0
    rustle: int = 0
    least: int = 0
    trusted: int | None = None
    trusted_at_us: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What can be believed: age, range, change per second above a free step (None: may jump), zero, where it may freeze."""

    stale_us: int
    low: int
    high: int
    slew_per_s: int | None = None
    step: int = 0
    zero_is_real: bool = False
    may_freeze_below: int | None = None


def read(gauge: Gauge, reading: Reading, now_us: int, limits: Limits) -> tuple[Gauge, int | None, str]:
    """The gauge after a reading, the believed value or None, and why not (empty when believed)."""
    if not isinstance(reading, Measured):
        return gauge, None, "missing"
    if reading.age_us > limits.stale_us:
        return gauge, None, "stale"
    value = reading.value
    why = _lie(gauge, value, now_us, limits)
    last, direction, repeats, lively = gauge.last, gauge.direction, gauge.repeats, gauge.lively_ppm
    rustle, least, trusted, trusted_at_us = gauge.rustle, gauge.least, gauge.trusted, gauge.trusted_at_us
    change = 0 if last is None else value - last
    if change:
        turned = PPM if change * direction < 0 else 0
        direction, repeats = 1 if change > 0 else -1, 0
    else:
        repeats, turned = repeats + 1, 0
    if repeats <= REPEATS_COUNTED:
        change = abs(change)
        lively += (turned - lively) // LIVELY_MEMORY
        rustle += (change - rustle) // LIVELY_MEMORY if rustle else change
        if change and not 0 < least <= change:
            least = change
    if why:
        return Gauge(value, direction, repeats, lively, rustle, least, trusted, trusted_at_us), None, why
    return Gauge(value, direction, repeats, lively, rustle, least, value, now_us), value, ""


def _lie(gauge: Gauge, value: int, now_us: int, limits: Limits) -> str:
    if not limits.low <= value <= limits.high:
        return "implausible"
    if value == 0 and not limits.zero_is_real:
        return "zero"
    if value == gauge.last and _frozen(gauge) and (limits.may_freeze_below is None or value >= limits.may_freeze_below):
        return "frozen"
    if limits.slew_per_s is not None and gauge.trusted is not None:
        far = limits.step + limits.slew_per_s * max(0, now_us - gauge.trusted_at_us) // 1_000_000
        if abs(value - gauge.trusted) > far:
            return "too_fast"
    return ""


def _frozen(gauge: Gauge) -> bool:
    """Whether one more reading that equals the last is one too many."""
    return gauge.repeats + 1 >= FROZEN_AFTER and gauge.lively_ppm >= LIVELY_PPM and gauge.rustle >= STEPS * gauge.least

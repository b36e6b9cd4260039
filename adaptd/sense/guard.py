"""Judges the samples of one source: is this a number of today, of this machine, and did the sensor move when it had to?

Pure bookkeeping on samples and a given ``now_us``. A stamp advances only on an accepted value, so a stream of refused values
goes stale like silence does.
"""

from dataclasses import dataclass
from enum import Enum

from adaptd.sense.source import TEMPERATURE, UNITS, Sample
from adaptd.vocabulary import Measured, Missing, Reading

FUTURE_US = 100_000
FORGOTTEN_US = 60_000_000
EFFECT_US = 1_000_000
NEAR_ZERO_MC = 2_000


class Quality(str, Enum):
    """How far a source is believed: good, suspect (used and named), stale, failed (both Missing)."""

    GOOD = "good"
    SUSPECT = "suspect"
    STALE = "stale"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one quantity can plausibly say.

    ``slew_per_s`` bounds what changes slowly (temperature). What may jump (power, light) is believed at once up to ``sure_step``
    or a factor of ``sure_factor``; beyond that a second sample must agree.
    """

    low: int
    high: int
    stale_us: int
    slew_per_s: int | None = None
    sure_step: int | None = None
    sure_factor: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A source's reading after the guard, with the reason beside it where it is not good."""

    name: str
    reading: Reading
    quality: Quality
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """What should move a sensor: a level, and the change of the sensor that 1000 units of it must show within a second.

    For a temperature the cause is power, for power the expected power of the operating point, for light the picture. A change
    below ``smallest`` proves nothing; nor does one below two steps of the sensor where ``in_steps`` says that its steps count.
    """

    level: int
    effect_per_1000: int
    smallest: int
    in_steps: bool = True


class Guard:
    """One source's memory: the last accepted value, the last stamp, and since when the value stands still."""

    def __init__(self, name: str, quantity: str, limits: Limits, step: int = 1) -> None:
        self.name = name
        self.quantity = quantity
        self.limits = limits
        self._step = step  # the finest change seen so far, at first what the source says of itself
        self._cause: tuple[int, int] | None = None  # level smoothed over a second, at_us
        self._seq = -1
        self._verdict: Judged | None = None
        self._accepted: tuple[int, int] | None = None  # value, at_us
        self._stamp_us: int | None = None
        self._still: _Still | None = None
        self._unconfirmed: int | None = None

    def judge(self, now_us: int, sample: Sample, cause: Cause | None = None) -> Judged:
        """The sample as far as it can be believed at ``now_us``."""
        reading = sample.reading
        if not isinstance(reading, Measured):
            self._seq, self._verdict = -1, None
            return self._failed(reading.reason)
        fresh = sample.seq != self._seq or self._verdict is None
        self._seq = sample.seq
        if fresh:
            self._verdict = self._first_look(now_us, sample, reading.value)
        assert self._verdict is not None
        if not isinstance(self._verdict.reading, Measured):
            return self._verdict
        age_us = max(now_us - sample.at_us, 0)
        if age_us > self.limits.stale_us:
            reason = f"stale: {age_us // 1000} ms old"
            return Judged(self.name, Missing(reason), Quality.STALE, reason)
        stuck = self._watch_still(now_us, reading.value, cause)
        if stuck.startswith("stuck"):
            return self._failed(stuck)
        reason = self._verdict.reason or stuck
        quality = Quality.SUSPECT if reason else Quality.GOOD
        return Judged(self.name, Measured(reading.value, age_us, self.name), quality, reason)

    def _first_look(self, now_us: int, sample: Sample, value: int) -> Judged:
        fault = self._clock_fault(now_us, sample) or self._range_fault(value) or self._jump_fault(sample.at_us, value)
        if fault:
            return self._failed(fault)
        self._accepted = (value, sample.at_us)
        self._stamp_us = sample.at_us
        return Judged(self.name, Measured(value, 0, self.name), Quality.SUSPECT if sample.note else Quality.GOOD, sample.note)

    def _clock_fault(self, now_us: int, sample: Sample) -> str:
        if sample.at_us > now_us + FUTURE_US:
            return "clock: the reading is from the future"
        if self._stamp_us is None or now_us - self._stamp_us > FORGOTTEN_US:
            return ""
        if sample.at_us == self._stamp_us:
            return "clock: the time of the reading repeats"
        return "clock: the time of the reading went backwards" if sample.at_us < self._stamp_us else ""

    def _range_fault(self, value: int) -> str:
        low, high = self.limits.low, self.limits.high
        if low <= value <= high:
            return ""
        unit = UNITS[self.quantity]
        return f"implausible: {value} {unit} is outside {low} to {high} {unit}"

    def _jump_fault(self, at_us: int, value: int) -> str:
        """Too fast a change: one second's worth is always allowed, then a tenth of the slew for every second without a value.

        A value that stays where it jumped to is believed in the end; a temperature of exactly 0 only if it came from near 0.
        """
        before = self._accepted
        if before is not None and at_us - before[1] > FORGOTTEN_US:
            before = None
        if self.quantity == TEMPERATURE and value == 0 and (before is None or abs(before[0]) > NEAR_ZERO_MC):
            return "implausible: exactly 0, which is what a dead sensor is often given"
        if before is None:
            return ""
        slew = self.limits.slew_per_s
        if slew is None:
            return self._unconfirmed_fault(before[0], value)
        allowed = slew + slew * max(at_us - before[1] - 1_000_000, 0) // 10_000_000
        change = value - before[0]
        return f"jump: {change} {UNITS[self.quantity]} in {(at_us - before[1]) // 1000} ms" if abs(change) > allowed else ""

    def _unconfirmed_fault(self, before: int, value: int) -> str:
        """A jump is believed when two samples running agree on it: a single spike never is."""
        if not self._is_jump(before, value):
            self._unconfirmed = None
            return ""
        agreed = self._unconfirmed is not None and not self._is_jump(self._unconfirmed, value)
        self._unconfirmed = None if agreed else value
        return "" if agreed else f"jump: from {before} to {value} {UNITS[self.quantity]}, waiting for a second sample"

    def _is_jump(self, before: int, value: int) -> bool:
        step, factor = self.limits.sure_step, self.limits.sure_factor
        if step is not None:
            return abs(value - before) > step
        if factor is not None:
            return max(before, value) > max(min(before, value), 1000) * factor
        return False

    def _watch_still(self, now_us: int, value: int, cause: Cause | None) -> str:
        """Does the value stand still although its cause has moved? Once stuck, it stays so until the value changes."""
        if cause is None:
            self._still, self._cause = None, None
            return ""
        level = self._smoothed(now_us, cause.level)
        still = self._still
        if still is None or still.value != value:
            if still is not None:
                self._step = min(self._step, abs(value - still.value))
            self._still = _Still(value, level)
            return ""
        effect = abs(level - still.level) * cause.effect_per_1000 // 1000
        if not still.stuck and effect < max(cause.smallest, 2 * self._step if cause.in_steps else 0):
            self._still = _Still(value, still.level)
            return ""
        since_us = now_us if still.moved_us is None else still.moved_us
        self._still = _Still(value, still.level, since_us, still.stuck or now_us - since_us >= EFFECT_US)
        if self._still.stuck:
            return "stuck: unchanged although its cause moved"
        return "unchanged although its cause moved"

    def _smoothed(self, now_us: int, level: int) -> int:
        """The cause behind a first-order lag of a second, like the prompt part of what follows it: a burst is no step."""
        before = self._cause
        if before is None:
            self._cause = (level, now_us)
            return level
        passed_us = max(now_us - before[1], 0)
        smooth = before[0] + (level - before[0]) * passed_us // (passed_us + EFFECT_US)
        self._cause = (smooth, now_us)
        return smooth

    def _failed(self, reason: str) -> Judged:
        return Judged(self.name, Missing(reason), Quality.FAILED, reason)


@dataclass(frozen=True, slots=True)
class _Still:
    """A value that repeats, the level of its cause when it began, and since when that has moved far enough to show."""

    value: int
    level: int
    moved_us: int | None = None
    stuck: bool = False

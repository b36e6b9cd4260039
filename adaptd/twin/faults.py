"""What goes wrong in the software device: broken sensors, and stalls, in which every frame takes a multiple of its time.

Stalls are drawn once for all controllers from the scenario's seed: what a controller does never changes what it meets.
"""

from dataclasses import dataclass, replace
from random import Random

from adaptd.twin.words import PPM, StagedFault, StallTruth
from adaptd.twin.world import Noise
from adaptd.vocabulary import MissingReason, Raw, RawReading, Unread

SPIKE_CHANCE = 0.2
SPIKES = {"temperature": (1, 40_000), "power": (4, 0), "light": (20, 1_000_000)}  # times, and more
EXPONENT = 3.0  # of the Pareto tail; its mean is EXPONENT / (EXPONENT - 1)


class SensorFaults:
    """The faults of one sensor, applied to what a healthy one would say."""

    def __init__(self, sensor: str, faults: tuple[StagedFault, ...], seed: int) -> None:
        self._sensor = sensor
        self._faults = tuple(fault for fault in faults if not fault.engine and fault.target == sensor)
        self._noise = Noise(seed, f"spike/{sensor}")
        self._held: RawReading | None = None
        self._held_at_us = 0

    def apply(self, healthy: RawReading, now_us: int) -> Raw:
        for fault in self._faults:
            if fault.from_us <= now_us < fault.to_us:
                return self._broken(fault.kind, healthy, now_us)
        if self._faults:
            self._held, self._held_at_us = healthy, now_us
        return healthy

    def _broken(self, kind: str, healthy: RawReading, now_us: int) -> Raw:
        if kind == "missing":
            return Unread(MissingReason.GONE, "no such device", healthy.source, self._sensor, True)
        if kind == "nan":
            return Unread(MissingReason.UNREADABLE, "not a number", healthy.source, self._sensor, True)
        if kind == "zero":
            return replace(healthy, value=0)
        if kind == "spike":
            if not self._noise.chance(SPIKE_CHANCE):
                return healthy
            times, more = SPIKES[self._sensor]
            return replace(healthy, value=healthy.value * times + more)
        if self._held is None:
            self._held, self._held_at_us = healthy, now_us
        if kind == "stuck":  # it answers anew, always the same
            return replace(healthy, value=self._held.value)
        return replace(self._held, age_us=now_us - self._held_at_us)


@dataclass(frozen=True, slots=True)
class Hit:
    """What one stall does to an interval: the part of it that it covers, and by what it slows frames."""

    part: float
    slow: float


class Stalls:
    """Asked in the order of time."""

    def __init__(self, seed: int, truth: StallTruth | None) -> None:
        self._truth = truth
        self._random = Random(f"{seed}/stalls")  # noqa: S311 - repeatable on purpose
        self._now: tuple[float, float, float] = (0.0, 0.0, 1.0)
        if truth is not None:
            self._now = self._draw(0.0)

    def within(self, t_us: int, dt_us: int) -> tuple[Hit, ...]:
        if self._truth is None:
            return ()
        found = []
        while self._now[0] < t_us + dt_us:
            start, end, slow = self._now
            covered = min(end, t_us + dt_us) - max(start, t_us)
            if covered > 0:
                found.append(Hit(covered / dt_us, slow))
            if end > t_us + dt_us:
                break
            self._now = self._draw(end)
        return tuple(found)

    def _draw(self, after_us: float) -> tuple[float, float, float]:
        """Start, end and slow-down of the next one."""
        assert self._truth is not None, "drawn only where there are stalls"
        start = after_us + self._random.expovariate(1.0) * self._truth.every_us
        end = start + self._random.expovariate(1.0) * self._truth.length_us
        beyond = (self._truth.slow_ppm / PPM - 1.0) * self._random.paretovariate(EXPONENT) * (EXPONENT - 1.0) / EXPONENT
        return start, end, 1.0 + beyond

"""Stalls of the software device: moments in which every frame takes a multiple of its latency, in runs.

Drawn once for all controllers from the scenario's seed: what a controller does never changes what it meets.
"""

from dataclasses import dataclass
from random import Random

from adaptd.twin.words import PPM, StallTruth

EXPONENT = 3.0  # of the Pareto tail; its mean is EXPONENT / (EXPONENT - 1)


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
        """The stalls between ``t_us`` and ``t_us + dt_us``."""
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

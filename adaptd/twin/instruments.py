"""The sensors of the software device: noise, lag and faults between the truth and what the controller reads. All simulated."""

import random
from collections import deque
from dataclasses import dataclass

from adaptd.twin.scenario import Fault, Scenario
from adaptd.vocabulary import Measured, Missing, Reading

QUANTITIES = ("temperature", "power", "light")
SPIKE = 10


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true at a moment, in the integers of the readings."""

    temperature_mc: int
    power_mw: int
    light_mlx: int


class Instruments:
    """Three sensors over one truth. ``read`` is called once a tick, with time going forwards."""

    def __init__(self, scenario: Scenario) -> None:
        noise, lag = scenario.truth.noise, scenario.truth.lag_s
        self._random = random.Random(scenario.seed)  # noqa: S311 - a reproducible noise source
        self._noise = (noise.temperature_c * 1000, noise.power_w * 1000, noise.light_pct / 100)
        self._lag_us = tuple(int(value * 1e6) for value in (lag.temperature, lag.power, lag.light))
        self._past: tuple[deque[tuple[int, int]], ...] = (deque(), deque(), deque())
        self._faults = [[fault for fault in scenario.faults if not fault.engine and fault.target == name] for name in QUANTITIES]
        self._good: list[Measured | None] = [None, None, None]
        self._good_at_us = [0, 0, 0]

    def read(self, now_us: int, truth: Truth) -> tuple[Reading, Reading, Reading]:
        """Temperature, power and light as the controller gets them."""
        gauss = self._random.gauss
        true = (truth.temperature_mc, truth.power_mw, truth.light_mlx)
        sigmas = (self._noise[0], self._noise[1], self._noise[2] * truth.light_mlx)
        readings = []
        for index, name in enumerate(QUANTITIES):
            value = self._lagged(index, now_us, true[index]) + int(gauss(0.0, 1.0) * sigmas[index])
            value = value if index == 0 else max(0, value)
            readings.append(self._through_faults(index, name, now_us, value))
        return readings[0], readings[1], readings[2]

    def _lagged(self, index: int, now_us: int, value: int) -> int:
        past, lag_us = self._past[index], self._lag_us[index]
        if not lag_us:
            return value
        past.append((now_us, value))
        while len(past) > 1 and past[1][0] <= now_us - lag_us:
            past.popleft()
        return past[0][1]

    def _through_faults(self, index: int, name: str, now_us: int, value: int) -> Reading:
        fault = self._fault(index, now_us)
        if fault is None:
            self._good[index], self._good_at_us[index] = Measured(value, 0, f"twin {name}", simulated=True), now_us
            return self._good[index] or Missing("never read")
        if fault.kind == "zero":
            return Measured(0, 0, f"twin {name}", simulated=True)
        if fault.kind == "spike":
            return Measured(value * SPIKE, 0, f"twin {name}", simulated=True)
        last = self._good[index]
        if fault.kind == "stuck" and last is not None:
            return last
        if fault.kind == "hang" and last is not None:
            return Measured(last.value, now_us - self._good_at_us[index], last.source, simulated=True)
        return Missing({"nan": "unparsable: nan", "hang": "no answer yet"}.get(fault.kind, "EIO"))

    def _fault(self, index: int, now_us: int) -> Fault | None:
        for fault in self._faults[index]:
            if fault.from_us <= now_us < fault.until_us:
                return fault
        return None

"""What a broken sensor says: missing, stuck, zero, spikes, hanging, not a number."""

from adaptd.twin.noise import Noise
from adaptd.twin.words import StagedFault
from adaptd.vocabulary import Measured, Missing, Reading

SPIKE_CHANCE = 0.2
SPIKE_ADD = {"temperature": 40_000, "power": 0, "light": 1_000_000}
SPIKE_TIMES = {"temperature": 1, "power": 4, "light": 20}


class SensorFaults:
    """The faults of one sensor, applied to what a healthy one would say."""

    def __init__(self, sensor: str, faults: tuple[StagedFault, ...], seed: int) -> None:
        self._sensor = sensor
        self._faults = tuple(fault for fault in faults if not fault.engine and fault.target == sensor)
        self._noise = Noise(seed, f"spike/{sensor}")
        self._held: Measured | None = None
        self._held_at_us = 0

    def apply(self, healthy: Measured, now_us: int) -> Reading:
        """The reading that comes out at ``now_us``."""
        for fault in self._faults:
            if fault.from_us <= now_us < fault.to_us:
                return self._broken(fault.kind, healthy, now_us)
        if self._faults:
            self._held, self._held_at_us = healthy, now_us
        return healthy

    def _broken(self, kind: str, healthy: Measured, now_us: int) -> Reading:
        if kind == "missing":
            return Missing(f"{self._sensor}: no such device")
        if kind == "nan":
            return Missing(f"{self._sensor}: not a number")
        if kind == "zero":
            return Measured(0, healthy.age_us, healthy.source, healthy.simulated)
        if kind == "spike":
            if not self._noise.chance(SPIKE_CHANCE):
                return healthy
            value = healthy.value * SPIKE_TIMES[self._sensor] + SPIKE_ADD[self._sensor]
            return Measured(value, healthy.age_us, healthy.source, healthy.simulated)
        if self._held is None:
            self._held, self._held_at_us = healthy, now_us
        age_us = healthy.age_us if kind == "stuck" else now_us - self._held_at_us
        return Measured(self._held.value, age_us, healthy.source, healthy.simulated)

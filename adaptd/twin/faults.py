"""What a broken sensor says: missing, stuck, zero, spikes, hanging, not a number."""

from dataclasses import replace

from adaptd.twin.noise import Noise
from adaptd.twin.words import StagedFault
from adaptd.vocabulary import MissingReason, Raw, RawReading, Unread

SPIKE_CHANCE = 0.2
SPIKE_ADD = {"temperature": 40_000, "power": 0, "light": 1_000_000}
SPIKE_TIMES = {"temperature": 1, "power": 4, "light": 20}


class SensorFaults:
    """The faults of one sensor, applied to what a healthy one would say."""

    def __init__(self, sensor: str, faults: tuple[StagedFault, ...], seed: int) -> None:
        self._sensor = sensor
        self._faults = tuple(fault for fault in faults if not fault.engine and fault.target == sensor)
        self._noise = Noise(seed, f"spike/{sensor}")
        self._held: RawReading | None = None
        self._held_at_us = 0

    def apply(self, healthy: RawReading, now_us: int) -> Raw:
        """The reading that comes out at ``now_us``."""
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
            return replace(healthy, value=healthy.value * SPIKE_TIMES[self._sensor] + SPIKE_ADD[self._sensor])
        if self._held is None:
            self._held, self._held_at_us = healthy, now_us
        if kind == "stuck":  # it answers anew, always the same
            return replace(healthy, value=self._held.value)
        return replace(self._held, age_us=now_us - self._held_at_us)

"""The sensors of this machine, with the software device standing in for those it does not have.

A quantity for which the machine has no sensor at all is simulated and marked so. A sensor that is there and fails stays Missing:
a simulated number never hides a fault.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from adaptd.sense.camera_light import PictureStats
from adaptd.sense.sensor_hub import Sampled, SensorHub, WorkerFacts, details
from adaptd.sense.source import LIGHT, POWER, TEMPERATURE
from adaptd.vocabulary import Missing, Reading, Telemetry


@dataclass(frozen=True, slots=True)
class Simulated:
    """What the software device says at one tick, every reading marked ``simulated``."""

    temperature: Reading
    power: Reading
    light: Reading
    budget_mw: int | None = None


class SoftwareDevice(Protocol):
    """A device in software that is driven by what the worker really does."""

    def observe(self, now_us: int, worker: Telemetry) -> Simulated:
        """Advance to ``now_us`` under the load that ``worker`` reports and read the simulated sensors."""
        ...


@dataclass(frozen=True, slots=True)
class Readings:
    """One reading a quantity, the outside budget where there is one, and which quantities were simulated."""

    temperature: Reading
    power: Reading
    light: Reading
    budget_mw: int | None
    simulated: tuple[str, ...]


class SensorsOrTwin:
    """SensorHub and software device behind one call a tick. ``forced`` simulates every quantity (``adaptd run --twin``)."""

    def __init__(
        self, station: SensorHub, device: SoftwareDevice | None, *, forced: bool = False, picture_light: bool = True
    ) -> None:
        self.station = station
        self._device = device
        self._forced = forced
        self._picture_light = picture_light
        self._last: Sampled | None = None

    def read(self, now_us: int, worker: Telemetry, facts: WorkerFacts) -> Readings:
        """The readings of this tick; absent quantities from the software device where there is one."""
        sampled = self._last = self.station.sample(now_us, facts)
        real: dict[str, Reading] = {TEMPERATURE: sampled.temperature, POWER: sampled.power, LIGHT: sampled.light}
        if self._device is None:
            return Readings(sampled.temperature, sampled.power, sampled.light, None, ())
        invented = self._device.observe(now_us, worker)
        made = {TEMPERATURE: invented.temperature, POWER: invented.power, LIGHT: invented.light}
        stand_in = tuple(name for name in real if self._stands_in(name, sampled))
        chosen = {name: made[name] if name in stand_in else real[name] for name in real}
        return Readings(chosen[TEMPERATURE], chosen[POWER], chosen[LIGHT], invented.budget_mw, stand_in)

    def _stands_in(self, name: str, sampled: Sampled) -> bool:
        if name == LIGHT and self._picture_light and LIGHT not in sampled.absent:
            return False
        return self._forced or name in sampled.absent

    def details(self) -> dict[str, Any]:
        """Every source's verdict at the last tick, for status."""
        return {} if self._last is None else details(self._last)

    def push(self, message: object, now_us: int) -> str:
        """A reading from another process; why it was refused, or empty."""
        return self.station.push(message, now_us)

    def close(self) -> None:
        """End the sensor threads."""
        self.station.close()


def no_reading(reason: str) -> Readings:
    """Readings while nothing can be sensed."""
    missing = Missing(reason)
    return Readings(missing, missing, missing, None, ())


def picture_stats(picture: object) -> PictureStats | None:
    """The worker's picture statistics as the sensors want them; the two rooms do not know each other."""
    if picture is None:
        return None
    names = PictureStats.__dataclass_fields__
    return PictureStats(**{name: getattr(picture, name) for name in names if hasattr(picture, name)})

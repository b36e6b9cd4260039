"""The sensors of this machine, with the software device standing in for those it does not have.

A quantity for which the machine has no sensor at all is simulated and marked so. A sensor that is there and fails stays Missing:
a simulated number never hides a fault.
"""

from typing import Protocol

from adaptd.sense.camera_light import PictureStats
from adaptd.sense.sensor_hub import Sampled, SensorHub
from adaptd.vocabulary import LIGHT, POWER, QUANTITIES, Raw, Snapshot, Telemetry


class SoftwareDevice(Protocol):
    """A device in software that is driven by what the worker really does."""

    def observe(self, now_us: int, worker: Telemetry) -> tuple[tuple[Raw, ...], int | None]:
        """Advance to ``now_us`` under the load that ``worker`` reports: the simulated sensors, and the budget if there is one."""
        ...


class SensorsOrTwin:
    """SensorHub and software device behind one call a tick. ``forced`` simulates every quantity (``adaptd run --twin``)."""

    def __init__(
        self, station: SensorHub, device: SoftwareDevice | None, *, forced: bool = False, picture_light: bool = True
    ) -> None:
        self.station = station
        self._device = device
        self._forced = forced
        self._picture_light = picture_light

    def read(self, now_us: int, worker: Telemetry, picture: PictureStats | None, *, log_ok: bool) -> Snapshot:
        """The snapshot of this tick; absent quantities from the software device where there is one."""
        sampled = self.station.sample(now_us, picture)
        raw, budget_mw = sampled.raw, None
        if self._device is not None:
            invented, budget_mw = self._device.observe(now_us, worker)
            stand_in = {name for name in QUANTITIES if self._stands_in(name, sampled)}
            if POWER not in stand_in:
                budget_mw = None  # the software device's budget says nothing of real power
            raw = tuple(
                [one for one in raw if one.quantity not in stand_in] + [one for one in invented if one.quantity in stand_in]
            )
        return Snapshot(now_us, raw, worker, budget_mw, log_ok, sampled.picture)

    def _stands_in(self, name: str, sampled: Sampled) -> bool:
        if name == LIGHT and self._picture_light and LIGHT not in sampled.absent:
            return False
        return self._forced or name in sampled.absent

    def push(self, message: object, now_us: int) -> str:
        """A reading from another process; why it was refused, or empty."""
        return self.station.push(message, now_us)

    def close(self) -> None:
        """End the sensor threads."""
        self.station.close()


def picture_stats(picture: object) -> PictureStats | None:
    """The worker's picture statistics as the sensors want them; the two rooms do not know each other."""
    if picture is None:
        return None
    names = PictureStats.__dataclass_fields__
    return PictureStats(**{name: getattr(picture, name) for name in names if hasattr(picture, name)})

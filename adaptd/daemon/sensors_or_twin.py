"""The sensors of this machine, and the software device where the user asked for it: in the demonstration and with ``--twin``.

Everywhere else nothing is simulated: what is absent is Missing and named. In the demonstration the power supply is staged, and
with it power; temperature and light are real where the machine has a sensor for them. A sensor that is there and fails stays
Missing: a simulated number never hides a fault.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Protocol

from adaptd.brain.judge.words import in_units
from adaptd.protocol.messages import Picture
from adaptd.sense.camera_light import PictureStats
from adaptd.sense.missing_policy import meaning_of
from adaptd.sense.sensor_hub import Sampled, SensorHub
from adaptd.vocabulary import LIGHT, POWER, QUANTITIES, TEMPERATURE, MissingReason, Raw, RawReading, Snapshot, Telemetry
from adaptd.vocabulary.battery import BatteryReading


class SoftwareDevice(Protocol):
    """A device in software that is driven by what the worker really does."""

    def observe(self, now_us: int, worker: Telemetry) -> tuple[tuple[Raw, ...], int | None]:
        """Advance to ``now_us`` under the load that ``worker`` reports: the simulated sensors, and the budget if there is one."""
        ...

    def battery(self, now_us: int) -> BatteryReading | None:
        """What the device's battery says after ``observe``; None where the scenario has none."""
        ...


class SensorsOrTwin:
    """SensorHub and software device behind one call a tick. ``device`` alone is the demonstration, ``forced`` simulates every
    quantity (``adaptd run --twin``), and without a device nothing is simulated.
    """

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
            kept = [one for one in raw if one.quantity not in stand_in]
            raw = (*kept, *(one for one in invented if one.quantity in stand_in))
        battery = sampled.battery
        if self._device is not None and (staged := self._device.battery(now_us)) is not None:
            battery = staged  # a scenario with a battery: its charge goes with its power
        return Snapshot(now_us, raw, worker, budget_mw, log_ok, sampled.picture, battery)

    def _stands_in(self, name: str, sampled: Sampled) -> bool:
        if name == LIGHT and self._picture_light and LIGHT not in sampled.absent:
            return False
        return self._forced or name == POWER or name in sampled.absent

    @cached_property
    def opening(self) -> "Opening":
        """What each quantity is at the start, from a first look at every sensor."""
        sampled = self.station.sample(self.station.now_us())
        staged = [name for name in QUANTITIES if self._device is not None and self._stands_in(name, sampled)]
        answers = {name: [one for one in sampled.raw if one.quantity == name] for name in QUANTITIES}
        return Opening(tuple(_opening(name, answers[name], self.station, staged=name in staged) for name in QUANTITIES))


@dataclass(frozen=True, slots=True)
class Told:
    """One quantity at the start: ``kind`` is ``real``, ``later`` (nothing to read yet), ``simulated`` or ``missing``."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What the sensors are at the start. "All real" is said only where every quantity has given a reading."""

    told: tuple[Told, ...]

    def words(self) -> list[str]:
        """One line a quantity."""
        if all(one.kind == "real" for one in self.told):
            return [f"all real: {'; '.join(one.words for one in self.told)}"]
        return [one.words for one in self.told]


def _opening(name: str, answers: list[Raw], station: SensorHub, *, staged: bool) -> Told:
    readings = [one for one in answers if isinstance(one, RawReading)]
    first = max(readings, key=lambda one: one.value) if readings and name == TEMPERATURE else next(iter(readings), None)
    shown = "" if first is None else f"{name} {in_units(name, first.value)} from {first.source}"
    if staged:
        own = f"; this machine's own, {shown.removeprefix(name + ' ')}, is not used" if shown else ""
        return Told("simulated", f"{name} simulated{own}")
    if shown:
        return Told("real", shown)
    if name == LIGHT and answers and not station.calibrated:
        return Told("missing", UNCALIBRATED)
    if any(not isinstance(one, RawReading) and one.reason in LATER for one in answers):
        return Told("later", f"{name} {'from the camera, once frames come' if name == LIGHT else 'in a moment'}")
    said = next((one.text for one in answers if not isinstance(one, RawReading)), f"no {name} sensor")
    lost = "; ".join(f"{each}: {reason}" for each, reason in station.lost(name))
    if name == TEMPERATURE and station.unwatched and not answers:
        return Told("missing", UNWATCHED)
    words = f"{name} missing ({station.silent.get(name) or said}{': ' + lost if lost else ''})"
    return Told("missing", f"{words}: counts as {meaning_of(name).taken_as}{_REMEDY.get(name, '')}")


_REMEDY = {
    TEMPERATURE: "; name a sensor in the profile, push one (push:NAME), or where the machine has none and is cooled otherwise, "
    "say so with --profile no-thermometer (floor_fps is then served)"
}
UNWATCHED = "temperature unwatched, as the profile says: this machine has no thermometer, so no more than floor_fps is served"
LATER = (MissingReason.NOT_READ, MissingReason.MOMENTARY)
UNCALIBRATED = (
    "light missing: nobody calibrated this camera, so light stays unknown and the reference alone serves; "
    "to change that: adaptd camera calibrate --source SOURCE"
)


def first_words(senses: SensorsOrTwin, limit_mc: int) -> list[tuple[str, str]]:
    """What is wrong with the sensors at the start, as (kind of fault, words): a low trip, and each quantity without a reading."""
    low = min((trip.at_mc for trip in senses.station.trips if trip.kind == "passive"), default=limit_mc + 1)
    words = f"the kernel throttles at {low / 1000:g} degC, at or below the policy's limit_c: lower thermal.limit_c"
    lost = [("sensor_missing", one.words) for one in senses.opening.told if one.kind == "missing"]
    return [*([("trip_below_limit", words)] if low <= limit_mc else []), *lost]


def picture_stats(picture: Picture | None) -> PictureStats | None:
    """The worker's picture statistics as the sensors want them; the two rooms do not know each other."""
    return None if picture is None else PictureStats(**asdict(picture))

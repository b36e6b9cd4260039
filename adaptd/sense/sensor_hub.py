"""All sensors of one machine behind one call a tick.

    station = SensorHub.from_profile(profile)
    sampled = station.sample(now_us, WorkerFacts(delivered_mfps=15000, picture=picture))
    sampled.temperature, sampled.power, sampled.light     # Measured or Missing
    sampled.absent                                        # quantities this machine has no sensor for at all

``absent`` is the only case in which the daemon may put a simulated reading in: a sensor that is there and fails is Missing.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from adaptd.base.clock import Clock, monotonic_us
from adaptd.config.profile import HardwareProfile
from adaptd.sense.board import identify
from adaptd.sense.camera_light import Calibration, CameraFeed, PictureStats, parse_calibration, parse_gain, with_gain
from adaptd.sense.catalog import JTOP_SOCKET, Catalog, Named, parse_name
from adaptd.sense.deadline import DEADLINE_US, GRACE_S, ReaderPool
from adaptd.sense.fuse import Context, Fused, Fuser, Rules
from adaptd.sense.guard import Limits
from adaptd.sense.hotplug import LOOKED_FOR, Hotplug, Wanted
from adaptd.sense.jtop import JtopFeed, JtopProcess, child_command
from adaptd.sense.nvml import NvmlGpu
from adaptd.sense.push import PushInbox
from adaptd.sense.source import LIGHT, POWER, QUANTITIES, TEMPERATURE, Feed, Source
from adaptd.sense.sysfs import Sysfs
from adaptd.sense.thermal_zone import ThermalZone, Trip
from adaptd.vocabulary import Measured, Missing, Reading

STALE_US = 2_000_000
_LIGHT_FACTOR = 8


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What the worker tells the sensors: whether frames are served, what that should cost, and the newest picture."""

    delivered_mfps: int = 0
    expected_mw: int | None = None
    picture: PictureStats | None = None


@dataclass(frozen=True, slots=True)
class Sampled:
    """The readings of one tick. ``fused`` holds every source's verdict, by quantity."""

    temperature: Reading
    power: Reading
    light: Reading
    absent: tuple[str, ...]
    fused: dict[str, Fused]


class SensorHub:
    """Sources, their threads, their guards and the fusion per quantity; built with ``from_profile``, ended with ``close``."""

    def __init__(self, build: "_Build") -> None:
        self._build = build
        self._pool = build.pool
        self._inbox = build.inbox
        self._fusers: dict[str, Fuser] = {}
        self._facts = WorkerFacts()
        self._now_us: int | None = None
        self._power_mw: int | None = None
        self._named_here: frozenset[str] = frozenset()
        self.trips = build.trips()
        self.lookout = Hotplug(build.sysfs, [])

    @classmethod
    def from_profile(
        cls,
        profile: HardwareProfile,
        root: Path = Path("/"),
        *,
        camera: Calibration | None = None,
        sysfs: Sysfs | None = None,
        clock: Clock = monotonic_us,
        deadline_us: int = DEADLINE_US,
        grace_s: float = GRACE_S,
        gpu: Callable[[int], NvmlGpu] = NvmlGpu,
        jtop_command: tuple[str, ...] = child_command(),
    ) -> "SensorHub":
        """Find the profile's sources below ``root`` and start one thread for each that can block.

        ``camera`` calibrates the picture where the profile's ``light`` says only ``camera``.
        """
        files = Sysfs(root) if sysfs is None else sysfs
        build = _Build(profile, files, Catalog(files, gpu), camera, ReaderPool(clock, deadline_us, grace_s), jtop_command)
        build.all()
        station = cls(build)
        if identify(files).profile == profile.name and identify(files).certain:
            station._named_here = frozenset(quantity for quantity, names in names_of(profile).items() if names)
        build.camera_picture.append(lambda: station._facts.picture)
        station._fusers = {quantity: Fuser(quantity, build.feeds[quantity], _rules(quantity, profile)) for quantity in QUANTITIES}
        station.lookout = Hotplug(files, station._awaited(), lambda here: Catalog(here, gpu))
        station.lookout.start()
        return station

    def sample(self, now_us: int, facts: WorkerFacts | None = None) -> Sampled:
        """Ask every source, wait at most the grace time, and give one reading a quantity. Called once a tick."""
        told = facts or WorkerFacts()
        self._facts = replace(told, picture=with_gain(told.picture, self._build.gain_unit))
        self._welcome()
        if self._now_us is not None and now_us <= self._now_us:
            return self._clock_fault()
        self._now_us = now_us
        self._pool.collect(now_us)
        facts = self._facts
        context = Context(None, facts.expected_mw, facts.delivered_mfps > 0, facts.picture)
        power = self._fusers[POWER].fuse(now_us, context)
        self._power_mw = power.reading.value if isinstance(power.reading, Measured) else None
        context = Context(self._power_mw, facts.expected_mw, facts.delivered_mfps > 0, facts.picture)
        fused = {POWER: power, **{name: self._fusers[name].fuse(now_us, context) for name in (TEMPERATURE, LIGHT)}}
        return Sampled(fused[TEMPERATURE].reading, power.reading, fused[LIGHT].reading, self.absent, fused)

    @property
    def absent(self) -> tuple[str, ...]:
        """The quantities for which this machine has no source at all.

        On the very board that a profile describes, a quantity whose sensors the profile names is never absent: there it is lost.
        """
        return tuple(name for name, fuser in self._fusers.items() if not fuser.feeds and name not in self._named_here)

    @property
    def unresolved(self) -> tuple[tuple[str, str], ...]:
        """The profile's names that lead nowhere on this machine now, each with the reason."""
        return tuple(self._build.unresolved)

    def push(self, message: object, now_us: int) -> str:
        """A reading from another process; returns why it was refused, empty when it was taken (``push.py``)."""
        return self._inbox.push(message, now_us)

    def close(self) -> None:
        """End threads and the jtop process."""
        self.lookout.close()
        self._pool.close()
        if self._build.jtop is not None:
            self._build.jtop.close()

    def _awaited(self) -> list[Wanted]:
        """Names to look for again. A quantity that is absent, and may be simulated, stays so until the next start."""
        missing = {text for text, _ in self._build.unresolved}
        return [
            (quantity, name)
            for quantity, names in names_of(self._build.profile).items()
            if quantity not in self.absent
            for name in map(parse_name, names)
            if name.text in missing and name.kind in LOOKED_FOR
        ]

    def _welcome(self) -> None:
        """Take what the lookout has found, each in the place that the profile gives it."""
        for (quantity, name), sources in self.lookout.take():
            for place, feed in self._build.arrived(quantity, name, sources):
                self._fusers[quantity].add(feed, place)

    def _clock_fault(self) -> Sampled:
        fault = Missing("clock: the tick's own time did not advance")
        return Sampled(fault, fault, fault, self.absent, {name: Fused(fault, ()) for name in QUANTITIES})


def details(sampled: Sampled) -> dict[str, object]:
    """Every source's verdict as plain values, for `adaptd status`."""
    return {
        quantity: {
            "note": fused.note,
            "sources": [
                {
                    "source": item.name,
                    "quality": item.quality.value,
                    "reason": item.reason,
                    "value": item.reading.value if isinstance(item.reading, Measured) else None,
                    "age_ms": item.reading.age_us // 1000 if isinstance(item.reading, Measured) else None,
                }
                for item in fused.sources
            ],
        }
        for quantity, fused in sampled.fused.items()
    }


class _Build:
    """The steps of ``from_profile``."""

    def __init__(
        self,
        profile: HardwareProfile,
        sysfs: Sysfs,
        catalog: Catalog,
        camera: Calibration | None,
        pool: ReaderPool,
        jtop_command: tuple[str, ...],
    ) -> None:
        self.profile, self.sysfs, self.catalog, self.camera, self.pool = profile, sysfs, catalog, camera, pool
        self._jtop_command = jtop_command
        self.inbox = PushInbox()
        self.jtop: JtopProcess | None = None
        self.feeds: dict[str, list[Feed]] = {}
        self.unresolved: list[tuple[str, str]] = []
        self.gain_unit: int | None = None
        self.camera_picture: list[Callable[[], PictureStats | None]] = []
        self._sources: list[Source] = []
        self._ranks: dict[str, list[int]] = {}  # beside ``feeds``: which of the profile's names each one is of

    def all(self) -> None:
        for quantity, names in names_of(self.profile).items():
            ranked = [(rank, feed) for rank, text in enumerate(names) for feed in self._feeds_of(quantity, parse_name(text))]
            if not ranked:
                ranked = [(len(names), feed) for feed in self._threaded(self.catalog.fallback(quantity))]
            self.feeds[quantity] = [feed for _, feed in ranked]
            self._ranks[quantity] = [rank for rank, _ in ranked]

    def trips(self) -> tuple[Trip, ...]:
        return tuple(trip for source in self._sources if isinstance(source, ThermalZone) for trip in source.trips())

    def arrived(self, quantity: str, name: Named, sources: list[Source]) -> list[tuple[int, Feed]]:
        """The feeds of a name that leads somewhere now, each with its place among those of its quantity."""
        self.unresolved = [known for known in self.unresolved if known[0] != name.text]
        rank = [text.strip() for text in names_of(self.profile)[quantity]].index(name.text)
        placed = []
        for feed in self._jtop_feeds(quantity, name) if name.kind == "jtop" else self._threaded(sources):
            place = bisect_right(self._ranks[quantity], rank)
            self._ranks[quantity].insert(place, rank)
            placed.append((place, feed))
        return placed

    def _feeds_of(self, quantity: str, name: Named) -> list[Feed]:
        if name.kind == "push":
            return [self.inbox.open(quantity, name.key)]
        if name.kind == "camera" and quantity == LIGHT:
            return self._camera_feeds(name)
        if name.kind == "jtop":
            return self._jtop_feeds(quantity, name)
        found = self.catalog.resolve(quantity, name)
        if isinstance(found, str):
            self.unresolved.append((name.text, found))
            return []
        return self._threaded(found)

    def _camera_feeds(self, name: Named) -> list[Feed]:
        self.gain_unit = parse_gain(name.key)
        if self.gain_unit is not None:
            return [CameraFeed(self._picture, self.camera)]
        try:
            calibration = parse_calibration(name.key) if name.key else self.camera
        except ValueError as error:
            self.unresolved.append((name.text, str(error)))
            return []
        return [CameraFeed(self._picture, calibration)]

    def _jtop_feeds(self, quantity: str, name: Named) -> list[Feed]:
        if not self.sysfs.exists(JTOP_SOCKET):
            self.unresolved.append((name.text, "the jtop service is not running"))
            return []
        if self.jtop is None:
            self.jtop = JtopProcess(self._jtop_command)
        return [JtopFeed(self.jtop, quantity, name.key)]

    def _picture(self) -> PictureStats | None:
        return self.camera_picture[0]() if self.camera_picture else None

    def _threaded(self, sources: list[Source]) -> list[Feed]:
        feeds: list[Feed] = []
        for source in sources:
            try:
                feeds.append(self.pool.add(source))
            except ValueError as error:
                self.unresolved.append((source.name, str(error)))
            else:
                self._sources.append(source)
        return feeds


def names_of(profile: HardwareProfile) -> dict[str, tuple[str, ...]]:
    """The profile's source names, by quantity."""
    return {TEMPERATURE: profile.temperature_zones, POWER: profile.power_rails, LIGHT: profile.light_sources}


def _rules(quantity: str, profile: HardwareProfile) -> Rules:
    if quantity == TEMPERATURE:
        limits = Limits(*profile.range_mc, stale_us=STALE_US, slew_per_s=profile.max_slew_mc_per_s)
        return Rules(limits, prompt_uk_per_mw=_prompt(profile))
    if quantity == POWER:
        limits = Limits(*profile.range_mw, stale_us=STALE_US, sure_step=3 * profile.idle_power_mw)
        return Rules(limits, floor_mw=0 if "idle_power_w" in profile.assumed else profile.idle_power_mw // 2)
    return Rules(Limits(*profile.range_mlx, stale_us=STALE_US, sure_factor=_LIGHT_FACTOR))


def _prompt(profile: HardwareProfile) -> int:
    """Millikelvin per watt that a step of power shows promptly: each pole's R times 1 s / tau, at most R."""
    return sum(pole.r_uk_per_mw * 1000 // max(pole.tau_ms, 1000) for pole in profile.poles)

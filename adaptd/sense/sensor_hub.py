"""All sensors of one machine behind one call a tick.

    station = SensorHub.from_profile(profile)
    sampled = station.sample(now_us, picture)
    sampled.raw                  # RawReading or Unread of every source, in the order of trust
    sampled.absent               # quantities this machine has no sensor for at all

``absent`` is the only case in which the daemon may put a simulated reading in: a sensor that is there and fails is Missing.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adaptd.base.clock import Clock, monotonic_us
from adaptd.config.profile import HardwareProfile
from adaptd.sense import firmware
from adaptd.sense.board import identify
from adaptd.sense.camera_light import (
    Calibration,
    CameraFeed,
    PictureStats,
    parse_calibration,
    parse_gain,
    seen,
    with_gain,
)
from adaptd.sense.catalog import JTOP_SOCKET, Catalog, Named, parse_name
from adaptd.sense.deadline import DEADLINE_US, GRACE_S, ReaderPool
from adaptd.sense.gauge import ChargeSource, Gauge
from adaptd.sense.hotplug import LOOKED_FOR, Hotplug, Wanted, unreadable
from adaptd.sense.jtop import JtopFeed, JtopProcess, child_command
from adaptd.sense.nvml import NvmlGpu
from adaptd.sense.push import PushInbox
from adaptd.sense.source import LIGHT, POWER, QUANTITIES, TEMPERATURE, Feed, Source
from adaptd.sense.sysfs import Sysfs
from adaptd.sense.thermal_zone import Trip
from adaptd.vocabulary import CAMERA, Picture, Raw, RawReading, Unread
from adaptd.vocabulary.battery import BATTERY, BatteryReading


@dataclass(frozen=True, slots=True)
class Sampled:
    """What every source said at one tick, by quantity in the order of trust; none of it is judged.

    ``picture`` is given where there is a light sensor to hold against it; ``absent`` are quantities without any source.
    """

    raw: tuple[Raw, ...]
    picture: Picture | None
    absent: tuple[str, ...]
    battery: BatteryReading | Unread | None = None


class SensorHub:
    """Sources and their threads; built with ``from_profile``, ended with ``close``."""

    def __init__(self, build: "_Build") -> None:
        self._build = build
        self._pool = build.pool
        self.now_us = build.clock
        self._inbox = build.inbox
        self._feeds: dict[str, list[Feed]] = {}
        self._picture: PictureStats | None = None
        self._named_here: frozenset[str] = frozenset()
        self.trips = build.trips()
        self.gauge = build.gauge
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
        pool = ReaderPool(clock, deadline_us, grace_s)
        build = _Build(profile, files, Catalog(files, gpu), camera, pool, jtop_command, clock)
        build.all()
        station = cls(build)
        if identify(files).profile == profile.name and identify(files).certain:
            station._named_here = frozenset(quantity for quantity, names in names_of(profile).items() if names)
        build.camera_picture.append(lambda: station._picture)
        station._feeds = build.feeds
        station.lookout = Hotplug(files, station._awaited(), lambda here: Catalog(here, gpu))
        station.lookout.start()
        return station

    def sample(self, now_us: int, picture: PictureStats | None = None) -> Sampled:
        """Ask every source, wait at most the grace time, and give every source's newest answer. Called once a tick."""
        self._picture = picture = with_gain(picture, self._build.gain_unit)
        self._welcome()
        self._pool.collect(now_us)
        raw = tuple([feed.sample(now_us) for quantity in QUANTITIES for feed in self._feeds[quantity]])
        held_against = picture is not None and any(feed.name != CAMERA for feed in self._feeds[LIGHT])
        battery = None if self.gauge is None else self.gauge.sample(now_us)
        return Sampled(raw, seen(picture) if picture is not None and held_against else None, self.absent, battery)

    @property
    def unwatched(self) -> bool:
        """Whether the profile says that this machine has no thermometer."""
        return self._build.profile.unwatched

    @property
    def absent(self) -> tuple[str, ...]:
        """The quantities for which this machine has no source at all.

        On the very board that a profile describes, a quantity whose sensors the profile names is never absent: there it is lost.
        """
        return tuple([name for name in QUANTITIES if not self._feeds[name] and name not in self._named_here])

    @property
    def firmware(self) -> str:
        """What the board's firmware did by itself (under-voltage, throttling), in words; empty where it tells nothing."""
        answers = [feed.sample(0) for feed in self._build.firmware]
        return "; ".join(told for each in answers if isinstance(each, RawReading) and (told := firmware.words(each.value)))

    @property
    def silent(self) -> dict[str, str]:
        """Of each quantity why none of its sources could be read at the start; empty text where one could, or there is none."""
        return dict(self._build.silent)

    @property
    def calibrated(self) -> bool:
        """Whether light can come from something else than a camera that nobody calibrated."""
        return any(not isinstance(feed, CameraFeed) or feed.calibrated for feed in self._feeds[LIGHT])

    @property
    def unresolved(self) -> tuple[tuple[str, str], ...]:
        """The profile's names that lead nowhere on this machine now, each with the reason."""
        return tuple(self._build.unresolved)

    def lost(self, quantity: str) -> tuple[tuple[str, str], ...]:
        """The profile's names of one quantity that lead nowhere on this machine now, each with the reason."""
        names = {text.strip() for text in names_of(self._build.profile)[quantity]}
        return tuple(pair for pair in self._build.unresolved if pair[0] in names)

    def push(self, message: object, now_us: int) -> str:
        """A reading from another process; returns why it was refused, empty when it was taken (``push.py``)."""
        return self._inbox.push(message, now_us)

    def push_refusal(self, message: object, now_us: int) -> str:
        """Why a pushed reading would be refused, for its sender's answer; any thread may ask."""
        return self._inbox.refusal(message, now_us)

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
                self._feeds[quantity].insert(place, feed)


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
        clock: Clock,
    ) -> None:
        self.clock = clock
        self.profile, self.sysfs, self.catalog, self.camera, self.pool = profile, sysfs, catalog, camera, pool
        self._jtop_command = jtop_command
        self.inbox = PushInbox()
        self.jtop: JtopProcess | None = None
        self.feeds: dict[str, list[Feed]] = {}
        self.unresolved: list[tuple[str, str]] = []
        self.silent: dict[str, str] = {}
        self.firmware: list[Feed] = []
        self.gauge: Gauge | None = None
        self.gain_unit: int | None = None
        self.camera_picture: list[Callable[[], PictureStats | None]] = []
        self._sources: list[Source] = []
        self._ranks: dict[str, list[int]] = {}  # beside ``feeds``: which of the profile's names each one is of

    def all(self) -> None:
        for quantity, names in names_of(self.profile).items():
            ranked = [(rank, feed) for rank, text in enumerate(names) for feed in self._feeds_of(quantity, parse_name(text))]
            self.silent[quantity] = self._why_silent(quantity, [feed.name for _, feed in ranked])
            if not ranked or self.silent[quantity]:
                known = {feed.name for _, feed in ranked}
                others = [source for source in self.catalog.fallback(quantity) if source.name not in known]
                ranked += [(len(names), feed) for feed in self._threaded(others)]
                self.silent[quantity] = self._why_silent(quantity, [feed.name for _, feed in ranked])
            self.feeds[quantity] = [feed for _, feed in ranked]
            self._ranks[quantity] = [rank for rank, _ in ranked]
        self.firmware = self._threaded(list(firmware.discover(self.sysfs)))
        self.gauge = self._gauge()

    def _gauge(self) -> Gauge | None:
        """The battery that the profile names, or every battery that this machine has; None where there is none."""
        pairs: list[tuple[Feed, ChargeSource | None]] = []
        for name in map(parse_name, self.profile.battery_sources or (("battery:all",) if self.catalog.batteries else ())):
            if name.kind == "push":
                pairs.append((self.inbox.open(BATTERY, name.key), None))
                continue
            chosen = [one for one in self.catalog.batteries if name.kind == "battery" and name.key in ("all", one.supply)]
            if not chosen:
                self.unresolved.append((name.text, "no such battery on this machine"))
                continue
            source = ChargeSource(self.sysfs, chosen)
            pairs += [(feed, source) for feed in self._threaded([source])]
        return Gauge(pairs) if pairs else None

    def trips(self) -> tuple[Trip, ...]:
        """The trip points of every zone, read or not: the kernel acts on each of them."""
        return tuple(trip for zone in self.catalog.zones for trip in zone.trips())

    def _why_silent(self, quantity: str, names: list[str]) -> str:
        """Why none of these sources can be read now; empty where one can, or may in a moment, or waits for somebody else.

        Only files are tried: light is bridged by the camera, and what is pushed or comes from jtop comes later.
        """
        tried = [source for source in self._sources if source.quantity == quantity and source.name in names]
        if quantity == LIGHT or len(tried) < len(names):
            return ""
        return unreadable(tried)

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
            return [CameraFeed(self._picture, self.camera, gain_known=True)]
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

"""All sensors of one machine behind one call a tick.

    station = SensorHub(profile)
    sampled = station.sample(now_us, picture)
    sampled.raw                  # RawReading or Unread of every source, in the order of trust
    sampled.absent               # quantities this machine has no sensor for at all

``absent`` is the only case in which the daemon may put a simulated reading in: a sensor that is there and fails is Missing.
"""

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from adaptd.base.clock import Clock, monotonic_us
from adaptd.config.profile import HardwareProfile
from adaptd.sense.board import identify
from adaptd.sense.camera_light import Calibration, CameraFeed, PictureStats, parse_calibration, parse_gain, seen, with_gain
from adaptd.sense.catalog import JTOP_SOCKET, Catalog, Named, parse_name
from adaptd.sense.deadline import DEADLINE_US, GRACE_S, ReaderPool
from adaptd.sense.gauge import ChargeSource, Gauge
from adaptd.sense.hotplug import LOOKED_FOR, Hotplug, Wanted, unreadable
from adaptd.sense.jtop import CHILD, JtopFeed, JtopProcess
from adaptd.sense.nvml import NvmlGpu
from adaptd.sense.push import PushInbox
from adaptd.sense.source import LIGHT, POWER, QUANTITIES, TEMPERATURE, Feed, Source
from adaptd.sense.sysfs import Sysfs
from adaptd.sense.thermal_zone import Trip
from adaptd.vocabulary import CAMERA, Picture, Raw, Unread
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
    """The profile's sources below ``root``, with one thread for each that can block; ended with ``close``.

    ``camera`` calibrates the picture where the profile's ``light`` says only ``camera``.
    """

    def __init__(
        self,
        profile: HardwareProfile,
        root: Path = Path("/"),
        *,
        camera: Calibration | None = None,
        sysfs: Sysfs | None = None,
        clock: Clock = monotonic_us,
        deadline_us: int = DEADLINE_US,
        grace_s: float = GRACE_S,
        gpu: Callable[[int], NvmlGpu] = NvmlGpu,
        jtop_command: tuple[str, ...] = CHILD,
    ) -> None:
        self._profile, self._camera, self._jtop_command, self.now_us = profile, camera, jtop_command, clock
        self.unwatched = profile.unwatched  # the profile says that this machine has no thermometer
        self._sysfs = files = Sysfs(root) if sysfs is None else sysfs
        self._catalog = Catalog(files, gpu)
        self._pool = ReaderPool(clock, deadline_us, grace_s)
        self.inbox = PushInbox()  # takes readings from other processes
        self._jtop: JtopProcess | None = None
        self._gain_unit: int | None = None
        self._picture: PictureStats | None = None
        self._sources: list[Source] = []
        self._feeds: dict[str, list[tuple[int, Feed]]] = {}  # each with which of the profile's names it is of
        self._unresolved: list[tuple[str, str]] = []
        self.silent: dict[str, str] = {}
        for quantity, names in names_of(profile).items():
            self._find(quantity, names)
        self.gauge = self._gauge()
        self.trips: tuple[Trip, ...] = tuple(trip for zone in self._catalog.zones for trip in zone.trips())
        board = identify(files)
        described = board.certain and board.profile == profile.name
        self._named_here = {quantity for quantity, names in names_of(profile).items() if names and described}
        self.lookout = Hotplug(files, self._awaited(), lambda here: Catalog(here, gpu))
        self.lookout.start()

    def sample(self, now_us: int, picture: PictureStats | None = None) -> Sampled:
        """Ask every source, wait at most the grace time, and give every source's newest answer. Called once a tick."""
        self._picture = picture = with_gain(picture, self._gain_unit)
        self._welcome()
        self._pool.collect(now_us)
        raw = tuple([feed.sample(now_us) for quantity in QUANTITIES for _, feed in self._feeds[quantity]])
        held_against = picture is not None and any(feed.name != CAMERA for _, feed in self._feeds[LIGHT])
        battery = None if self.gauge is None else self.gauge.sample(now_us)
        return Sampled(raw, seen(picture) if picture is not None and held_against else None, self.absent, battery)

    @property
    def absent(self) -> tuple[str, ...]:
        """The quantities for which this machine has no source at all.

        On the very board that a profile describes, a quantity whose sensors the profile names is never absent: there it is lost.
        """
        return tuple([name for name in QUANTITIES if not self._feeds[name] and name not in self._named_here])

    @property
    def calibrated(self) -> bool:
        """Whether light can come from something else than a camera that nobody calibrated."""
        return any(not isinstance(feed, CameraFeed) or feed.calibrated for _, feed in self._feeds[LIGHT])

    @property
    def unresolved(self) -> tuple[tuple[str, str], ...]:
        """The profile's names that lead nowhere on this machine now, each with the reason."""
        return tuple(self._unresolved)

    def lost(self, quantity: str) -> tuple[tuple[str, str], ...]:
        """The same of one quantity."""
        names = {text.strip() for text in names_of(self._profile)[quantity]}
        return tuple(pair for pair in self._unresolved if pair[0] in names)

    def close(self) -> None:
        """End threads and the jtop process."""
        self.lookout.close()
        self._pool.close()
        if self._jtop is not None:
            self._jtop.close()

    def _find(self, quantity: str, names: tuple[str, ...]) -> None:
        """The sources that the profile names, and where none of them can be read, what else this machine has."""
        ranked = [(rank, feed) for rank, text in enumerate(names) for feed in self._feeds_of(quantity, parse_name(text))]
        self.silent[quantity] = self._why_silent(quantity, ranked)
        if not ranked or self.silent[quantity]:
            known = {feed.name for _, feed in ranked}
            others = [source for source in self._catalog.fallback(quantity) if source.name not in known]
            ranked += [(len(names), feed) for feed in self._threaded(others)]
            self.silent[quantity] = self._why_silent(quantity, ranked)
        self._feeds[quantity] = ranked

    def _why_silent(self, quantity: str, ranked: list[tuple[int, Feed]]) -> str:
        """Why none of these sources can be read now; empty where one can, or may in a moment, or waits for somebody else.

        Only files are tried: light is bridged by the camera, and what is pushed or comes from jtop comes later.
        """
        names = [feed.name for _, feed in ranked]
        tried = [source for source in self._sources if source.quantity == quantity and source.name in names]
        return "" if quantity == LIGHT or len(tried) < len(names) else unreadable(tried)

    def _awaited(self) -> list[Wanted]:
        """Names to look for again. A quantity that is absent, and may be simulated, stays so until the next start."""
        missing = {text for text, _ in self._unresolved}
        return [
            (quantity, name)
            for quantity, names in names_of(self._profile).items()
            if quantity not in self.absent
            for name in map(parse_name, names)
            if name.text in missing and name.kind in LOOKED_FOR
        ]

    def _welcome(self) -> None:
        """Take what the lookout has found, each in the place that the profile gives it."""
        for (quantity, name), sources in self.lookout.take():
            self._unresolved = [known for known in self._unresolved if known[0] != name.text]
            rank = [text.strip() for text in names_of(self._profile)[quantity]].index(name.text)
            for feed in self._jtop_feeds(quantity, name) if name.kind == "jtop" else self._threaded(sources):
                insort(self._feeds[quantity], (rank, feed), key=itemgetter(0))

    def _gauge(self) -> Gauge | None:
        """The battery that the profile names, or every battery that this machine has; None where there is none."""
        here = self._catalog.batteries
        pairs: list[tuple[Feed, ChargeSource | None]] = []
        for name in map(parse_name, self._profile.battery_sources or (("battery:all",) if here else ())):
            if name.kind == "push":
                pairs.append((self.inbox.open(BATTERY, name.key), None))
                continue
            chosen = [one for one in here if name.kind == "battery" and name.key in ("all", one.supply)]
            if not chosen:
                self._unresolved.append((name.text, "no such battery on this machine"))
                continue
            source = ChargeSource(self._sysfs, chosen)
            pairs += [(feed, source) for feed in self._threaded([source])]
        return Gauge(pairs) if pairs else None

    def _feeds_of(self, quantity: str, name: Named) -> list[Feed]:
        if name.kind == "push":
            return [self.inbox.open(quantity, name.key)]
        if name.kind == "camera" and quantity == LIGHT:
            return self._camera_feeds(name)
        if name.kind == "jtop":
            return self._jtop_feeds(quantity, name)
        found = self._catalog.resolve(quantity, name)
        if isinstance(found, str):
            self._unresolved.append((name.text, found))
            return []
        return self._threaded(found)

    def _camera_feeds(self, name: Named) -> list[Feed]:
        self._gain_unit = parse_gain(name.key)
        try:
            calibration = parse_calibration(name.key) if name.key and self._gain_unit is None else self._camera
        except ValueError as error:
            self._unresolved.append((name.text, str(error)))
            return []
        return [CameraFeed(lambda: self._picture, calibration, gain_known=self._gain_unit is not None)]

    def _jtop_feeds(self, quantity: str, name: Named) -> list[Feed]:
        if not self._sysfs.exists(JTOP_SOCKET):
            self._unresolved.append((name.text, "the jtop service is not running"))
            return []
        self._jtop = self._jtop or JtopProcess(self._jtop_command)
        return [JtopFeed(self._jtop, quantity, name.key)]

    def _threaded(self, sources: list[Source]) -> list[Feed]:
        feeds: list[Feed] = []
        for source in sources:
            try:
                feeds.append(self._pool.add(source))
            except ValueError as error:
                self._unresolved.append((source.name, str(error)))
            else:
                self._sources.append(source)
        return feeds


def names_of(profile: HardwareProfile) -> dict[str, tuple[str, ...]]:
    """The profile's source names, by quantity."""
    return {TEMPERATURE: profile.temperature_zones, POWER: profile.power_rails, LIGHT: profile.light_sources}

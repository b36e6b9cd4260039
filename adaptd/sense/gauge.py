"""How full the battery is, from ``power_supply``: energy or charge now over what a full one holds, or the kernel's percentage.

    energy_now / energy_full        microwatt hours
    charge_now / charge_full        microampere hours, at voltage_min_design or else voltage_now (microvolt)
    capacity                        per cent, and nothing of what a full one holds

or pushed by a process that knows (``push:NAME`` under ``sensors.battery`` of the profile), for a battery that has no driver.
"""

from collections.abc import Sequence
from typing import NamedTuple

from adaptd.sense.battery import Battery
from adaptd.sense.push import PushFeed
from adaptd.sense.source import Feed, Source
from adaptd.sense.sysfs import Sysfs, divide
from adaptd.vocabulary import Missing, MissingReason, Unread
from adaptd.vocabulary.battery import BATTERY, BatteryReading, Supply

PPM = 1_000_000
READ_EVERY_US = 10_000_000
_UJ = 3600  # a microwatt hour in microjoules
_FED = {"Charging": Supply.CHARGING, "Full": Supply.RESTING, "Not charging": Supply.RESTING}


class Level(NamedTuple):
    """One battery: its charge, what a full one holds (None: it does not say), the smallest step of the charge."""

    charge_ppm: int
    full_uj: int | None
    step_ppm: int


class ChargeSource(Source):
    """All batteries of the machine as one. ``read`` gives the charge in ppm; ``said`` what goes with the newest one."""

    quantity = BATTERY
    period_us = READ_EVERY_US

    def __init__(self, sysfs: Sysfs, batteries: Sequence[Battery]) -> None:
        super().__init__("battery:" + "+".join(each.supply for each in batteries), step=1000)
        self._sysfs, self._batteries = sysfs, tuple(batteries)
        self.said: tuple[Supply, int | None, int] = (Supply.DISCHARGING, None, 1000)

    def read(self, now_us: int) -> int | Missing:
        del now_us
        levels = [self._level(f"sys/class/power_supply/{each.supply}") for each in self._batteries]
        known = [level for level in levels if isinstance(level, Level)]
        if lost := [level for level in levels if isinstance(level, Missing)]:
            return lost[0]
        states = [each.status() for each in self._batteries]
        fed = [_FED[state] for state in states if isinstance(state, str) and state in _FED]
        supply = Supply.DISCHARGING if "Discharging" in states or not fed else fed[0]
        fulls = [level.full_uj for level in known if level.full_uj is not None]
        full_uj = sum(fulls) if len(fulls) == len(known) else None
        if full_uj:
            charge_ppm = sum(level.charge_ppm * (level.full_uj or 0) for level in known) // full_uj
        else:
            charge_ppm = sum(level.charge_ppm for level in known) // len(known)
        self.said = (supply, full_uj, max(level.step_ppm for level in known))
        return charge_ppm

    def _level(self, folder: str) -> Level | Missing:
        if (told := self._pair(folder, "energy")) is not None:
            now, full = told
            return Level(_ppm(now, full), full * _UJ, 1000)
        if (told := self._pair(folder, "charge")) is not None:
            now, full = told
            volts = self._volts(folder)
            return Level(_ppm(now, full), None if volts is None else divide(full * volts * _UJ, PPM), 1000)
        percent = self._sysfs.read_int(f"{folder}/capacity")
        if isinstance(percent, Missing):
            return percent
        if not 0 <= percent <= 100:
            return Missing(MissingReason.OUT_OF_RANGE, f"a charge of {percent} %")
        return Level(percent * 10_000, None, 10_000)

    def _pair(self, folder: str, name: str) -> tuple[int, int] | None:
        now = self._sysfs.read_int(f"{folder}/{name}_now")
        full = self._sysfs.read_int(f"{folder}/{name}_full")
        if isinstance(now, Missing) or isinstance(full, Missing) or full <= 0 or now < 0:
            return None
        return now, full

    def _volts(self, folder: str) -> int | None:
        told = (self._sysfs.read_int(f"{folder}/{name}") for name in ("voltage_min_design", "voltage_now"))
        return next((microvolt for microvolt in told if isinstance(microvolt, int) and microvolt > 0), None)


def _ppm(now: int, full: int) -> int:
    return min(PPM, divide(now * PPM, full))


class Gauge:
    """The battery as the station sees it: asking never blocks, ``sample`` gives the newest answer of the first that has one."""

    def __init__(self, feeds: Sequence[tuple[Feed, ChargeSource | None]]) -> None:
        self._feeds = tuple(feeds)

    def sample(self, now_us: int) -> BatteryReading | Unread:
        """What the battery says now, or why it says nothing."""
        lost: Unread | None = None
        for feed, source in self._feeds:
            answer = feed.sample(now_us)
            if isinstance(answer, Unread):
                lost = lost or answer
                continue
            supply, full_uj, step_ppm = (_pushed(feed), None, 1000) if source is None else source.said
            return BatteryReading(answer.value, supply, now_us - answer.age_us, full_uj, step_ppm, answer.source)
        return lost or Unread(MissingReason.NO_SENSOR, "no battery", "", BATTERY)


def _pushed(feed: Feed) -> Supply:
    return Supply.CHARGING if isinstance(feed, PushFeed) and feed.charging else Supply.DISCHARGING

"""The goal of the battery on the wall clock: which moment ``until`` means, and how long it lasts in the words of the status.

The wall clock is an input here and nowhere below: a time of day becomes a monotonic moment in the snapshot, which is on record,
so that a replay decides the same. It is made anew only where the clocks have drifted apart or one of them was set or slept.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from adaptd.brain.decide.words import rate
from adaptd.config.endurance import LONGEST_H, Endurance, minute_of_day
from adaptd.vocabulary import Snapshot, Unread, Verdict
from adaptd.vocabulary.battery import BatteryReading, Goal, Lasting

LONGEST_MS = 16 * 3_600_000  # a time of day further away than this is one that is over: the next shift's, not this one's
DRIFT_US = 2_000_000
PPM = 1_000_000
Note = Callable[[str, dict[str, Any]], None]


def moment_ms(minute: int, utc_ms: int) -> int:
    """The UTC milliseconds of a minute of the day on this machine's clock: the next one, or the last where that is far away."""
    now = datetime.fromtimestamp(utc_ms / 1000).astimezone()
    then = now.replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0)
    ahead = then if then > now else then + timedelta(days=1)
    ahead_ms = round(ahead.timestamp() * 1000)
    return ahead_ms if ahead_ms - utc_ms <= LONGEST_MS else ahead_ms - 86_400_000


class Moment:
    """The monotonic moment of a time of day, the same in every tick while the two clocks go together."""

    def __init__(self) -> None:
        self._at: tuple[int, int] | None = None

    def until_us(self, minute: int, now_us: int, utc_ms: int) -> int:
        """When ``minute`` of the day is, in monotonic microseconds; negative ages are times that are over."""
        wanted_us = now_us + (moment_ms(minute, utc_ms) - utc_ms) * 1000
        if self._at is None or self._at[0] != minute or abs(wanted_us - self._at[1]) > DRIFT_US:
            self._at = (minute, wanted_us)
        return self._at[1]


class Mission:
    """The goal that holds: the one that was asked for from outside, else the policy's. ``order`` is empty while there is none."""

    def __init__(self) -> None:
        self.order: dict[str, Any] = {}
        self._asked: Endurance | Goal | None = None
        self._moment = Moment()
        self._battery: BatteryReading | Unread | None = None
        self._goal = False
        self._utc_ms = 0

    def on(self, snapshot: Snapshot, policy: Endurance | None, utc_ms: int) -> Snapshot:
        """The snapshot with the goal in it, where the brain does not know it from the policy."""
        self._battery, self._utc_ms = snapshot.battery, utc_ms
        goal = self._asked or policy
        self._goal = goal is not None
        if isinstance(goal, Endurance):  # one that ends at a time of day is told in monotonic time, one in hours the brain knows
            minute, now_us = goal.until_minute, snapshot.now_us
            until_us = None if minute is None else self._moment.until_us(minute, now_us, utc_ms)
            goal = None if until_us is None else Goal(goal.reserve_ppm, until_us=until_us)
        return snapshot if goal is None else replace(snapshot, goal=goal)

    def take(self, body: dict[str, Any], asked: dict[str, Any], now_us: int, note: Note) -> str:
        """Heed one request; why not, empty when it is heeded. ``hours`` count from now; 0 goes back to the policy's goal."""
        hours, until, reserve_pct = body.get("hours"), body.get("until"), body.get("reserve_pct", 10)
        if not is_number(reserve_pct, 0, 90):
            return "reserve_pct: give a number from 0 to 90"
        if (hours is None) == (until is None):
            return "give hours, or until as a time of day, one of them"
        if hours is not None and not is_number(hours, 0, LONGEST_H):
            return f"hours: give a number from 0.1 to {LONGEST_H}, or 0 to go back to the policy's goal"
        if hours != 0 and self._battery is None:
            return "this machine has no battery that adaptd can read, name one under sensors.battery of the profile"
        reserve_ppm = round(reserve_pct * 10_000)
        if until is None:
            self._asked = Goal(reserve_ppm, until_us=now_us + round(hours * 3.6e9)) if hours else None
        else:
            try:
                minute = minute_of_day(str(until))
            except ValueError as error:
                return f"until: {error}"
            if moment_ms(minute, self._utc_ms) <= self._utc_ms:
                return f"until: {until} is over, the next one is more than 16 h away; give a later one, or hours"
            self._asked = Endurance(reserve_ppm, until_minute=minute)
        wanted = {"hours": hours} if until is None else {"until": str(until)}
        shown = {name: value if isinstance(value, str) else f"{value:g}" for name, value in wanted.items()}
        self.order = {**asked, **shown, "reserve_ppm": reserve_ppm} if self._asked is not None else {}
        note("order", {"order": "endurance", **shown, "reserve_ppm": reserve_ppm, **asked})
        return ""

    def document(self, snapshot: Snapshot, verdict: Verdict, utc_ms: int) -> dict[str, Any]:
        """The key ``endurance`` of the status; None under it where there is no goal."""
        if not self._goal:
            return {"endurance": None}
        by = self.order.get("by", "policy")
        return {"endurance": document(verdict.lasting, snapshot.battery, by, snapshot.now_us, utc_ms)}


def is_number(value: object, least: float, most: float) -> TypeGuard[float]:
    """Whether ``value`` is a number from ``least`` to ``most``; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def document(
    lasting: Lasting | None, battery: BatteryReading | Unread | None, asked_by: str, now_us: int, utc_ms: int
) -> dict[str, Any]:
    """The key ``endurance`` of the status while there is a goal; times of the wall clock in UTC milliseconds."""
    if lasting is None:
        return {"missing": _missing(battery), "goal_by": asked_by, "words": f"nobody knows how long: {_missing(battery)}"}
    left_us = max(0, lasting.lasts_us - (now_us - lasting.at_us))
    floor_us = max(0, lasting.floor_us - (now_us - lasting.at_us))
    goal_ms, until_ms = utc_ms + (lasting.ends_us - now_us) // 1000, utc_ms + left_us // 1000
    clocks = [_clock(each, utc_ms) for each in (goal_ms, until_ms, utc_ms + floor_us // 1000)]
    return {
        "goal_until_utc_ms": goal_ms,
        "goal_by": asked_by,
        "reserve_pct": lasting.reserve_ppm / 10_000,
        "charge_pct": round(lasting.charge_ppm / 10_000, 1),
        "fed": isinstance(battery, BatteryReading) and battery.supply.value != "discharging",
        "lasts_until_utc_ms": until_ms,
        "hours_left": round(left_us / 3.6e9, 2),
        "rate_mfps": lasting.rate_mfps,
        "energy_price": round(lasting.price_ppm / PPM, 2),
        "reachable": lasting.reachable,
        "reachable_until_utc_ms": utc_ms + floor_us // 1000,
        "simulated": isinstance(battery, BatteryReading) and battery.simulated,
        "words": _words(lasting, battery, *clocks, over=now_us >= lasting.ends_us),
    }


def _missing(battery: BatteryReading | Unread | None) -> str:
    if battery is None:
        return "this machine has no battery that adaptd can read, name one under sensors.battery of the profile"
    if isinstance(battery, Unread):
        return f"the battery does not say ({battery.text or battery.reason.value})"
    return "nobody says what a full battery holds, write battery_capacity_wh in the profile"


def _words(lasting: Lasting, battery: BatteryReading | Unread | None, goal: str, until: str, floor: str, *, over: bool) -> str:
    """One sentence for people, on this machine's own clock."""
    charge, reserve = f"{lasting.charge_ppm / 10_000:.0f} %", f"{lasting.reserve_ppm / 10_000:g} %"
    if isinstance(battery, BatteryReading) and battery.supply.value != "discharging":
        return f"{battery.supply.value} at {charge}; a charge begins when the supply leaves"
    if over:
        return f"the goal of {goal} is over, {charge} left; the floor is served until it is charged"
    if not lasting.reachable:
        return (
            f"{goal} cannot be reached with {reserve} left: at the floor rate it lasts until {floor}; charge it, or ask for less"
        )
    return f"lasts until {until} at {rate(lasting.rate_mfps)} fps with {reserve} left (now {charge})"


def _clock(utc_ms: int, now_ms: int) -> str:
    """A time of day, with its weekday where that is not clear."""
    far = abs(utc_ms - now_ms) > LONGEST_MS
    return datetime.fromtimestamp(utc_ms / 1000).astimezone().strftime("%a %H:%M" if far else "%H:%M")

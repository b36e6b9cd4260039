"""The battery's goal on the wall clock, asked from outside, and in the words of the status."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from adaptd.config.endurance import Endurance
from adaptd.daemon.endurance import Mission, Moment, document, moment_ms
from adaptd.daemon.orders import Orders
from adaptd.serve.api import Change
from adaptd.vocabulary import OperatingPoint, Snapshot, Telemetry
from adaptd.vocabulary.battery import BatteryReading, Goal, Lasting, Supply

HOUR_MS, HOUR_US = 3_600_000, 3_600_000_000
BATTERY = BatteryReading(800_000, Supply.DISCHARGING, 0, 100 * HOUR_US, 10_000, "test")


def clock(hour: int, minute: int = 0) -> int:
    """UTC milliseconds of a time of day on this machine's clock."""
    return round(datetime(2026, 5, 4, hour, minute).astimezone().timestamp() * 1000)


def snapshot(battery: BatteryReading | None = BATTERY) -> Snapshot:
    """A moment in which all is well."""
    return Snapshot(1_000_000, (), Telemetry(alive=True, point=OperatingPoint("fp16", 15_000)), battery=battery)


def asked(**body: Any) -> tuple[Orders, str, list[Any]]:
    """Orders after a request at nine in the morning."""
    noted: list[Any] = []
    orders = Orders(lambda kind, fields: noted.append((kind, fields)))
    orders.mission.on(snapshot(), None, clock(9))
    return orders, orders.take(Change("/v1/endurance", {"reason": "long round", **body}, 1000), 1_000_000), noted


def test_a_time_of_day_is_the_next_one_or_one_that_is_over() -> None:
    """At nine, 18:00 is nine hours away and 02:00 seventeen: further than a shift, so it is the one that was."""
    assert moment_ms(18 * 60, clock(9)) - clock(9) == 9 * HOUR_MS
    assert moment_ms(2 * 60, clock(9)) - clock(9) == -7 * HOUR_MS


def test_the_moment_stays_while_the_clocks_go_together_and_follows_a_clock_that_is_set() -> None:
    """Jitter of a second moves nothing, so that the log does not grow; a wall clock that jumped an hour does."""
    moment = Moment()
    first = moment.until_us(18 * 60, 0, clock(9))
    assert moment.until_us(18 * 60, 60_000_000, clock(9, 1) + 900) == first
    assert moment.until_us(18 * 60, 120_000_000, clock(10, 2)) == first - HOUR_US


def test_a_goal_in_hours_counts_from_when_it_was_asked_and_is_on_record_with_who() -> None:
    """It is in the snapshot, in the status with who asked, and on record; hours 0 goes back to the policy's goal."""
    orders, refused, noted = asked(hours=4, reserve_pct=20, by="anna")
    assert refused == ""
    assert orders.mission.on(snapshot(), None, clock(9)).goal == Goal(200_000, until_us=1_000_000 + 4 * HOUR_US)
    assert noted[0][1]["by"] == "anna (uid 1000)"
    assert orders.words(0)["endurance"]["hours"] == "4"
    assert orders.take(Change("/v1/endurance", {"hours": 0, "reason": "done"}, 0), 2) == ""
    assert orders.mission.on(snapshot(), None, clock(9)).goal is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"hours": 4, "until": "18:00"},
        {"hours": -1},
        {"hours": float("nan")},
        {"hours": True},
        {"hours": "4"},
        {"until": "25:00"},
        {"until": 18},
        {"until": "02:00"},
        {"hours": 4, "reserve_pct": 95},
        {"hours": 4, "reason": ""},
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(body: dict[str, Any]) -> None:
    """A time that is over, a negative number, both or neither: one line says what would be right."""
    orders, refused, noted = asked(**body)
    assert refused
    assert noted == []
    assert orders.mission.on(snapshot(), None, clock(9)).goal is None


def test_without_a_battery_nothing_can_be_asked_of_it() -> None:
    """The refusal names what to write in the profile."""
    orders = Orders(lambda kind, fields: None)
    orders.mission.on(snapshot(None), None, clock(9))
    assert "sensors.battery" in orders.take(Change("/v1/endurance", {"hours": 4, "reason": "x"}, 0), 0)


def test_the_policys_time_of_day_is_put_into_the_snapshot() -> None:
    """So that a replay needs no wall clock."""
    goal = Mission().on(snapshot(), Endurance(150_000, until_minute=18 * 60), clock(9)).goal
    assert goal == Goal(150_000, until_us=1_000_000 + 9 * HOUR_US)


def test_the_status_says_how_long_it_lasts_in_one_sentence() -> None:
    """Reachable, out of reach, fed, over and unknown each have their own words."""
    said = Lasting(0, 9 * HOUR_US, 150_000, 800_000, round(9.67 * HOUR_US), 12 * HOUR_US, 17_000, 2_000_000, True)
    plain = document(said, BATTERY, "policy", 0, clock(9))
    assert plain["words"] == "lasts until 18:40 at 17 fps with 15 % left (now 80 %)"
    assert (plain["hours_left"], plain["rate_mfps"], plain["reserve_pct"], plain["reachable"]) == (9.67, 17_000, 15.0, True)
    assert plain["lasts_until_utc_ms"] == clock(18, 40) + 12_000
    short = document(replace(said, reachable=False, floor_us=6 * HOUR_US), BATTERY, "policy", 0, clock(9))
    assert "18:00 cannot be reached" in short["words"]
    assert "until 15:00" in short["words"]
    assert "over" in document(replace(said, ends_us=0), BATTERY, "policy", 0, clock(9))["words"]
    assert "charging" in document(said, replace(BATTERY, supply=Supply.CHARGING), "policy", 0, clock(9))["words"]
    assert "battery_capacity_wh" in document(None, BATTERY, "policy", 0, clock(9))["words"]
    assert "sensors.battery" in document(None, None, "policy", 0, clock(9))["words"]

"""Hours, energy and gaps from status documents alone, on a clock that the test moves."""

from typing import Any

import pytest

from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.mqtt.watch import Found, Watch
from adaptd.gateway.outbox import SUMMARY
from adaptd.gateway.summary import HOUR_MS, Hour, merged, new_lines
from tests.gateway.mqtt.documents import document, later

START_MS = 500_000 * HOUR_MS


class Run:
    """A watch that is fed once a second."""

    def __init__(self, period_s: float = 10) -> None:
        self.watch = Watch(Topics("b0"), period_s)
        self.words = document()
        self.at_s = 0.0
        self.utc_ms = START_MS
        self.found: list[Found] = []

    def go(self, seconds: int, step_s: float = 1.0, **changes: Any) -> None:
        """So many documents, each with ``changes``."""
        for _ in range(seconds):
            self.words = later(self.words, **changes)
            self._on(step_s)
            self.found.append(self.watch.seen(self.words, round(self.at_s * 1e6), self.utc_ms))

    def away(self, seconds: int) -> None:
        """The daemon does not answer."""
        for _ in range(seconds):
            self._on(1.0)
            self.found.append(self.watch.absent("unreachable", "gone", round(self.at_s * 1e6), self.utc_ms))

    def _on(self, step_s: float) -> None:
        self.at_s += step_s
        self.utc_ms += round(step_s * 1000)

    def summaries(self) -> list[dict[str, Any]]:
        """The summaries so far."""
        return [one.body for found in self.found for one in found.must_arrive if one.kind == SUMMARY]

    def topics(self) -> list[str]:
        """Topic ends published so far."""
        return [message.topic.removeprefix("adaptd/v1/b0/") for found in self.found for message in found.messages]


def test_an_hour_is_summed_up_once_it_is_over() -> None:
    """Energy, frames, seconds on each engine and the account; version 1 of the schema."""
    run = Run()
    run.go(3700)
    (words,) = run.summaries()
    assert (words["v"], words["key"], words["merged"]) == (1, f"summary:b0:{START_MS + 1000}", 1)
    assert words["to_utc_ms"] == START_MS + HOUR_MS
    assert words["energy"]["energy_j"] == pytest.approx(9 * words["energy"]["measured_s"])
    assert words["observed_s"] == pytest.approx(3598, abs=2)
    assert words["frames"]["delivered_frames"] == pytest.approx(15 * words["observed_s"])
    assert words["engines_s"] == {"int8": words["observed_s"]}
    assert words["heat"] == {"mean_c": 45.25, "max_c": 45.25, "measured_s": words["observed_s"]}
    assert words["account"]["bright"]["bound_ppm"] == 900
    assert words["versions"]["policy"] == "feeder"


def test_what_was_not_measured_is_null_and_what_was_not_seen_is_a_gap() -> None:
    """No meter: no joules. A daemon that is away: seconds with the reason, no frames made up."""
    run = Run()
    run.go(100, sensors={})
    run.away(200)
    run.go(3500, sensors={})
    (words,) = run.summaries()
    assert words["energy"] == {"energy_j": None, "measured_s": 0.0}
    assert words["heat"]["mean_c"] is None
    assert words["gaps_s"] == {"unreachable": 200.0}
    assert words["observed_s"] == pytest.approx(3398, abs=2)
    assert run.watch.energy() == {"energy_wh": None, "measured_s": 0.0}


def test_the_daemons_own_counters_are_taken_where_it_has_them() -> None:
    """Joules, frames by engine and refusals by condition as the daemon counts them, over its restart too."""
    run = Run()
    for number in range(1, 1000):
        run.go(
            1, energy={"total_mj": 8000 * number, "known_s": number}, served={"int8": 15 * number}, refusals={"proven": number}
        )
    run.words = {**run.words, "uptime_s": -1}
    for number in range(1, 101):
        run.go(1, energy={"total_mj": 8000 * number, "known_s": number}, served={"int8": 15 * number}, refusals={"proven": 0})
    words = run.watch.close_hour(run.utc_ms)[0].body
    assert words["energy"] == {"energy_j": 8 * 1098.0, "measured_s": 1098.0}
    assert words["engines_frames"] == {"int8": 15 * 1098}
    assert words["refusals"] == {"proven": 998}
    assert run.watch.energy()["energy_wh"] == pytest.approx(8 * 1098 / 3600, abs=1e-3)


def test_a_condition_on_its_edge_is_one_event_a_minute() -> None:
    """Nobody's telephone gets sixty."""
    run = Run()
    for number in range(60):
        run.go(1, conditions={"proven": number % 2 == 0})
    assert run.topics().count("event/refusal") == 2


def test_a_silence_is_a_gap_and_not_an_hour_of_energy() -> None:
    """A gateway that was stopped for half an hour assumes nothing of it."""
    run = Run()
    run.go(10)
    run.go(1, step_s=1800)
    run.go(2000)
    (words,) = run.summaries()
    assert words["gaps_s"] == {"nothing_heard": 1800.0}
    assert words["energy"]["measured_s"] == pytest.approx(1798, abs=3)


def test_a_daemon_that_starts_anew_counts_from_zero_and_loses_nothing() -> None:
    """Counters that begin again are not negative frames."""
    run = Run()
    run.go(100)
    run.words = {**document(), "uptime_s": 0, "frames": {"delivered": 0, "missed": 0, "dropped": 0, "shadow": 0}, "swaps": 0}
    run.go(3600)
    (words,) = run.summaries()
    assert words["frames"]["delivered_frames"] == pytest.approx(15 * 3598, abs=30)
    assert words["swaps"] == 0


@pytest.mark.parametrize("step_ms", [-5 * HOUR_MS, 7 * HOUR_MS])
def test_a_wall_clock_that_steps_ends_the_hour_and_spoils_no_sum(step_ms: int) -> None:
    """Seconds are monotonic; the wall clock only names the hour."""
    run = Run()
    run.go(600)
    run.utc_ms += step_ms
    run.go(600)
    (words,) = run.summaries()
    assert words["from_utc_ms"] <= words["to_utc_ms"]
    rest = run.watch.close_hour(run.utc_ms)[0].body
    assert words["observed_s"] + rest["observed_s"] == pytest.approx(1199, abs=1)
    assert words["key"] != rest["key"]


def test_a_week_of_hours_adds_up() -> None:
    """168 hours without a network, a document every 30 s: 168 summaries, whose sums are the week's."""
    run = Run()
    run.go(7 * 24 * 120 + 1, step_s=30)
    words = run.summaries()
    assert len(words) == 168
    assert sum(one["energy"]["energy_j"] for one in words) == pytest.approx(9 * 7 * 86_400, rel=1e-3)
    whole = words[0]
    for one in words[1:]:
        whole = merged(whole, one)
    assert whole["merged"] == 168
    assert whole["energy"]["energy_j"] == pytest.approx(sum(one["energy"]["energy_j"] for one in words))
    assert whole["from_utc_ms"] == words[0]["from_utc_ms"]
    assert whole["to_utc_ms"] == words[-1]["to_utc_ms"]


def test_complaints_are_counted_once_and_broken_conditions_by_the_second() -> None:
    """The daemon repeats its list each second; the summary does not."""
    run = Run()
    run.go(10)
    run.go(5, trouble=["worker lost: 3"], conditions={"proven": False, "no_fault": True})
    words = run.watch.close_hour(run.utc_ms)[0].body
    assert words["faults"] == {"worker lost: 3": 1}
    assert words["conditions_broken_s"] == {"proven": 5.0}
    assert new_lines(["a", "b"], ["a", "b"]) == []
    assert new_lines(["a", "b"], ["b", "c"]) == ["c"]
    assert new_lines(["a"], ["x", "y"]) == ["x", "y"]


def test_names_from_outside_cannot_make_a_summary_large() -> None:
    """A thousand different complaints share one line beyond the thirty-second."""
    run = Run()
    for number in range(1000):
        run.go(1, trouble=[f"complaint {chr(97 + number % 26) * (number % 90 + 1)}{number}"])
    words = run.watch.close_hour(run.utc_ms)[0].body
    assert len(words["faults"]) == 33
    assert sum(words["faults"].values()) == 999
    alerts = [one for found in run.found for one in found.must_arrive if one.kind == "alert"]
    assert len(alerts) == 20


def test_readings_are_published_once_a_period_and_at_once_when_they_matter() -> None:
    """Ten seconds of the same are one message; a mode that changes is not waited for."""
    run = Run(period_s=10)
    run.go(31)
    assert run.topics().count("state") == 4
    run.go(1, state="protect")
    assert run.topics().count("state") == 5
    assert run.topics().count("daemon") == 1


def test_a_daemon_that_is_away_is_said_once_and_repeated_as_null_once_a_period() -> None:
    """So that expiry does not hide why."""
    run = Run(period_s=10)
    run.go(5)
    run.away(25)
    topics = run.topics()
    assert topics.count("daemon") == 2
    assert topics.count("temperature") == 1 + 3
    assert run.watch.readings() == []


def test_an_hour_goes_on_after_a_restart_of_the_gateway() -> None:
    """What was saved is taken up again."""
    from dataclasses import asdict

    from adaptd.gateway.mqtt.plug import _restored

    run = Run()
    run.go(600)
    assert run.watch.hour is not None
    kept = {"energy_j": run.watch.energy_j, "hour": asdict(run.watch.hour)}
    again = _restored(Topics("b0"), 10, kept)
    assert again.hour == run.watch.hour
    assert again.energy()["energy_wh"] == run.watch.energy()["energy_wh"]
    for broken in (None, {}, {"energy_j": "x", "hour": None}, {"energy_j": 1, "hour": {"gone": 1}}):
        assert _restored(Topics("b0"), 10, broken).hour is None
    assert isinstance(Hour(5).words("b0", 1)["to_utc_ms"], int)

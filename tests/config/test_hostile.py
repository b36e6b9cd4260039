"""Nothing a policy says can hang or break its reader, and nothing is taken that the integers inside cannot tell apart."""

import random
from pathlib import Path

import pytest

from adaptd.config.errors import ConfigError
from adaptd.config.policy import parse_policy
from adaptd.config.profile import load_profile, parse_profile
from adaptd.config.scaling import factor
from tests.brain.estimate import old_admission as accuracy
from tests.brain.estimate import old_bound as bound
from tests.config.hostile import HangError, at_most, hostile, lived_through

LOST = [
    ("max_loss_points: 0.5", "max_loss_points: 0.00001", "accuracy.max_loss_points", "write at least 0.0001"),
    ("deadline_ms: 66", "deadline_ms: 0.0004", "deadline_ms", "write at least 0.001"),
    ("stale_after_s: 3", "stale_after_s: 0.0000001", "sensors.stale_after_s", "write at least 0.000001"),
    ("efficient: 600", "efficient: 1.0e-9", "lease_s.efficient", "write at least 0.000001"),
    ("shadow_pct: 2", "shadow_pct: 0.00002", "accuracy.shadow_pct", "write at least 0.0001"),
    ("resume_c: 80", "resume_c: 84.9999", "thermal.resume_c", "lower it"),
    ("critical_c: 95", "critical_c: 85.0001", "thermal.limit_c", "lower it"),
    ("floor_fps: 5}", "floor_fps: 5, levels_fps: [5, 8, 8.0001, 15]}", "frame_rate.levels_fps", "name each once"),
    ("down_at_lux: 8", "down_at_lux: 14.9999", "light.bands.1.down_at_lux", "lower it"),
    ("schema: 1", "schema: true", "schema", "write 1"),
    ("schema: 1", "schema: 1.0", "schema", "write 1"),
]


@pytest.mark.parametrize(("before", "after", "key", "remedy"), LOST, ids=[after for _, after, _, _ in LOST])
def test_what_the_integers_cannot_tell_apart_is_refused(feeder_text: str, before: str, after: str, key: str, remedy: str) -> None:
    """A value that becomes 0 or its neighbour inside is refused where it stands, with what would be kept."""
    assert before in feeder_text
    with pytest.raises(ConfigError) as caught:
        parse_policy(feeder_text.replace(before, after, 1), "p.yaml")
    assert any(f": {key}: " in line and remedy in line for line in caught.value.lines), str(caught.value)


def test_a_profile_that_rounds_to_nothing_is_refused(root: Path) -> None:
    """A time constant of 0 ms would divide by zero in every estimate, so it never comes that far."""
    text = (root / "hw_profiles" / "orin-nx-16gb.yaml").read_text()
    at = text.index("tau_s:")
    value = text.index("value:", at) + len("value:")
    end = min(text.index(sign, value) for sign in ",}\n" if sign in text[value:])
    with pytest.raises(ConfigError, match=r"tau_s.*rounds to 0"):
        parse_profile(text[:value] + " 0.0001" + text[end:], "board.yaml")


def test_every_number_of_a_policy_has_a_known_scale(feeder_text: str) -> None:
    """The unit in a key's name says its scale; a key without one would slip through the check."""
    for path in (("accuracy", "max_loss_points"), ("lease_s", "efficient"), ("light", "bands", 1, "up_at_lux"), ("deadline_ms",)):
        assert factor(path) is not None, path
    assert factor(("thermal", "poles", 0, "r_k_per_w", "value")) == 1000
    assert factor(("reference",)) is None


def test_the_ladder_of_limits_ends_for_every_limit() -> None:
    """Even a limit of 0, which no file can ask for any more, ends; the ladder of a usual limit is what it was."""
    with at_most(2.0):
        for limit in (0, 1, 20, 5_000, 500_000, 949_999, 1_000_000 - 1):
            rungs = bound.ladder(limit, accuracy.ADMIT_BETS, accuracy.ADMIT_WEIGHTS)
            assert [rung.limit_ppm for rung in rungs] == sorted({rung.limit_ppm for rung in rungs}, reverse=True)
            assert len(rungs) <= 2 * bound.MOST_RUNGS


def test_hostile_policies_are_refused_or_good_and_never_hang(feeder_text: str, root: Path) -> None:
    """300 drawn policies: each is refused in well-formed lines, or everything computed from it is computed in time."""
    rng, profile = random.Random(15), load_profile(root / "hw_profiles" / "orin-nx-16gb.yaml")
    found = set()
    for _ in range(300):
        text = hostile(feeder_text, rng)
        with at_most(2.0):
            found.add(lived_through(text, profile))
    assert found == {"refused", "good"}


def test_the_alarm_of_these_tests_rings() -> None:
    """The control: a loop without an end is found."""
    with pytest.raises(HangError), at_most(0.05):
        sum(1 for _ in iter(int, 1))

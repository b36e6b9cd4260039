"""Stalls of the software device: as often and as long as the scenario says, the same for everyone, and late where they are."""

from dataclasses import replace

import pytest

from adaptd.config.errors import ConfigError
from adaptd.lab.harness import simulate
from adaptd.twin.faults import Stalls
from adaptd.twin.scenario import parse_scenario
from adaptd.twin.words import StallTruth
from adaptd.vocabulary import OperatingPoint
from tests.twin.worlds import TEXT, Script, episode

TRUTH = StallTruth(10_000_000, 200_000, 2_500_000)


def test_stalls_cover_the_share_of_time_that_was_asked_for() -> None:
    """A fifth of a second every ten on average is two per cent of a day, and each slows by more than its least."""
    stalls = Stalls(7, TRUTH)
    hits = [hit for second in range(86_400) for hit in stalls.within(second * 1_000_000, 1_000_000)]
    assert sum(hit.part for hit in hits) / 86_400 == pytest.approx(0.2 / 10.2, rel=0.05)
    assert min(hit.slow for hit in hits) == pytest.approx(2.0, abs=0.01)
    assert sum(hit.part * hit.slow for hit in hits) / sum(hit.part for hit in hits) == pytest.approx(2.5, rel=0.05)


def test_a_gap_in_asking_changes_nothing_that_comes_later() -> None:
    """A worker that was down meets the same stalls afterwards."""
    whole, gap = Stalls(7, TRUTH), Stalls(7, TRUTH)
    all_of_it = [whole.within(second * 1_000_000, 1_000_000) for second in range(400)]
    assert [gap.within(second * 1_000_000, 1_000_000) for second in range(300, 400)] == all_of_it[300:]
    assert Stalls(7, None).within(0, 1_000_000) == ()


def test_frames_in_a_stall_are_late_and_seen_in_the_longest_latency() -> None:
    """The share of late frames is that of the time in stalls; without stalls there is none."""
    found = []
    for truth in (TRUTH, None):
        world = episode(duration_us=600_000_000, stalls=truth)
        script = Script(OperatingPoint(world.policy.reference, 15_000))
        world = replace(world, policy=replace(world.policy, deadline_us=world.facts[0].latency_us * 19 // 10))
        result = simulate(world.scenario, world.policy, world.profile, world.facts, script)
        longest = max(one.latency_max_us for snapshot in script.seen for one in snapshot.worker.served)
        found.append((result.deadline_misses / result.frames_executed, longest / world.facts[0].latency_us))
    assert found[0][0] == pytest.approx(0.02, abs=0.01)
    assert found[0][1] > 2.0
    assert (found[1][0], round(found[1][1])) == (0.0, 1)


@pytest.mark.parametrize(
    ("stalls", "key"),
    [
        ("{every_s: 0, length_s: 0.2, slow_down: 2}", "truth.stalls.every_s"),
        ("{every_s: 10, length_s: 0, slow_down: 2}", "truth.stalls.length_s"),
        ("{every_s: 10, length_s: 0.2, slow_down: 0.5}", "truth.stalls.slow_down"),
    ],
)
def test_stalls_that_cannot_be_are_refused(stalls: str, key: str) -> None:
    """One line with the key."""
    assert "truth:" in TEXT
    with pytest.raises(ConfigError, match=key):
        parse_scenario(TEXT.replace("truth:", f"truth:\n  stalls: {stalls}", 1))

"""What one sees of the device of ``make run`` while its supply sags and its load scatters: few changes, each with a reason."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from adaptd.lab.episode import Episode, load_episode, run
from adaptd.lab.harness import Choice
from adaptd.twin.device import TwinDevice
from adaptd.twin.words import Curve
from adaptd.twin.worker import Tick
from adaptd.vocabulary import Snapshot
from tests.conftest import ROOT

SECOND_US = 1_000_000
SAG: Curve = ((0, None), (60 * SECOND_US, None), (60 * SECOND_US, 9000), (90 * SECOND_US, 9000), (90 * SECOND_US, None))


def scattered(seed: int, seconds: int, budget: Curve) -> Episode:
    """The demonstration in daylight, under a load that scatters by a tenth from second to second."""
    draw = Random(seed)
    slow = tuple((at * SECOND_US, round(1e6 * draw.gauss(1.0, 0.1))) for at in range(seconds + 1))
    demo = load_episode(ROOT / "policies" / "scenarios" / "demo.yaml")
    day = ((0, 800_000),)
    duration_us = seconds * SECOND_US
    world = replace(demo.scenario, duration_us=duration_us, slow_down_ppm=slow, light_mlx=day, budget_mw=budget, seed=seed)
    return replace(demo, scenario=world)


def rates(episode: Episode) -> list[int]:
    """The rate of each second."""
    seen: list[int] = []

    def look(device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None:
        del device, snapshot, tick
        seen.append(choice.point.fps_mfps)

    run(episode, "adaptd", look)
    return seen


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sag_of_half_a_minute_is_two_changes_and_one_correction_at_most(seed: int) -> None:
    """Down at once when the budget falls; back to the target in one step, within three seconds of its return."""
    seen = rates(scattered(seed, 110, SAG))
    changes = [at for at, (one, two) in enumerate(pairwise(seen), 1) if one != two]
    assert len(changes) <= 3
    assert changes[0] == 60
    assert (seen[59], max(seen[60:90]) < 10_000) == (15_000, True)
    assert changes[-1] in (91, 92, 93)
    assert seen[changes[-1]] == 15_000


def test_scatter_of_a_tenth_changes_nothing_where_no_limit_binds_and_little_where_one_does() -> None:
    """Five minutes without a budget: no change. At a budget of half the target: few after the first minute, none felt."""
    assert set(rates(scattered(4, 300, ((0, None),)))) == {15_000}
    seen = rates(scattered(4, 300, ((0, 9000),)))[60:]
    changes = [(one, two) for one, two in pairwise(seen) if one != two]
    assert len(changes) <= 4
    assert all(abs(one - two) * 10 <= one for one, two in changes)

"""How answers differ, from shadow frames: scenes and not an even share, frames of a band's edge apart, days that go on."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from adaptd.lab.fit.light import compared
from adaptd.lab.fit.play import Lasting
from adaptd.lab.fit.readings import Grid
from adaptd.lab.fit.saved import Twin, load
from adaptd.lab.fit.scenes import differs_of
from adaptd.lab.harness import simulate
from adaptd.lab.whatif.compare import OFF_NEVER, OFF_STEP, OFF_TRIED, off
from tests.conftest import ROOT
from tests.lab.boxes import Box, episode
from tests.lab.tuning_rows import Seen

FOUR_DAYS_MIN = 4 * 1440


def minutes_of(chances: NDArray[np.float64], frames: int) -> NDArray[np.int64]:
    """Shadow frames of minutes in which answers differ with these chances."""
    return np.array([np.full(len(chances), frames), np.random.default_rng(1).binomial(frames, chances)])


def test_scenes_are_found_with_their_share_chance_and_length() -> None:
    """Forty bad scenes of five minutes on average, a fifth of whose frames differ, come back as such and not as an even share."""
    chances, random = np.zeros(FOUR_DAYS_MIN), np.random.default_rng(2)
    for start in range(100, FOUR_DAYS_MIN - 40, 140):
        chances[start : start + 1 + int(random.exponential(4.5))] = 0.2
    found = differs_of(minutes_of(chances, 30))
    bad = [(share, chance) for share, chance in found.kinds if chance > 0.1]
    assert sum(share for share, _ in bad) == pytest.approx(np.mean(chances > 0), rel=0.2)
    assert sum(share * chance for share, chance in bad) / sum(share for share, _ in bad) == pytest.approx(0.2, rel=0.1)
    assert sum(share * chance for share, chance in found.kinds) == pytest.approx(found.differed / found.compared)
    assert found.scene_s == pytest.approx(300, rel=0.4)


def test_answers_that_differ_evenly_are_no_scenes() -> None:
    """One frame in forty that differs at any time stays one number: more kinds must earn their place."""
    found = differs_of(minutes_of(np.full(FOUR_DAYS_MIN, 0.025), 5))
    assert found.kinds == ()
    assert differs_of(minutes_of(np.zeros(100), 5)).kinds == ()


@pytest.fixture(scope="module")
def grid() -> Grid:
    """A day of a box, whose light crosses the edge of every band twice."""
    return Seen(Box(seed=5, days=1)).run()


def test_frames_at_the_edge_of_a_band_are_left_out(grid: Grid) -> None:
    """Dusk booked to the band beside it makes neither band look worse; the middle of the day counts in full."""
    lone = replace(grid, shadows={("dim", "int8"): np.array([np.ones(1440), np.zeros(1440)], dtype=np.int64)})
    found = compared(lone, (0,))
    assert set(found) == {("night", "int8"), ("dim", "int8"), ("bright", "int8")}
    assert found["night", "int8"][0, :5].all(), "booked as dim, but it was night"
    counted = sum(minutes[0] for minutes in found.values())
    assert counted.max() == 1
    assert not counted[11:18].any(), "the light passes from night to dim in the fifteenth minute"
    assert 1440 - 6 * 12 < counted.sum() < 1440
    assert compared(lone, (1,)) == {}


def test_the_account_and_what_was_learned_go_over_midnight() -> None:
    """A second day lived behind the first is the second day: its window is a new one, no frame comes twice, nothing is broken."""
    day = episode(Box(seed=3, days=1))
    brain = Lasting(day.policy, day.profile, day.facts, 1)
    simulate(day.scenario, day.policy, day.profile, day.facts, brain)
    frames = brain.state.account.last_frame
    brain.midnight(day.scenario.duration_us)
    other = brain.branch()
    simulate(day.scenario, day.policy, day.profile, day.facts, brain)
    assert brain.state.account.number == 1
    assert brain.state.account.last_frame > 1.9 * frames
    assert not any(one.broken for one in brain.state.account.bands)
    assert other.state.account.last_frame == frames


@pytest.fixture(scope="module")
def twin() -> Twin:
    """The shipped example: fifteen frames a second on either engine."""
    return load(ROOT / "docs" / "tuning" / "three-days.twin")


def test_bounds_grow_with_the_distance_to_what_was_measured(twin: Twin) -> None:
    """The light changes no draw; five kelvin or a quarter of the rate cost one step; an engine never seen costs most."""
    band, step, variant, rate = max((cell for cell in twin.cells if cell[2] == "int8"), key=twin.cells.__getitem__)
    assert off(twin, (band, step, variant, rate)) == off(twin, ("another light", step, variant, rate)) == 0
    assert off(twin, (band, step, variant, rate - 1)) == pytest.approx(OFF_STEP)
    assert off(twin, (band, step, variant, rate - 9)) == OFF_TRIED
    assert off(replace(twin, measured_engines=("fp16",)), (band, step, variant, rate)) == OFF_NEVER
    assert off(twin, (band, step, "none", -99)) == 0

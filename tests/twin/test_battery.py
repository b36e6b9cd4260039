"""The software device's battery: it empties by what the board draws, its gauge speaks in steps, and an empty one ends the run."""

import pytest

from adaptd.lab.harness import simulate
from adaptd.twin.device import Cell
from adaptd.twin.words import BatteryTruth
from adaptd.vocabulary.battery import Supply
from tests.twin.worlds import FULL, TEXT, Script, episode, profile

HOUR_US = 3_600_000_000
WORLD = TEXT.replace("signals:", "battery: {capacity_wh: 2, start_pct: 50, capacity_scale_true: 0.8}\nsignals:")


def test_an_empty_battery_ends_the_run_and_the_score_says_when() -> None:
    """0.8 Wh at 4.6 W and 15 frames of 200 mJ a second, 7.6 W, last 379 s of the 600."""
    world = episode(text=WORLD)
    result = simulate(world.scenario, world.policy, world.profile, world.facts, Script(FULL)).to_plain()
    watts = profile().idle_power_mw / 1000 + 15 * 0.2
    assert result["lasted_h"] == pytest.approx(0.8 / watts, abs=0.0006)
    assert result["battery_end_pct"] == 0.0
    assert result["frames_delivered"] < result["frames_target"] * 0.64


def test_without_a_battery_the_score_says_nothing_of_one() -> None:
    """The documented keys stay what they are."""
    world = episode()
    assert "lasted_h" not in simulate(world.scenario, world.policy, world.profile, world.facts, Script(FULL)).to_plain()


def test_a_gauge_speaks_in_steps_and_a_charger_fills() -> None:
    """64.4 % of the truth is read as 64 %; with a charger of 20 W and 10 W drawn it rises again and says so."""
    truth = BatteryTruth(10 * HOUR_US, 644_000, charger_mw=((0, 0), (HOUR_US, 0), (HOUR_US, 20_000)))
    cell = Cell(truth, 1)
    assert (cell.read(0).charge_ppm, cell.read(0).supply) == (640_000, Supply.DISCHARGING)
    cell.advance(HOUR_US, HOUR_US // 10, 10_000)
    assert cell.charge_ppm == pytest.approx(744_000)
    assert cell.read(HOUR_US).supply is Supply.CHARGING

"""How far the brain looks ahead, and what it makes of intervals and readings at the edge."""

import math
from dataclasses import replace

import pytest

from adaptd.brain import tables, tick
from adaptd.vocabulary import Snapshot, Telemetry
from tests.brain.decide.plant import Board, board, facts, feeder
from tests.readings import told

NOISELESS = (0.0, 0.0, 0.0)


def test_the_peak_is_planned_one_second_ahead_and_the_average_twelve() -> None:
    """One tick, and a third of a slow pole: the gains of the outlook are those of steps that have lasted for so long."""
    world = Board(noise=NOISELESS)
    heat = list(world.run(60))[-1].state.heat
    table = tick.thermal.columns(board())
    strengths = [value / 2**40 for value in heat.mean[2:]]
    gains = [gain for _, _, gain, _, _ in _outlook(heat).ahead]
    for seconds, gain in zip((1.0, 12.0), gains, strict=True):
        risen = [1 - math.exp(-seconds / tau) for tau in table.taus_s]
        assert gain == pytest.approx(sum(s * r for s, r in zip(strengths, risen, strict=True)), rel=0.02)


def _outlook(heat: tick.thermal.Heat) -> tick.thermal.Outlook:
    table = tick.thermal.columns(board())
    return tick.thermal.observe(heat, table, tick.thermal.horizons(table, tables.HORIZONS_S), 8.0, 60_000, 1e-6)[1]


@pytest.mark.parametrize(("fall_mc", "known"), [(4600, True), (5400, False)])
def test_noise_of_four_kelvin_is_no_impossible_speed(fall_mc: int, known: bool) -> None:
    """Between two looks a tenth of a second apart a reading may move by its noise (4 K) and by what the board can do (1 K)."""
    one = list(Board().run(120))[-1]
    held = one.state.senses.temperature
    assert held is not None
    later = replace(one.snapshot, now_us=one.state.now_us + 100_000, worker=_idle(one.snapshot))
    snapshot = told(later, "temperature", held.value - fall_mc)
    verdict = tick.Brain(feeder(), board(), one.state.facts).step(one.state, snapshot)[1]
    assert (("temperature_known", True) in verdict.conditions) is known


def _idle(snapshot: Snapshot) -> Telemetry:
    return replace(snapshot.worker, served=(), shadows=(), shadow_frames=0)


def after(one_state: tick.State, snapshot: Snapshot, seconds: float) -> object:
    """The thermal belief after one interval of that length."""
    later = replace(snapshot, now_us=one_state.now_us + round(seconds * 1e6), worker=_idle(snapshot))
    return tick.Brain(feeder(), board(), one_state.facts).step(one_state, later)[0].heat


def test_an_interval_is_an_hour_at_most_and_a_millisecond_at_least() -> None:
    """After an hour every pole has settled and doubt has grown enough; below a millisecond nothing has happened."""
    one = list(Board(facts=facts()).run(60))[-1]

    def heat(seconds: float) -> object:
        found = after(one.state, one.snapshot, seconds)
        return found._replace(age_us=0)

    assert heat(3600) == heat(86_400) != heat(3000)
    assert heat(0) == heat(0.001) != heat(0.0013)

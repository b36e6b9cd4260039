"""Light that is lost for a moment: the reference at once, the efficient engine soon again, and no flapping in real flicker."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from adaptd.vocabulary import Snapshot
from tests.brain.decide.plant import Board, Second
from tests.readings import told

DWELL = 19  # half of the slow pole of the board


def dark_in(*when: int) -> Callable[[int, Snapshot], Snapshot]:
    """No light reading in these seconds; for so long that the last one is too old."""
    return lambda second, snapshot: told(snapshot, "light") if second in when else snapshot


def served(change: Callable[[int, Snapshot], Snapshot], seconds: int = 120) -> list[str]:
    """The engine of every second, by its number; seconds count from 1."""
    run: list[Second] = list(Board(change=change).run(seconds))
    return [run[0].verdict.point.variant, *(second.verdict.point.variant for second in run)]


def swaps(engines: list[str]) -> int:
    """How often the engine changed."""
    return sum(a != b for a, b in pairwise(engines))


def test_a_single_tick_of_unknown_light_costs_three_seconds_and_no_long_hold() -> None:
    """FP16 in that tick, INT8 again three seconds later: the engine had been held for its time before."""
    engines = served(dark_in(60))
    assert engines[59:64] == ["int8", "fp16", "fp16", "fp16", "int8"]
    assert set(engines[63:]) == {"int8"}


def test_a_jump_of_the_light_by_more_than_eightfold_is_such_a_tick() -> None:
    """From night to noon the first reading waits for a second one that agrees; afterwards the new band serves at once."""
    run = list(Board(light_lux=lambda second: 100.0 if second < 60 else 5000.0).run(120))
    engines = [second.verdict.point.variant for second in run]
    assert [second.verdict.band for second in run[58:61]] == ["dim", "unknown", "bright"]
    assert engines[58:60] == ["int8", "fp16"]
    assert set(engines[62:]) == {"int8"}


@pytest.mark.parametrize("period", [5, 10, 19])
def test_light_that_is_lost_again_and_again_is_flicker_and_flaps_nothing(period: int) -> None:
    """Lost every few seconds for ten minutes: after the first return the reference is held for its whole dwell each time."""
    engines = served(dark_in(*range(60, 660, period)), 660)
    assert swaps(engines[60:]) <= 2 * 600 / DWELL + 2
    returns = [at for at, (a, b) in enumerate(pairwise(engines)) if at > 60 and (a, b) == ("fp16", "int8")]
    assert all(later - first >= DWELL for first, later in pairwise(returns[1:]))


def test_what_other_reasons_send_away_is_held_off_for_the_whole_dwell() -> None:
    """The guard of the short hold: a log that fails for one tick keeps INT8 away for its time."""
    engines = served(lambda second, snapshot: replace(snapshot, log_ok=second != 60))
    assert set(engines[60 : 60 + DWELL]) == {"fp16"}

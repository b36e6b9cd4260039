"""The rules on days: the seed's rule with a lagged usual, the trailing control, the watch, and what cannot be told."""

import pytest

from adaptd.apps.feeder.rules import SHORT, TRAILING, Watch, is_low, low_run, middle, shortfall_milli, usual
from adaptd.apps.feeder.settings import SECOND_US, Settings
from adaptd.apps.feeder.simulated_cat import Cat
from tests.apps import feeder_figures

S = Settings()
FULL, HALF = 1_140 * SECOND_US, 570 * SECOND_US


def test_the_usual_is_the_middle_of_days_8_to_63_back() -> None:
    """Neither the last week nor what lies further back than nine weeks moves the usual; nor do a few wild days within."""
    series: list[int | None] = [9_000_000] * 20 + [day * SECOND_US for day in range(1, 57)] + [0] * 7 + [None]
    assert usual(series, 83, S) == 28 * SECOND_US + SECOND_US // 2
    assert len(series) == 84
    assert middle([FULL] * 42 + [0] * 7 + [FULL * 9] * 7) == FULL


def test_without_two_weeks_of_days_there_is_no_usual() -> None:
    """The monitor is learning for three weeks: fewer than 14 known days make no usual, and no day is low."""
    series: list[int | None] = [FULL] * 20 + [0]
    assert usual(series, 20, S) is None
    assert not is_low(series, 20, S)
    assert usual([*series, 0], 21, S) == FULL


def runs(series: list[int | None], first: int) -> list[int]:
    """Length of the low run on each day from ``first`` on."""
    return [len(low_run(series, at, S)) for at in range(first, len(series))]


def test_three_low_days_running_are_the_alert() -> None:
    """Two low days are not enough, three are; a good day in between starts the count anew."""
    assert runs([*[FULL] * 40, HALF, HALF, FULL, HALF, HALF, HALF], 40) == [1, 2, 0, 1, 2, 3]


def test_days_that_cannot_be_told_neither_count_nor_end_a_run_of_low_ones() -> None:
    """A weekend without a camera inside an illness delays the alert by that weekend; four blind days in a row end the run."""
    assert runs([*[FULL] * 40, HALF, HALF, None, None, None, HALF], 40) == [1, 2, 2, 2, 2, 3]
    assert runs([*[FULL] * 40, HALF, HALF, None, None, None, None, HALF], 40) == [1, 2, 2, 2, 2, 0, 1]
    assert runs([*[FULL] * 40, HALF, None, FULL, HALF], 40) == [1, 1, 0, 1]


def test_the_figures_are_of_the_rule_that_ships() -> None:
    """The simulation walks through years of days in one pass and fires on the same days as the rule itself."""
    for seed in range(3):
        series = feeder_figures.days_of(Cat(seed=seed, cv=0.5), 200, outages=True)
        found = [low_run(series, at, S) if series[at] is not None else [] for at in range(40, 200)]
        assert feeder_figures.alarms(series) == [run[-1] for run in found if len(run) == S.drop_days and run[0] >= 40]


@pytest.mark.parametrize("percent", [59, 61])
def test_the_edge_is_sixty_percent(percent: int) -> None:
    """59 % of the usual is low, 61 % is not."""
    assert is_low([*[FULL] * 40, FULL * percent // 100], 40, S) == (percent < 60)


def test_the_trailing_usual_follows_a_slow_illness_down_and_never_fires() -> None:
    """Negative controls: half over four weeks. No day is low against the last 14; against days 8 to 35 back some are; with the
    usual that reaches back nine weeks three times as many."""
    series: list[int | None] = [FULL] * 60 + [FULL - FULL * day // 56 for day in range(28)] + [HALF] * 20
    low = {back: sum(is_low(series, at, S, back) for at in range(60, len(series))) for back in (TRAILING, SHORT, None)}
    assert low[TRAILING] == 0
    assert 0 < 3 * low[SHORT] < low[None]
    assert max(runs(series, 60)) >= 3


def test_the_watch_sees_what_the_rule_must_not_call() -> None:
    """A lasting quarter less is no alert; the watch says so within two weeks, and is silent on a steady pet."""
    steady: list[int | None] = [FULL + (day * 7_919 % 13 - 6) * FULL // 40 for day in range(120)]
    less = [value if value is None or day < 80 else value * 3 // 4 for day, value in enumerate(steady)]
    calm, alert = Watch(), Watch()
    assert not any(calm.step(steady, at, S) for at in range(120))
    fired = [at for at in range(120) if alert.step(less, at, S)]
    assert 80 < fired[0] <= 94
    assert max(runs(less, 0)) < 3


def test_a_day_of_nothing_is_a_bounded_shortfall() -> None:
    """No logarithm of nothing: a day without eating counts as the largest shortfall there is."""
    assert shortfall_milli(0, [FULL] * 28) == 4_000
    assert shortfall_milli(FULL * 9, [FULL] * 28) == -3_000

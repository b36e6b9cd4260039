"""The rules on days: the seed's rule with a lagged usual, the trailing control, the watch, and what cannot be told."""

import pytest

from adaptd.apps.feeder.rules import TRAILING, Watch, drop_run, is_low, shortfall_milli, usual
from adaptd.apps.feeder.settings import SECOND_US, Settings

S = Settings()
FULL, HALF = 1_140 * SECOND_US, 570 * SECOND_US


def test_the_usual_is_the_median_of_days_8_to_35_back() -> None:
    """Neither the last week nor what lies further back than five weeks moves the usual."""
    series: list[int | None] = [9_000_000] * 20 + [day * SECOND_US for day in range(1, 29)] + [0] * 7 + [None]
    assert usual(series, 55, S) == 14 * SECOND_US + SECOND_US // 2
    assert len(series) == 56


def test_without_two_weeks_of_days_there_is_no_usual() -> None:
    """The monitor is learning for three weeks: fewer than 14 known days make no usual, and no day is low."""
    series: list[int | None] = [FULL] * 20 + [0]
    assert usual(series, 20, S) is None
    assert not is_low(series, 20, S)
    assert usual([*series, 0], 21, S) == FULL


def test_three_low_days_running_are_the_alert() -> None:
    """Two low days are not enough, three are; a good day in between starts the count anew."""
    series: list[int | None] = [FULL] * 40 + [HALF, HALF, FULL, HALF, HALF, HALF]
    assert [drop_run(series, at, S) for at in range(40, 46)] == [1, 2, 0, 1, 2, 3]


def test_a_day_that_cannot_be_told_is_neither_low_nor_usual() -> None:
    """A day without coverage ends the run and does not enter the usual."""
    series: list[int | None] = [FULL] * 40 + [HALF, HALF, None, HALF]
    assert [drop_run(series, at, S) for at in range(40, 44)] == [1, 2, 0, 1]


@pytest.mark.parametrize("percent", [59, 61])
def test_the_edge_is_sixty_percent(percent: int) -> None:
    """59 % of the usual is low, 61 % is not."""
    assert is_low([*[FULL] * 40, FULL * percent // 100], 40, S) == (percent < 60)


def test_the_trailing_usual_follows_a_slow_illness_down_and_never_fires() -> None:
    """Negative control: half over four weeks; no day is low against the last 14 days, the lagged usual brings the alert."""
    series: list[int | None] = [FULL] * 60 + [FULL - FULL * day // 56 for day in range(28)] + [HALF] * 20
    days = range(60, len(series))
    assert sum(is_low(series, at, S, TRAILING) for at in days) == 0
    assert max(drop_run(series, at, S) for at in days) >= 3


def test_the_watch_sees_what_the_rule_must_not_call() -> None:
    """A lasting quarter less is no alert; the watch says so within two weeks, and is silent on a steady pet."""
    steady: list[int | None] = [FULL + (day * 7_919 % 13 - 6) * FULL // 40 for day in range(120)]
    less = [value if value is None or day < 80 else value * 3 // 4 for day, value in enumerate(steady)]
    calm, alert = Watch(), Watch()
    assert not any(calm.step(steady, at, S) for at in range(120))
    fired = [at for at in range(120) if alert.step(less, at, S)]
    assert 80 < fired[0] <= 94
    assert max(drop_run(less, at, S) for at in range(120)) < 3


def test_a_day_of_nothing_is_a_bounded_shortfall() -> None:
    """No logarithm of nothing: a day without eating counts as the largest shortfall there is."""
    assert shortfall_milli(0, [FULL] * 28) == 4_000
    assert shortfall_milli(FULL * 9, [FULL] * 28) == -3_000

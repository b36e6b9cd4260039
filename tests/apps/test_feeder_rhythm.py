"""Time of day: a camera that is off when the pet eats most must not make it look ill."""

from collections.abc import Callable

import pytest

from adaptd.apps.feeder.days import closed_days, local_day, rhythm_of
from adaptd.apps.feeder.documents import history
from adaptd.apps.feeder.rules import HOURS, due_by, due_ppm, rhythm
from adaptd.apps.feeder.settings import DAY_US, HOUR_US, PPM
from adaptd.apps.feeder.simulated_cat import Cat, events
from tests.apps.streams import BEGIN_US, BERLIN, FP16, House, day_of

OFF_FROM, DAYS = 30, 42
FULL_DAY = [[HOUR_US, HOUR_US // 60] for _ in range(HOURS)]


def lived(house: House, off: Callable[[int], bool]) -> list[dict[str, object]]:
    """A healthy cat whose camera is off in the hours ``off`` names from day 30 on; the days from then on."""
    blind = lambda at: at >= day_of(OFF_FROM) and off((at - BEGIN_US) % DAY_US // HOUR_US)  # noqa: E731
    cat = events(Cat(seed=3, cv=0.15, season=0.0), BEGIN_US, DAYS)
    house.live(cat, lambda at: None if blind(at) else FP16)
    rows: list[dict[str, object]] = history(house.store, house.settings, BERLIN, day_of(DAYS) + HOUR_US)["pets"][0]["days"]
    return rows[OFF_FROM - DAYS :]


def test_evenings_without_a_camera_do_not_lower_the_days(house: House) -> None:
    """Six hours around the evening's peak are lost every day: minutes per hour seen would be a fifth short, the days are not."""
    rows = lived(house, lambda hour: 16 <= hour < 22)
    assert not house.left
    day, last = local_day(day_of(OFF_FROM), BERLIN), local_day(day_of(DAYS - 1), BERLIN)
    closed = closed_days(house.store, "", day, last).values()
    weighted = sum(int(str(row["eating_24h_s"])) for row in rows) / sum(int(str(row["usual_s"])) for row in rows)
    by_the_hour = sum(one.eating_us * DAY_US // one.sure_us for one in closed) / 1e6
    assert 0.92 < weighted < 1.08
    assert by_the_hour / sum(int(str(row["usual_s"])) for row in rows) < 0.85, "negative control: eating an hour seen"


def test_days_without_both_peaks_cannot_be_told(house: House) -> None:
    """62 % of the time is seen, and half of what is usually eaten in it: cannot tell, and nobody is frightened."""
    rows = lived(house, lambda hour: 4 <= hour < 8 or 16 <= hour < 21)
    assert all(int(str(row["coverage_ppm"])) > 600_000 for row in rows)
    assert {row["eating_24h_s"] for row in rows} == {None}
    assert not house.left


def test_a_pet_has_no_rhythm_before_two_weeks(house: House) -> None:
    """Until 14 days are known every hour counts alike; then the peaks of the morning and the evening are found."""
    house.cat(20)
    today = local_day(day_of(20), BERLIN)
    assert len(set(rhythm_of(house.store, today, ""))) == 1
    house.live(events(Cat(seed=1, cv=0.15, season=0.0), day_of(20), 10))
    shares = rhythm_of(house.store, local_day(day_of(30), BERLIN), "")
    assert sum(shares) == pytest.approx(PPM, abs=HOURS)
    assert sum(shares[4:8]) + sum(shares[17:21]) > PPM * 9 // 20
    assert min(shares) > 0


def test_an_hour_that_was_never_seen_counts_as_a_mean_one() -> None:
    """Dark nights have no rate of their own: no hour is taken for one in which nothing is ever eaten."""
    dark = [[0, 0] if hour < 6 else list(FULL_DAY[hour]) for hour in range(HOURS)]
    shares = rhythm([dark] * 20)
    assert shares[0] == pytest.approx(PPM / HOURS, rel=0.01)
    assert due_ppm(dark, shares) == pytest.approx(750_000, rel=0.01)


def test_the_usual_so_far_today_follows_the_rhythm() -> None:
    """At noon a pet that eats in the evening owes little yet; at midnight everything."""
    evening = [[HOUR_US, HOUR_US // 10 if hour >= 17 else 0] for hour in range(HOURS)]
    shares = rhythm([evening] * 28)
    assert due_by(shares, 12 * HOUR_US) < 150_000
    assert due_by(shares, DAY_US) == pytest.approx(PPM, abs=HOURS)
    assert due_by([PPM // HOURS] * HOURS, 6 * HOUR_US + HOUR_US // 2) == pytest.approx(270_833, abs=HOURS)

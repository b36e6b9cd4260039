"""The rules on a series of days: the drop, the watch, and the control that shows why the usual is lagged. Pure.

A series is a list with one entry a day: eating in 24 hours in microseconds, or None where the day cannot be told or does not
count.

The seed's rule says: below 60 % of the usual, three days running. With a *trailing* usual (the last 14 days) an illness pulls
down what it is compared with, and after a week the rule is blind; so the usual is the middle of days 8 to 63 back: with 35
days a decline that takes four weeks still gets half away. ``low_run(..., TRAILING)`` and ``SHORT`` keep the other forms as
negative controls for the figures.

When a pet eats is a share of the day's eating for each local hour. A day of which a part was not seen is scaled by what is
usually eaten in the rest. Minutes per hour seen would not do: without a camera in the evening, the evening's meals are missing
as well, and the rest of the day alone looks like a small appetite.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from adaptd.apps.feeder.settings import DAY_US, HOUR_US, PPM, USUAL_LEAST_DAYS, Settings

Series = Sequence[int | None]
TRAILING = (1, 14)
SHORT = (8, 35)
LEAST_RATIO_PPM = 20_000  # a day of nothing has a logarithm too
SIGMA_OF_MAD_MILLI = 1_483  # standard deviations in a median absolute deviation, for a normal distribution
LEAST_SPREAD_MILLI = 30
Z_LOW_MILLI, Z_HIGH_MILLI = -3_000, 4_000
HOURS = 24
PRIOR_US = 7 * HOUR_US  # what the mean of all hours weighs beside the hours seen: one week of each hour
Hours = Sequence[Sequence[int]]  # by local hour: time seen in light, eating in it, both in microseconds


def usual(series: Series, at: int, settings: Settings, back: tuple[int, int] | None = None) -> int | None:
    """The middle of the known days ``back`` (first, last) before day ``at``; None while too few are known."""
    days = usual_days(series, at, settings, back)
    least = settings.usual_least_days if back is None else (back[1] - back[0] + 1) // 2
    return middle(days) if len(days) >= least else None


def middle(days: Sequence[int]) -> int:
    """The mean of the middle half of ``days``: a quarter may be wild at either end, as with a median, and it wanders less."""
    ordered, quarter = sorted(days), len(days) // 4
    kept = ordered[quarter : len(ordered) - quarter]
    return sum(kept) // len(kept)


def usual_days(series: Series, at: int, settings: Settings, back: tuple[int, int] | None = None) -> list[int]:
    """The known days that make the usual of day ``at``."""
    first, last = back or (settings.usual_from_days, settings.usual_to_days)
    return [value for value in series[max(at - last, 0) : max(at - first + 1, 0)] if value is not None]


def is_low(series: Series, at: int, settings: Settings, back: tuple[int, int] | None = None) -> bool:
    """Whether day ``at`` is known and below 60 % of its usual."""
    value = series[at]
    if value is None:
        return False
    ordinary = usual(series, at, settings, back)
    return ordinary is not None and value * PPM < ordinary * settings.drop_ppm


def low_run(series: Series, at: int, settings: Settings, back: tuple[int, int] | None = None) -> list[int]:
    """The low days of the run that lasts at day ``at``, oldest first.

    A known day that is not low ends a run; days that cannot be told neither count nor end it, up to ``drop_gap_days`` in a row.
    """
    run: list[int] = []
    gap = 0
    while at >= 0 and gap <= settings.drop_gap_days:
        if series[at] is None:
            gap += 1
        elif is_low(series, at, settings, back):
            run.append(at)
            gap = 0
        else:
            break
        at -= 1
    return run[::-1]


@dataclass(slots=True)
class Watch:
    """One-sided cumulative sum (Page 1954) of the shortfall in standard deviations: sees many small shortfalls sooner than
    the rule.

    Its own false alarms do not depend on how much the pet varies, but come three times as often as the rule's: it is shown,
    and never sent.
    """

    sum_milli: int = 0

    def step(self, series: Series, at: int, settings: Settings) -> bool:
        """Take day ``at``; True where the sum passes its limit, and then it starts anew."""
        value = series[at]
        days = usual_days(series, at, settings)
        if value is None or len(days) < settings.usual_least_days:
            return False
        self.sum_milli = max(0, self.sum_milli + shortfall_milli(value, days) - settings.watch_slack_milli)
        if self.sum_milli <= settings.watch_limit_milli:
            return False
        self.sum_milli = 0
        return True


def shortfall_milli(value: int, days: Sequence[int]) -> int:
    """How far ``value`` lies below the median of ``days``, in thousandths of a standard deviation, on a logarithmic scale."""
    logs = sorted(_log_milli(day) for day in days)
    middle = logs[(len(logs) - 1) // 2]
    spread = sorted(abs(each - middle) for each in logs)[(len(logs) - 1) // 2] * SIGMA_OF_MAD_MILLI // 1_000
    least = _log_milli(max(sorted(days)[(len(days) - 1) // 2] * LEAST_RATIO_PPM // PPM, 1))
    short = middle - max(_log_milli(value), least)
    return min(max(short * 1_000 // max(spread, LEAST_SPREAD_MILLI), Z_LOW_MILLI), Z_HIGH_MILLI)


def _log_milli(value: int) -> int:
    return round(math.log(max(value, 1)) * 1_000)


def rhythm(days: Sequence[Hours]) -> list[int]:
    """Shares of a day's eating by local hour, ppm; flat where fewer than 14 ``days`` are known or nothing was eaten.

    An hour that was never seen, because nights are dark, counts as a mean one.
    """
    seen = [sum(day[hour][0] for day in days) for hour in range(HOURS)]
    eaten = [sum(day[hour][1] for day in days) for hour in range(HOURS)]
    if len(days) < USUAL_LEAST_DAYS or not sum(eaten) or not sum(seen):
        return [PPM // HOURS] * HOURS
    mean_us = sum(eaten) * PRIOR_US // sum(seen)
    rates = [(ate + mean_us) * PPM // (saw + PRIOR_US) for ate, saw in zip(eaten, seen, strict=True)]
    return [rate * PPM // sum(rates) for rate in rates]


def due_ppm(hours: Hours, shares: Sequence[int]) -> int:
    """The share of a usual day's eating that falls into the time seen; over a million on a day of 25 hours."""
    if len(set(shares)) == 1:
        return sum(hour[0] for hour in hours) * PPM // DAY_US
    return sum(share * hour[0] for share, hour in zip(shares, hours, strict=True)) // HOUR_US


def due_by(shares: Sequence[int], since_midnight_us: int) -> int:
    """The share of a day's eating that is usually eaten so long after midnight, ppm."""
    hour, rest = divmod(min(max(since_midnight_us, 0), DAY_US), HOUR_US)
    return sum(shares[:hour]) + (shares[hour] * rest // HOUR_US if hour < HOURS else 0)

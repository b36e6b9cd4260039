"""When a pet eats: the share of a day's eating that falls into each local hour, and so into the time that was seen. Pure.

A day of which a part was not seen is scaled by what is usually eaten in the rest. Minutes per hour seen would not do: without a
camera in the evening, the evening's meals are missing as well, and the rest of the day alone looks like a small appetite.
"""

from collections.abc import Sequence

from adaptd.apps.feeder.settings import DAY_US, HOUR_US, PPM, USUAL_LEAST_DAYS

HOURS = 24
PRIOR_US = 7 * HOUR_US  # what the mean of all hours weighs beside the hours seen: one week of each hour
Hours = Sequence[Sequence[int]]  # by local hour: time seen in light, eating in it, both in microseconds


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

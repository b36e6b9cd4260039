"""A cat as published numbers describe one, as a stream of events: for the figures, and for a history before the first real
one.

16 meals a day (Kane 1981), 12 to 27 minutes of eating in all (from grams a minute, Royal Canin 2010, and grams a day, Parker
2019), two peaks (Parker 2019), summer 15 % below winter (Serisier 2014). How much one cat varies from day to day nobody has
published: ``cv`` is **assumed**, log-normal with correlation ``rho`` from day to day, and the figures sweep it from 0.15 to
0.5.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from adaptd.apps.feeder.activity import Activity
from adaptd.apps.feeder.settings import DAY_US, HOUR_US, SECOND_US

PEAK_HOURS = (5.5, 18.5)
PEAK_SHARE, PEAK_SPREAD_H = 0.35, 2.0  # of the meals in each peak; the rest any time
LEAST_APART_US = 240 * SECOND_US
BITE_S = (12, 50)  # eating between two looks round
Event = tuple[int, int, Activity]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cat:
    """One animal. ``minutes`` of eating on a usual day."""

    seed: int
    minutes: float = 19.0
    meals: float = 16.0
    cv: float = 0.3
    rho: float = 0.3
    season: float = 0.15


def levels(cat: Cat, days: int) -> list[float]:
    """Eating of each day relative to the usual: log-normal, mean 1, correlated from day to day."""
    dice, spread = random.Random(f"{cat.seed} levels"), math.sqrt(math.log1p(cat.cv**2))  # noqa: S311 - a simulation
    state, found = dice.gauss(0, 1), []
    for _ in range(days):
        found.append(math.exp(spread * state - spread * spread / 2))
        state = cat.rho * state + math.sqrt(1 - cat.rho**2) * dice.gauss(0, 1)
    return found


def events(
    cat: Cat, first_us: int, days: int, appetite: Callable[[int], float] = lambda _: 1.0, day_of_year: int = 1
) -> Iterator[list[Event]]:
    """Each day's events (begin, end, what), without a gap from its first to its last microsecond; days of 24 hours.

    ``appetite`` of the day's number scales the eating: 0.5 is an animal that eats half.
    """
    for day, level in enumerate(levels(cat, days)):
        dice = random.Random(f"{cat.seed} day {day}")  # noqa: S311 - a simulation
        season = 1 + cat.season / 2 * math.cos(2 * math.pi * (day_of_year + day - 15) / 365.25)  # highest in January
        amount = level * appetite(day) * season
        yield _day(dice, cat, first_us + day * DAY_US, amount)


def _day(dice: random.Random, cat: Cat, begin_us: int, amount: float) -> list[Event]:
    made: list[Event] = []
    at = begin_us
    for start, eating_us in _meals(dice, cat, amount):
        for end, what in _meal(dice, max(begin_us + start, at + LEAST_APART_US), eating_us):
            if end > begin_us + DAY_US:
                break
            made.append((at, end, what))
            at = end
    made.append((at, begin_us + DAY_US, Activity.EMPTY))
    return made


def _meals(dice: random.Random, cat: Cat, amount: float) -> list[tuple[int, int]]:
    """Starts within the day and eating of each meal; together exactly ``amount`` of a usual day."""
    total_us = cat.minutes * 60 * SECOND_US * amount
    count = round(cat.meals * math.sqrt(amount)) if amount > 0 else 0
    weights = [dice.uniform(0.6, 1.4) for _ in range(count)]
    starts = sorted(_hour(dice) * HOUR_US for _ in range(count))
    return [(int(start), int(total_us * weight / sum(weights))) for start, weight in zip(starts, weights, strict=True)]


def _hour(dice: random.Random) -> float:
    pick = dice.random()
    if pick < 2 * PEAK_SHARE:
        return dice.gauss(PEAK_HOURS[pick < PEAK_SHARE], PEAK_SPREAD_H) % 23.5
    return dice.uniform(0, 23.5)


def _meal(dice: random.Random, start_us: int, eating_us: int) -> Iterator[tuple[int, Activity]]:
    """The ends of: nobody, walks up, eats with looks round, goes."""
    at = start_us
    yield at, Activity.EMPTY
    at += dice.randint(4, 15) * SECOND_US
    yield at, Activity.PRESENT
    left = eating_us
    while left > 0:
        bite = min(dice.randint(*BITE_S) * SECOND_US, left)
        bite = left if left - bite < 5 * SECOND_US else bite
        at, left = at + bite, left - bite
        yield at, Activity.EATING
        at += dice.randint(3, 12) * SECOND_US
        yield at, Activity.PRESENT

"""The figures of the feeder's alerts by simulation: false alarms a cat-month, what is found and how soon, with 95 %
intervals.

    python -m tests.apps.feeder_figures [--cats 2000] [--stream-cats 120] [--jobs 2] [--seed 5000]

Two forms. *Days*: the shipped rules on series of days (log-normal, correlated 0.3 from day to day), thousands of cats.
*Streams*: cats of the published numbers as events through bouts, windows, store, days, rules and messages. How much one cat
varies from day to day nobody has published: the coefficient of variation (CV) is assumed and swept. The rules were tuned on other
seeds than the default ones.
"""

import argparse
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from adaptd.apps.feeder.activity import Activity
from adaptd.apps.feeder.finding import Rule, Verdict, read_findings
from adaptd.apps.feeder.rules import SHORT, TRAILING, Watch, is_low
from adaptd.apps.feeder.settings import DAY_US, HOUR_US, SECOND_US, Settings
from adaptd.apps.feeder.simulated_cat import Cat, events, levels
from tests.apps.streams import BEGIN_US, FP16, House, day_of

MONTH = 30.4
S = Settings()
USUAL_US = 1_140 * SECOND_US
START = 40
FIRST_JUDGED = S.usual_from_days + S.usual_least_days  # of a stream: the first day that has a usual, on few days still
STREAM_DAYS = 300
FELL = 60
Series = list[int | None]


@dataclass(frozen=True)
class Figure:
    """A mean with the half width of its 95 % interval; cats are independent, so the interval is over cats."""

    mean: float
    half: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.half:.3f}"


def figure(values: Sequence[float]) -> Figure:
    """Mean over cats."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return Figure(statistics.fmean(values), 1.96 * spread / math.sqrt(len(values)))


def proportion(hits: Sequence[bool]) -> Figure:
    """Share of cats, with Wilson's interval (its half width)."""
    n, p, z = len(hits), sum(hits) / len(hits), 1.96
    return Figure(p, z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))


def days_of(cat: Cat, days: int, appetite: Callable[[int], float] = lambda _: 1.0, outages: bool = False) -> Series:
    """Eating in 24 h of each day; with outages one day in ten loses half, and three-day gaps begin on one day in a hundred."""
    series: Series = [int(USUAL_US * level * appetite(day)) for day, level in enumerate(levels(cat, days))]
    if outages:
        dice = random.Random(f"outage {cat.seed}")
        for day in range(days):
            if dice.random() < 0.1:
                series[day] = None
            if dice.random() < 0.01:
                series[day : day + 3] = [None] * len(series[day : day + 3])
    return series


def alarms(series: Series, back: tuple[int, int] | None = None, start: int = START, gap: int = S.drop_gap_days) -> list[int]:
    """Days on which the drop rule fires: the third low day of a run; ``rules.low_run`` step by step, which a test holds it to."""
    run, blind, fired = 0, 0, []
    for at in range(start, len(series)):
        if series[at] is None:
            blind += 1
            run = run if blind <= gap else 0
            continue
        blind = 0
        run = run + 1 if is_low(series, at, S, back) else 0
        if run == S.drop_days:
            fired.append(at)
    return fired


def watched(series: Series, start: int = START) -> list[int]:
    """Days on which the watch fires."""
    watch = Watch()
    return [at for at in range(start, len(series)) if watch.step(series, at, S)]


RULES: dict[str, Callable[[Series], list[int]]] = {
    "alert, usual lagged": alarms,
    "control: usual trailing": lambda series: alarms(series, TRAILING),
    "control: days 8 to 35, a blind day ends a run": lambda series: alarms(series, SHORT, gap=0),
    "watch": watched,
}


def false_alarms(cv: float, seeds: range, days: int, rule: str, *, outages: bool = False) -> Figure:
    """Alarms a cat-month of healthy cats."""
    months = (days - START) / MONTH
    lives = (days_of(Cat(seed=seed, cv=cv, season=0.0), days, outages=outages) for seed in seeds)
    return figure([len(RULES[rule](life)) / months for life in lives])


def found_within(
    cv: float, seeds: range, rule: str, appetite: Callable[[int], float], within: Sequence[int], *, outages: bool = False
) -> list[Figure]:
    """Share of cats that are found within so many days of the fall."""
    firsts = []
    for seed in seeds:
        fired = RULES[rule](days_of(Cat(seed=10**6 + seed, cv=cv, season=0.0), FELL + max(within) + 1, appetite, outages))
        firsts.append(min((at - FELL + 1 for at in fired if at >= FELL), default=10**6))
    return [proportion([first <= days for first in firsts]) for days in within]


def halved(day: int) -> float:
    """Half from day 60 on."""
    return 0.5 if day >= FELL else 1.0


def declining(day: int) -> float:
    """From all to half over 28 days from day 60 on."""
    return max(1.0 - max(day - FELL, 0) / 56, 0.5)


def table_days(seeds: range, jobs: int) -> Iterator[str]:
    """The table on series of days: for each rule, without and with outages."""
    yield "| CV | rule | outages | false alarms a cat-month | halving within 3 / 7 / 14 d | decline by d 42 |"
    yield "|---|---|---|---|---|---|"
    rows = [(cv, rule, outages) for cv in (0.15, 0.2, 0.3, 0.4, 0.5) for rule in RULES for outages in (False, True)]
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(row_of, rows, repeat(seeds))


def row_of(kind: tuple[float, str, bool], seeds: range) -> str:
    """One line of it."""
    cv, rule, outages = kind
    found = found_within(cv, seeds, rule, halved, (3, 7, 14), outages=outages)
    cells = [
        cv,
        rule,
        "yes" if outages else "no",
        false_alarms(cv, seeds, 400, rule, outages=outages),
        " / ".join(f"{each.mean:.2f}" for each in found) + f" (± {found[2].half:.2f})",
        found_within(cv, seeds, rule, declining, (42,), outages=outages)[0],
    ]
    return f"| {' | '.join(map(str, cells))} |"


def outage(seed: int, at: int) -> bool:
    """Whether this cat's camera is off at an instant: 12 h on one day in ten, and three days from one day in a hundred on."""
    day, within = divmod(at - BEGIN_US, DAY_US)
    if any(random.Random(f"gone {seed} {day - back}").random() < 0.01 for back in range(3)):
        return True
    return random.Random(f"off {seed} {day}").random() < 0.1 and within >= 12 * HOUR_US


def stream(cat: Cat, days: int, appetite: Callable[[int], float], *, outages: bool, folder: Path) -> House:
    """One cat through the whole monitor; the caller closes the store."""
    house = House(folder / f"{cat.seed}-{time.monotonic_ns()}.sqlite3")
    house.store.base.execute("PRAGMA synchronous = OFF")  # a simulation needs no safety against power cuts
    house.live(events(cat, BEGIN_US, days, appetite), lambda at: None if outages and outage(cat.seed, at) else FP16)
    return house


def stream_drop_days(cat: Cat, days: int, appetite: Callable[[int], float], *, outages: bool, folder: Path) -> list[int]:
    """Days (numbers) on which this cat's clinical message left."""
    house = stream(cat, days, appetite, outages=outages, folder=folder)
    found = [
        (made - BEGIN_US) // DAY_US
        for made, one in read_findings(house.store, limit=10_000)
        if (one.rule, one.verdict) == (Rule.DROP, Verdict.ALERT)
    ]
    house.store.close()
    house.path.unlink()
    return sorted(int(each) for each in found)


def refusal_hours(cat: Cat, *, outages: bool, folder: Path) -> float:
    """Hours of time seen from the last bite to the clinical message, when the cat stops eating at day 12."""
    house = stream(cat, 12, lambda _: 1.0, outages=outages, folder=folder)
    at, seen, before = day_of(12), 0, 0
    last = house.store.base.execute("SELECT max(end_us) FROM bouts").fetchone()[0]
    before = house.store.base.execute("SELECT total(sure_us) FROM windows WHERE start_s * 1000000 >= ?", (last,)).fetchone()[0]
    while "clinical" not in house.rules_left() and seen < 60 * HOUR_US:
        off = outages and outage(cat.seed, at)
        house.see(at, at + HOUR_US // 4, Activity.EMPTY, None if off else FP16)
        seen += 0 if off else HOUR_US // 4
        at += HOUR_US // 4
        house.monitor.tick(at, force=True)
    house.store.close()
    return (before + seen) / HOUR_US


@dataclass(frozen=True)
class Life:
    """What one cat's three lives gave: healthy, halved and declining from day 60 on, and one that stops eating."""

    false_alarms: int
    halving_day: int
    decline_day: int
    refusal_h: float


def lives(seed: int, outages: bool) -> Life:
    """Every life of one cat of CV 0.3 and season 15 % as event streams. A day's message is made an hour into the next."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def first_day(kind: int, days: int, appetite: Callable[[int], float]) -> int:
            fired = stream_drop_days(Cat(seed=kind * 10**6 + seed), days, appetite, outages=outages, folder=folder)
            return min((day - FELL for day in fired if day > FELL), default=10**6)

        quiet = stream_drop_days(Cat(seed=seed), STREAM_DAYS, lambda _: 1.0, outages=outages, folder=folder)
        return Life(
            len(quiet),
            first_day(1, 75, halved),
            first_day(3, 103, declining),
            refusal_hours(Cat(seed=2 * 10**6 + seed), outages=outages, folder=folder),
        )


def table_streams(seeds: range, jobs: int) -> Iterator[str]:
    """The table on event streams, CV 0.3."""
    yield "| event streams, CV 0.3, season 15 % | without outages | with outages |"
    yield "|---|---|---|"
    months = (STREAM_DAYS - FIRST_JUDGED) / MONTH
    columns: list[list[str]] = []
    for outages in (False, True):
        with ProcessPoolExecutor(jobs) as pool:
            found = list(pool.map(lives, seeds, repeat(outages)))
        columns.append([
            f"{figure([life.false_alarms / months for life in found])}",
            *(f"{proportion([life.halving_day <= days for life in found])}" for days in (3, 7, 14)),
            f"{proportion([life.decline_day <= 42 for life in found])}",
            f"{proportion([life.refusal_h <= 26 for life in found])}, longest {max(life.refusal_h for life in found):.1f} h",
        ])  # fmt: skip
    labels = (
        "false alarms a cat-month",
        *(f"halving found in {days} d" for days in (3, 7, 14)),
        "decline found by d 42",
        "full refusal told within 26 h seen",
    )
    for label, without, with_outages in zip(labels, *columns, strict=True):
        yield f"| {label} | {without} | {with_outages} |"


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cats", type=int, default=2_000)
    parser.add_argument("--stream-cats", type=int, default=120)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, default=5_000, help="of the first cat; the rules were tuned on cats below 5000")
    wanted = parser.parse_args()
    begin = time.monotonic()
    for line in table_days(range(wanted.seed, wanted.seed + wanted.cats), wanted.jobs) if wanted.cats else ():
        print(line, flush=True)
    print(flush=True)
    for line in table_streams(range(wanted.seed, wanted.seed + wanted.stream_cats), wanted.jobs):
        print(line, flush=True)
    print(f"\n{wanted.cats} cats of 400 days, {wanted.stream_cats} as streams, {time.monotonic() - begin:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

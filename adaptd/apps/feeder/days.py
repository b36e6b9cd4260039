"""Local days out of five-minute windows: 23, 24 or 25 hours long, each with what was seen of it.

A day is judged by the time seen: what was eaten in it, scaled by the share of the usual eating that falls into it. Below 60 %
of the time, or of the usual eating, seen in light it is "cannot tell" and has no figure.
"""

import json
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from adaptd.apps.feeder.basis import Basis, Share
from adaptd.apps.feeder.rules import HOURS, Hours, due_ppm, rhythm
from adaptd.apps.feeder.settings import DAY_US, HOUR_US, PPM, SECOND_US, USUAL_FROM_DAYS, USUAL_TO_DAYS, WINDOW_US, Settings
from adaptd.apps.feeder.store import Store

GRACE_US = 2 * WINDOW_US  # after midnight, until the last bout of the day is written
# A window that was lived through twice, because the clock went back, counts once: eating in it is scaled to its length.
EATEN = "CASE WHEN w.sure_us > :cap THEN e.sure_eating_us * :cap / w.sure_us ELSE e.sure_eating_us END"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One local day of one pet. ``eating_us`` is what was seen in light; ``dark_eating_us`` came on top and is not judged.

    ``due_ppm`` is the share of a usual day's eating that falls into the time seen in light, ``hours`` that time by local hour.
    """

    day: date
    pet: str
    span_us: int
    seen_us: int
    sure_us: int
    eating_us: int
    dark_eating_us: int
    bouts: int
    basis: Basis
    hours: Hours
    due_ppm: int

    @property
    def coverage_ppm(self) -> int:
        """Share of the day that was seen in light."""
        return min(self.sure_us * PPM // self.span_us, PPM)

    def known(self, settings: Settings) -> bool:
        """Whether enough was seen to judge the day."""
        return min(self.coverage_ppm, self.due_ppm) >= settings.coverage_ppm

    def eating_24h_us(self, settings: Settings) -> int | None:
        """Eating in 24 hours, by the share of it that was seen; None is "cannot tell"."""
        return self.eating_us * PPM // self.due_ppm if self.known(settings) and self.due_ppm else None


COLUMNS = tuple(each.name for each in fields(Day))  # of the table ``days``


def bounds(day: date, zone: tzinfo) -> tuple[int, int]:
    """First and last instant of a local day, UTC microseconds; 23 or 25 hours apart where the clocks change."""
    first, after = (datetime(each.year, each.month, each.day, tzinfo=zone) for each in (day, day + timedelta(days=1)))
    return int(first.timestamp()) * SECOND_US, int(after.timestamp()) * SECOND_US


def local_day(utc_us: int, zone: tzinfo) -> date:
    """The local day that holds an instant."""
    return datetime.fromtimestamp(utc_us / SECOND_US, tz=zone).date()


def pets_of(store: Store) -> list[str]:
    """Every pet that ever ate; the household where none has."""
    rows = store.base.execute("SELECT DISTINCT pet FROM eating UNION SELECT DISTINCT pet FROM days ORDER BY 1").fetchall()
    names = [str(row[0]) for row in rows]
    return [name for name in names if name] or ([""] if not names or "" in names else names)


def read_day(store: Store, day: date, pet: str, zone: tzinfo, until_us: int) -> Day:
    """A day from its windows, up to ``until_us`` (now): what lies later was written under a wrong clock."""
    low, high = bounds(day, zone)
    until = min(high, until_us)
    part = (low // SECOND_US, until // SECOND_US)
    seen, sure = seen_within(store, part)
    hours = _hours(store, part, pet, zone)
    row = store.base.execute(
        f"SELECT total(e.eating_us), total(e.sure_eating_us), total({EATEN}) "  # noqa: S608 - our own words
        "FROM eating e LEFT JOIN windows w USING(start_s) WHERE e.start_s >= :low AND e.start_s < :high AND e.pet = :pet",
        {"cap": WINDOW_US, "low": part[0], "high": part[1], "pet": pet},
    ).fetchone()
    bouts = store.base.execute(
        "SELECT count(*) FROM bouts WHERE start_us >= ? AND start_us < ? AND pet = ? AND ending != 'resting'", (low, until, pet)
    ).fetchone()
    return Day(
        day=day,
        pet=pet,
        span_us=high - low,
        seen_us=seen,
        sure_us=sure,
        eating_us=max(int(row[2]), 0),
        dark_eating_us=max(int(row[0]) - int(row[1]), 0),
        bouts=int(bouts[0]),
        basis=read_basis(store, low, until),
        hours=hours,
        due_ppm=due_ppm(hours, rhythm_of(store, day, pet)),
    )


def rhythm_of(store: Store, day: date, pet: str) -> list[int]:
    """Shares of a day's eating by local hour, ppm, from the days that make the usual of ``day``."""
    first, last = day - timedelta(days=USUAL_TO_DAYS), day - timedelta(days=USUAL_FROM_DAYS)
    rows = store.base.execute(
        "SELECT hours FROM days WHERE pet = ? AND hours != '[]' AND day BETWEEN ? AND ?",
        (pet, first.isoformat(), last.isoformat()),
    )
    return rhythm([json.loads(row[0]) for row in rows])


def read_basis(store: Store, low_us: int, high_us: int) -> Basis:
    """What the windows between two instants rest on."""
    rows = store.base.execute(
        "SELECT variant, band, max(efficient), sum(seen_us), sum(frames), sum(unproven_us), "
        "CASE WHEN count(bound_ppm) = count(*) THEN max(bound_ppm) END FROM basis WHERE start_s >= ? AND start_s < ? "
        "GROUP BY variant, band ORDER BY variant, band",
        (low_us // SECOND_US, high_us // SECOND_US),
    ).fetchall()
    return Basis(
        tuple(
            Share(variant=r[0], band=r[1], efficient=bool(r[2]), seen_us=r[3], frames=r[4], unproven_us=r[5], bound_ppm=r[6])
            for r in rows
        )
    )


def close_day(store: Store, day: Day) -> None:
    """Write a day down that is over; days outlive their windows."""
    row = {
        **{name: getattr(day, name) for name in COLUMNS},
        "day": day.day.isoformat(),
        "basis": json.dumps([asdict(share) for share in day.basis.shares], sort_keys=True),
        "hours": json.dumps(day.hours, separators=(",", ":")),
    }
    store.base.execute(f"INSERT OR REPLACE INTO days({', '.join(row)}) VALUES({', '.join(f':{name}' for name in row)})", row)


def close_days(store: Store, zone: tzinfo, now_us: int) -> list[date]:
    """Write down every day that is over and not yet written; returns them."""
    row = store.base.execute("SELECT max(day) FROM days").fetchone()
    day = date.fromisoformat(row[0]) + timedelta(days=1) if row[0] else first_day(store, zone)
    closed: list[date] = []
    while day is not None and bounds(day, zone)[1] + GRACE_US <= now_us:
        with store.transaction():
            for pet in pets_of(store):
                close_day(store, read_day(store, day, pet, zone, now_us))
        closed.append(day)
        day += timedelta(days=1)
    return closed


def closed_days(store: Store, pet: str, first: date, last: date) -> dict[date, Day]:
    """Days that are over, by date, ``first`` and ``last`` included."""
    rows = store.base.execute(
        f"SELECT {', '.join(COLUMNS)} FROM days WHERE pet = ? AND day BETWEEN ? AND ?",  # noqa: S608 - our own words
        (pet, first.isoformat(), last.isoformat()),
    ).fetchall()
    return {day.day: day for day in map(_from_row, rows)}


def first_day(store: Store, zone: tzinfo) -> date | None:
    row = store.base.execute("SELECT min(start_s) FROM windows").fetchone()
    return None if row[0] is None else local_day(int(row[0]) * SECOND_US, zone)


def seen_within(store: Store, part: tuple[int, int]) -> tuple[int, int]:
    """Time seen, and of it in light, in the windows from ``part[0]`` to before ``part[1]`` (seconds).

    A window that was lived through twice, because the clock went back, counts once.
    """
    row = store.base.execute(
        "SELECT total(min(seen_us, ?)), total(min(sure_us, ?)) FROM windows WHERE start_s >= ? AND start_s < ?",
        (WINDOW_US, WINDOW_US, *part),
    ).fetchone()
    return int(row[0]), int(row[1])


def _hours(store: Store, part: tuple[int, int], pet: str, zone: tzinfo) -> list[list[int]]:
    """By local hour: time seen in light and eating in it; an hour that comes twice, in autumn, holds both."""
    rows = store.base.execute(
        f"SELECT (w.start_s - :low) / 3600, total(min(w.sure_us, :cap)), total({EATEN}) FROM windows w "  # noqa: S608 - our own words
        "LEFT JOIN eating e ON e.start_s = w.start_s AND e.pet = :pet WHERE w.start_s >= :low AND w.start_s < :high GROUP BY 1",
        {"cap": WINDOW_US, "low": part[0], "high": part[1], "pet": pet},
    ).fetchall()
    found = [[0, 0] for _ in range(HOURS)]
    for number, sure, eaten in rows:
        hour = found[datetime.fromtimestamp(part[0] + number * HOUR_US // SECOND_US, tz=zone).hour]
        hour[0] += int(sure)
        hour[1] += max(int(eaten), 0)
    return found


def _from_row(row: tuple[Any, ...]) -> Day:
    plain = dict(zip(COLUMNS, row, strict=True))
    plain["day"] = date.fromisoformat(plain["day"])
    plain["basis"] = Basis(tuple(Share(**share) for share in json.loads(plain["basis"])))
    plain["hours"] = json.loads(plain["hours"])
    if plain["due_ppm"] is None:  # a day of an older version
        plain["due_ppm"] = plain["sure_us"] * PPM // DAY_US
    return Day(**plain)

"""What the monitor knows, as JSON: `adaptd feeder today --json`, `history --json`, `alerts --json`. Read by the gateway's page.

Seconds and ppm are whole numbers, times are local with their offset (ISO 8601); ``null`` means "cannot tell".
"""

from dataclasses import asdict
from datetime import date, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any

from adaptd.apps.feeder import words
from adaptd.apps.feeder.days import Day, bounds, closed_days, local_day, pets_of, read_day, rhythm_of
from adaptd.apps.feeder.finding import read_findings
from adaptd.apps.feeder.judge import LOOK_BACK_DAYS, Past
from adaptd.apps.feeder.notes import read_notes
from adaptd.apps.feeder.rules import TRAILING, due_by, is_low, usual
from adaptd.apps.feeder.settings import PPM, SECOND_US, Settings
from adaptd.apps.feeder.store import Store

VERSION = 1
SHOWN_ALERTS = 12


def today(store: Store, settings: Settings, zone: tzinfo, now_us: int) -> dict[str, Any]:
    """The day so far: bouts, windows, and what it rests on."""
    day = local_day(now_us, zone)
    pets = [_today_of(store, settings, zone, now_us, pet, day) for pet in pets_of(store)]
    return {"v": VERSION, "day": day.isoformat(), "made": _iso(now_us, zone), "pets": pets, "trouble": trouble(store, now_us)}


def history(store: Store, settings: Settings, zone: tzinfo, now_us: int, days: int = 35) -> dict[str, Any]:
    """Days that are over against their usual, the weeks they make, and the notes."""
    last = local_day(now_us, zone) - timedelta(days=1)
    notes = read_notes(store)
    pets = []
    for pet in pets_of(store):
        past = Past(closed_days(store, pet, last - timedelta(days=LOOK_BACK_DAYS + days), last), last, notes, settings)
        rows = _rows(past, days)
        pets.append({"pet": pet, "name": words.who(pet), "days": rows, "weeks": _weeks(rows)})
    told = [
        {"kind": n.kind.value, "from": n.first.isoformat(), "to": n.last.isoformat() if n.last else None, "text": n.text}
        for n in notes
    ]
    return {"v": VERSION, "made": _iso(now_us, zone), "pets": pets, "notes": told, "trouble": trouble(store, now_us)}


def alerts(store: Store, zone: tzinfo, limit: int = 50) -> dict[str, Any]:
    """What was found, newest first."""
    rows = [
        {**asdict(one), "made": _iso(made, zone), "rule": one.rule.value, "verdict": one.verdict.value}
        for made, one in read_findings(store, limit)
    ]
    return {"v": VERSION, "alerts": rows}


def view(store: Store, settings: Settings, zone: tzinfo, now_us: int) -> dict[str, Any]:
    """All that the gateway's page shows: the day so far, five weeks, and the newest findings."""
    return {
        "v": VERSION,
        "made_utc_ms": now_us // 1_000,
        "alert_share_ppm": settings.drop_ppm,
        "coverage_ppm": settings.coverage_ppm,
        "today": today(store, settings, zone, now_us),
        "history": history(store, settings, zone, now_us),
        "alerts": alerts(store, zone, SHOWN_ALERTS)["alerts"],
    }


def trouble(store: Store, now_us: int) -> list[str]:
    """What makes the figures doubtful."""
    ahead = store.base.execute("SELECT count(*) FROM windows WHERE start_s > ?", (now_us // SECOND_US + 86_400,)).fetchone()[0]
    return [f"{ahead} windows lie in the future: a clock was wrong; they are left out until their time comes"] if ahead else []


def day_document(day: Day, settings: Settings) -> dict[str, Any]:
    eaten = day.eating_24h_us(settings)
    return {
        "day": day.day.isoformat(),
        "hours": day.span_us // (3_600 * SECOND_US),
        "coverage_ppm": day.coverage_ppm,
        "due_ppm": day.due_ppm,  # of a usual day's eating falls into the time seen
        "eating_s": day.eating_us // SECOND_US,
        "eating_24h_s": None if eaten is None else eaten // SECOND_US,
        "dark_eating_s": day.dark_eating_us // SECOND_US,
        "bouts": day.bouts,
        "rests_on": {**day.basis.document(), "words": words.basis_line(day.basis)},
    }


def _today_of(store: Store, settings: Settings, zone: tzinfo, now_us: int, pet: str, day: date) -> dict[str, Any]:
    low, high = bounds(day, zone)
    rows = store.base.execute(
        "SELECT start_us, end_us, eating_us, pauses, score_ppm, band, sure, ending FROM bouts WHERE pet = ? AND end_us > ? AND "
        "start_us < ? ORDER BY start_us",
        (pet, low, min(high, now_us)),
    ).fetchall()
    keys = ("eating_s", "pauses", "score_ppm", "band", "sure", "ending")
    bouts = [
        {"start": _iso(row[0], zone), "end": _iso(row[1], zone), **dict(zip(keys, (_seconds(row[2]), *row[3:]), strict=True))}
        for row in rows
    ]
    for bout in bouts:
        bout["sure"] = bool(bout["sure"])
    past = Past(closed_days(store, pet, day - timedelta(days=LOOK_BACK_DAYS), day), day, read_notes(store), settings)
    first, series = past.series()
    ordinary, shares = usual(series, (day - first).days, settings), rhythm_of(store, day, pet)
    return {
        "pet": pet,
        "name": words.who(pet),
        **day_document(read_day(store, day, pet, zone, now_us), settings),
        "usual_s": None if ordinary is None else ordinary // SECOND_US,
        "usual_by_now_s": None if ordinary is None else ordinary * due_by(shares, now_us - low) // PPM // SECOND_US,
        "bouts_today": bouts,
        "windows": _windows(store, pet, low, min(high, now_us), zone),
    }


def _windows(store: Store, pet: str, low_us: int, high_us: int, zone: tzinfo) -> list[list[Any]]:
    """Every five minutes that were seen: start, seconds seen, seconds seen in light, seconds of eating."""
    rows = store.base.execute(
        "SELECT w.start_s, w.seen_us, w.sure_us, ifnull(e.eating_us, 0) FROM windows w "
        "LEFT JOIN eating e ON e.start_s = w.start_s AND e.pet = ? WHERE w.start_s >= ? AND w.start_s < ? ORDER BY w.start_s",
        (pet, low_us // SECOND_US, high_us // SECOND_US),
    ).fetchall()
    return [[_iso(row[0] * SECOND_US, zone), *(value // SECOND_US for value in row[1:])] for row in rows]


def _rows(past: Past, days: int) -> list[dict[str, Any]]:
    first, series = past.series()
    found = []
    for at in range(max(len(series) - days, 0), len(series)):
        day = past.days.get(first + timedelta(days=at))
        if day is None:
            continue
        ordinary, trailing = usual(series, at, past.settings), usual(series, at, past.settings, TRAILING)
        row = day_document(day, past.settings)
        row["counts"] = series[at] is not None
        row["usual_s"] = None if ordinary is None else ordinary // SECOND_US
        row["trailing_usual_s"] = None if trailing is None else trailing // SECOND_US
        row["low"] = is_low(series, at, past.settings)
        found.append(row)
    return found


def _weeks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """ISO weeks: the mean of their known days."""
    weeks = []
    for week, members in groupby(rows, key=lambda row: "{}-W{:02}".format(*date.fromisoformat(row["day"]).isocalendar()[:2])):
        known = [row["eating_24h_s"] for row in members if row["eating_24h_s"] is not None]
        weeks.append({"week": week, "known_days": len(known), "eating_24h_s": sum(known) // len(known) if known else None})
    return weeks


def _seconds(length_us: int) -> int:
    return (length_us + SECOND_US // 2) // SECOND_US


def _iso(utc_us: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(utc_us // SECOND_US, tz=zone).isoformat()

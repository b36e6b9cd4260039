"""One page with every box by its health, what is wrong first; drawn with the house's charts, complete in itself."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from adaptd.drawing.axes import Scale, TimeAxis, linear
from adaptd.drawing.pages import render
from adaptd.drawing.panel import Panel
from adaptd.drawing.svg import Svg, box, element
from adaptd.fleet import rollout, store
from adaptd.fleet.ask import Answer, ask

SILENT_MS = 3 * 3_600_000
BAD, WARN, GOOD = "bad", "warn", "good"
CELL, GAP, ACROSS = 18, 4, 48
HEAT_WARN_C = 80.0
HOT = "grows warmer by {1} C a day over {0} days"
TOP, BOTTOM = 24.0, 170.0


class Table(NamedTuple):
    """What the template's table takes: (class, name) of each column, cells, and what is said where there are none."""

    columns: tuple[tuple[str, str], ...]
    rows: Sequence[tuple[Any, ...]]
    empty: str


@dataclass(frozen=True, slots=True)
class Health:
    """One box on the map."""

    name: str
    kind: str
    words: str


def page(folder: Path, database: sqlite3.Connection, now_ms: int) -> str:
    """The page's HTML. Raises AskError where there is no lake yet."""
    alarms = store.alarms(database)
    broken, hot = ask(folder, "broken"), ask(folder, "drifting-hot")
    boxes = healths(database, alarms, now_ms, _notes(broken, "its accuracy statement in {} light is broken"), _notes(hot, HOT))
    counts = {kind: sum(one.kind == kind for one in boxes) for kind in (BAD, WARN, GOOD)}
    totals = ask(folder, TOTALS).plain()[0]
    kind = BAD if counts[BAD] else WARN if counts[WARN] else GOOD
    verdict = {
        BAD: f"{counts[BAD]} of {len(boxes)} boxes need a person to look",
        WARN: f"{counts[WARN]} of {len(boxes)} boxes are silent or too warm",
        GOOD: f"all {len(boxes)} boxes are well",
    }[kind]
    return render(
        "fleet/fleet.html.j2",
        title="adaptd fleet",
        span=f"written {_moment(now_ms)} UTC",
        kind=kind,
        verdict=verdict,
        counts=counts,
        tiles=_tiles(totals, len(boxes)),
        map=_map(boxes),
        panels=_panels(ask(folder, HOURLY)),
        alarms=_alarms(alarms),
        rollouts=_rollouts(database),
        energy=_table(ask(folder, "worst-energy"), "power was never measured"),
        hot=_table(hot, "no box grows warmer from day to day"),
        never=_table(ask(folder, "never-int8", 20), "every band with frames was served by the efficient engine at some time"),
        broken=_table(broken, "every accuracy statement holds"),
        versions=_table(ask(folder, "versions"), "no box was heard"),
    )


TOTALS = """SELECT round(sum(energy_j) / 3.6e6, 2) AS energy_kwh, sum(delivered_frames)::BIGINT AS frames,
    sum(hours)::BIGINT AS hours,
    (SELECT sum(efficient) / greatest(1, sum(delivered)) FROM band_days) AS efficient_share FROM days"""
HOURLY = """SELECT epoch_ms(time_bucket(INTERVAL 1 hour, make_timestamp(from_utc_ms * 1000))) AS at_ms,
    quantile_cont(heat_mean_c, 0.05) AS low_c, median(heat_mean_c) AS mid_c, quantile_cont(heat_mean_c, 0.95) AS high_c,
    sum(energy_j) / 3600 AS energy_wh, count(DISTINCT box) AS boxes
    FROM hours WHERE clock = 'ok' GROUP BY at_ms ORDER BY at_ms"""


def _notes(answer: Answer, words: str) -> dict[str, str]:
    """What is to be said of each box that the answer names in its first column."""
    return {str(row[0]): words.format(*row[1:]) for row in reversed(answer.rows)}


def healths(
    database: sqlite3.Connection,
    alarms: Sequence[tuple[str, str, str, int, int, int]],
    now_ms: int,
    broken: dict[str, str],
    hot: dict[str, str],
) -> list[Health]:
    """Every box, what is wrong first."""
    worst = {name: f"{kind}: {words}" for name, kind, words, *_ in reversed(alarms)}
    found = []
    for name in store.names(database):
        known = store.load_box(database, name)
        heat_c, board = known.face.get("heat_max_c"), known.face.get("board") or "board unknown"
        if bad := worst.get(name) or broken.get(name):
            found.append(Health(name, BAD, bad))
        elif name in hot:
            found.append(Health(name, WARN, hot[name]))
        elif now_ms - known.heard_ms > SILENT_MS:
            found.append(Health(name, WARN, f"silent since {_moment(known.heard_ms)} UTC"))
        elif isinstance(heat_c, (int, float)) and heat_c > HEAT_WARN_C:
            found.append(Health(name, WARN, f"{heat_c:g} C in its last hour"))
        else:
            found.append(Health(name, GOOD, f"{board}, {known.face.get('policy') or 'no policy known'}"))
    return sorted(found, key=lambda one: (BAD, WARN, GOOD).index(one.kind))


def _map(boxes: Sequence[Health]) -> Svg:
    """A square a box, coloured by its health; its name and what is wrong are told to whoever points at it."""
    step = CELL + GAP
    across = min(ACROSS, max(12, len(boxes)))
    cells = [
        box(
            at % across * step, at // across * step, CELL, CELL, element("title", f"{one.name}: {one.words}"),
            cls=f"cell {one.kind}", rx=3,
        )
        for at, one in enumerate(boxes)
    ]  # fmt: skip
    rows = -(-len(boxes) // across)
    size = f"0 0 {across * step} {max(1, rows) * step}"
    return element("svg", *cells, cls="map", viewBox=size, role="img", aria_label=f"{len(boxes)} boxes by health")


def _panels(answer: Answer) -> list[Svg]:
    """Temperature and energy of the whole fleet, hour by hour."""
    rows = answer.plain()
    if len(rows) < 2:
        return []
    begin_ms = int(rows[0]["at_ms"])
    xs_us = [(int(row["at_ms"]) - begin_ms) * 1000.0 for row in rows]
    axis = TimeAxis(int(xs_us[-1]), ((0, begin_ms),))
    xs = [axis.x(at_us) for at_us in xs_us]
    low, high = [row["low_c"] for row in rows], [row["high_c"] for row in rows]
    known = [value for value in (*low, *high) if value is not None]
    heat = Panel(axis, linear(known, (), TOP, BOTTOM), "Temperature", "C, mean of the hour")
    heat.area(xs, low, high, "hot")
    heat.line(xs, [row["mid_c"] for row in rows], "hot")
    heat.key([("median box, and 5 % to 95 % of them", "hot")])
    watts = [None if row["energy_wh"] is None else row["energy_wh"] for row in rows]
    top = max((value for value in watts if value is not None), default=1.0)
    energy = Panel(axis, Scale(0, 1.1 * top, TOP, BOTTOM), "Energy of the fleet", "Wh an hour")
    energy.line(xs, watts, "watt", stepped=True)
    return [heat.svg("Temperature of the fleet, hour by hour"), energy.svg("Energy of the fleet, hour by hour")]


def _alarms(alarms: Sequence[tuple[str, str, str, int, int, int]]) -> Table:
    columns = (("mono", "box"), ("", "kind"), ("", "what"), ("", "last (UTC)"), ("n", "times"))
    rows = [(name, kind, words, _moment(last_ms), times) for name, kind, words, _, last_ms, times in alarms[:50]]
    return Table(columns, rows, "no fork, rollback, gap or refused message")


def _rollouts(database: sqlite3.Connection) -> Table:
    columns = (("n", "no."), ("", "what"), ("", "state"), ("", "wave"), ("n", "good"), ("n", "bad"), ("", "why"))
    rows = []
    for one in reversed(rollout.load_all(database)):
        said = rollout.outcomes(database, one.id).values()
        good, bad = sum(kind in rollout.SUCCESS for kind in said), sum(kind in rollout.ERROR for kind in said)
        wave = f"{one.wave + 1} of {len(one.groups)}"
        name = f"policy {one.name}" if one.pack is None else f"pack {one.name}"
        rows.append((one.id, name, one.state.value, wave, good, bad, one.why))
    return Table(columns, rows, "nothing was rolled out")


def _tiles(totals: dict[str, Any], boxes: int) -> list[tuple[str, str]]:
    share = totals["efficient_share"]
    return [
        (f"{boxes:,}", "boxes"),
        (f"{totals['energy_kwh'] or 0:,} kWh", "energy in the lake"),
        (f"{(totals['frames'] or 0) / 1e6:,.1f} million", "frames delivered"),
        ("-" if share is None else f"{100 * share:.0f} %", "of them by an efficient engine"),
        (f"{totals['hours']:,}", "hours of summaries"),
    ]


def _table(answer: Answer, empty: str) -> Table:
    numbers = [bool(answer.rows) and isinstance(answer.rows[0][at], (int, float)) for at in range(len(answer.columns))]
    columns = tuple(("n" if number else "", _heading(name)) for number, name in zip(numbers, answer.columns, strict=True))
    return Table(columns, [tuple(map(_cell, row)) for row in answer.rows], empty)


def _cell(value: object) -> object:
    """A dash for what is not known, and whole numbers with their thousands apart."""
    if value is None:
        return "-"
    return f"{value:,}" if type(value) is int else value


def _heading(name: str) -> str:
    """A column's name for people, with its unit."""
    units = {"_wh": " (Wh)", "_c_per_day": "warmer by (C a day)", "_c": " (C)", "_ppm": " (ppm)", "_per_j": " per joule"}
    for end, words in units.items():
        if f"_{name}".endswith(end):
            return (name.removesuffix(end[1:]).rstrip("_").replace("_", " ") + words).strip()
    return name.replace("_", " ")


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc).strftime("%Y-%m-%d %H:%M")

"""Hours as a table of the lake: flat, units in the names, absent as null. Column by column: a row at a time costs more."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa

from adaptd.fleet.rows import ACCOUNT, COUNTS, MOST, SUMS, VERSIONS, Hour


class Row(NamedTuple):
    """One hour with what the server says of it: when it came (ms of UTC), and whether the box's clock was right."""

    received_ms: int
    clock: str
    hour: Hour


_TEXT, _WHOLE, _REAL, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_SUM, _COUNT = pa.map_(_TEXT, _REAL), pa.map_(_TEXT, _WHOLE)
_STATEMENT = pa.struct([("band", _TEXT), *((name, _WHOLE) for name in ACCOUNT)])

# The lake's columns, beside the day in the path: each with its type and where its values come from.
_PLAIN: dict[str, tuple[Any, Callable[[Row], Any]]] = {
    "box": (_TEXT, lambda row: row.hour.box),
    "stream": (_TEXT, lambda row: row.hour.stream),
    "first": (_WHOLE, lambda row: row.hour.first),
    "last": (_WHOLE, lambda row: row.hour.last),
    "from_utc_ms": (_WHOLE, lambda row: row.hour.from_utc_ms),
    "to_utc_ms": (_WHOLE, lambda row: row.hour.to_utc_ms),
    "received_utc_ms": (_WHOLE, lambda row: row.received_ms),
    "clock": (_TEXT, lambda row: row.clock),
    "merged": (_WHOLE, lambda row: row.hour.merged),
    "observed_s": (_REAL, lambda row: row.hour.observed_s),
    "energy_j": (_REAL, lambda row: row.hour.energy.energy_j),
    "energy_s": (_REAL, lambda row: row.hour.energy.measured_s),
    "heat_mean_c": (_REAL, lambda row: row.hour.heat.mean_c),
    "heat_max_c": (_REAL, lambda row: row.hour.heat.max_c),
    "heat_s": (_REAL, lambda row: row.hour.heat.measured_s),
    "delivered_frames": (_WHOLE, lambda row: row.hour.frames.delivered_frames),
    "missed_frames": (_WHOLE, lambda row: row.hour.frames.missed_frames),
    "dropped_frames": (_WHOLE, lambda row: row.hour.frames.dropped_frames),
    "shadow_frames": (_WHOLE, lambda row: row.hour.frames.shadow_frames),
    "swaps": (_WHOLE, lambda row: row.hour.swaps),
    "simulated": (_FLAG, lambda row: bool(row.hour.simulated)),
}
FORM = pa.schema(
    [
        *((name, kind) for name, (kind, _) in _PLAIN.items()),
        *((name, _TEXT) for name in VERSIONS),
        *((name, _SUM) for name in SUMS),
        *((name, _COUNT) for name in COUNTS),
        ("account", pa.list_(_STATEMENT)),
    ]
)


def table_of(rows: Sequence[Row]) -> "pa.Table":
    """The rows in order, in the lake's form."""
    hours = [row.hour for row in rows]
    arrays = [pa.array([value(row) for row in rows], kind) for kind, value in _PLAIN.values()]
    said = [{name: str(value) for name, value in one.versions.items() if value is not None} for one in hours]
    arrays += [pa.array([one.get(name) for one in said], _TEXT) for name in VERSIONS]
    arrays += [_map([getattr(one, name) for one in hours], _REAL) for name in SUMS]
    arrays += [_map([getattr(one, name) for one in hours], _WHOLE) for name in COUNTS]
    return pa.Table.from_arrays([*arrays, _account([one.account for one in hours])], schema=FORM)


def _map(cells: Sequence[Mapping[str, Any]], kind: Any) -> "pa.MapArray":
    names = pa.array([name for cell in cells for name in cell], _TEXT)
    return pa.MapArray.from_arrays(_ends(cells), names, pa.array([value for cell in cells for value in cell.values()], kind))


def _account(cells: Sequence[Mapping[str, Mapping[str, Any]]]) -> "pa.ListArray":
    said = [one for cell in cells for one in cell.values()]
    bands = pa.array([band for cell in cells for band in cell], _TEXT)
    numbers = [pa.array([_number(one.get(name)) for one in said], _WHOLE) for name in ACCOUNT]
    return pa.ListArray.from_arrays(_ends(cells), pa.StructArray.from_arrays([bands, *numbers], fields=list(_STATEMENT)))


def _ends(cells: Sequence[Mapping[str, Any]]) -> "pa.Array":
    """Where each cell begins among all values, and the end of the last."""
    return pa.array(accumulate(map(len, cells), initial=0), pa.int32())


def _number(value: object) -> int | None:
    return value if type(value) is int and abs(value) < MOST else None

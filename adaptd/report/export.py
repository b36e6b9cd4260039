"""Decisions as a table for people who ask questions of many logs: CSV, JSON or Parquet, by the file's ending.

Every form has the same columns; docs/audit.md says what each means. Parquet needs pyarrow, which is imported only here.
"""

import csv
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from adaptd.brain.judge.words import why_missing
from adaptd.config.cells import band_of
from adaptd.config.errors import ConfigError
from adaptd.config.policy import parse_policy
from adaptd.log.verify.decided import Decided, DecisionReader
from adaptd.log.verify.reader import segment_files, watched
from adaptd.vocabulary import QUANTITIES, Limit, Measured, Verdict, believed

BATCH = 20_000
Row = dict[str, Any]
Progress = Callable[[int, int], None]

_READINGS = {"temperature": "temperature_mc", "power": "power_mw", "light": "light_mlx"}
_WORKER = ("delivered", "missed", "dropped", "shadow_frames")
_VERDICT = ("lease_us", "shadow_ppm", "band", "rule", "predicted_mc", "predicted_mw")
_PROOF = ("admitted", "bound_ppm", "samples")
COLUMNS = (
    ("seq", "int64"), ("boot", "int64"), ("mono_us", "int64"), ("utc_ms", "int64"),
    ("temperature_mc", "int64"), ("temperature_source", "string"), ("temperature_missing", "string"),
    ("temperature_simulated", "bool"), ("power_mw", "int64"), ("power_source", "string"), ("power_missing", "string"),
    ("power_simulated", "bool"), ("light_mlx", "int64"), ("light_source", "string"), ("light_missing", "string"),
    ("light_simulated", "bool"), ("simulated", "bool"), ("budget_mw", "int64"), ("log_ok", "bool"),
    ("served_variant", "string"), ("served_fps_mfps", "int64"), ("delivered", "int64"), ("missed", "int64"), ("dropped", "int64"),
    ("shadow_frames", "int64"), ("latency_mean_us", "int64"), ("latency_max_us", "int64"), ("mode", "string"),
    ("variant", "string"), ("fps_mfps", "int64"), ("lease_us", "int64"), ("shadow_ppm", "int64"), ("band", "string"),
    ("rule", "string"), ("failing", "string"), ("refused", "string"), ("limits", "string"), ("limit_bound", "string"),
    ("limit_unit", "string"), ("limit", "int64"), ("limit_needed", "int64"), ("limit_available", "int64"),
    ("budget_lowered_by", "string"), ("budget_lowered_from_mw", "int64"), ("admitted", "bool"), ("bound_ppm", "int64"),
    ("samples", "int64"),
    ("predicted_mc", "int64"), ("predicted_mw", "int64"),
)  # fmt: skip


class ExportError(RuntimeError):
    """The table cannot be written. One line with the remedy."""


def export(
    folder: Path, target: Path, progress: Progress | None = None, *, since_ms: int | None = None, until_ms: int | None = None
) -> int:
    """Write the decisions of the log to ``target``; the number of rows. What is absent is null (empty in CSV).

    Raises:
        ExportError: an ending that names no form, pyarrow is absent, or the file cannot be written.
    """
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise ExportError(f"{target}: cannot tell the form from the ending; name a file that ends in {', '.join(_WRITERS)}")
    columns = columns_of(folder)
    rows = (
        row
        for row in _rows(folder, progress)
        if (since_ms is None or row["utc_ms"] >= since_ms) and (until_ms is None or row["utc_ms"] <= until_ms)
    )
    try:
        return write(target, columns, rows)
    except OSError as error:
        raise ExportError(f"{target}: cannot be written ({error.strerror or error}); name another file with -o") from None


def columns_of(folder: Path) -> tuple[tuple[str, str], ...]:
    """The fixed columns, then ``bound_ppm_VARIANT`` for every efficient variant of its configurations."""
    names: dict[str, None] = {}
    for path in segment_files(folder):
        for line in path.read_bytes().split(b"\n"):
            if b'"kind":"config"' in line:
                names |= dict.fromkeys(_variants(line))
    return (*COLUMNS, *((f"bound_ppm_{name}", "int64") for name in names))


def _variants(line: bytes) -> list[str]:
    try:
        return [str(fact[0]) for fact in json.loads(line)["facts"][1:]]
    except (ValueError, KeyError, TypeError, IndexError):
        return []  # a damaged line; the verifier names it


def _csv(target: Path, columns: tuple[tuple[str, str], ...], rows: Iterator[Row]) -> int:
    count = 0
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [name for name, _ in columns], extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _json(target: Path, columns: tuple[tuple[str, str], ...], rows: Iterator[Row]) -> int:
    """One array, one object a line."""
    count = 0
    with target.open("w", encoding="utf-8") as file:
        file.write("[")
        for count, row in enumerate(rows, 1):
            file.write("\n" if count == 1 else ",\n")
            json.dump({name: row.get(name) for name, _ in columns}, file)
        file.write("\n]\n")
    return count


def _parquet(target: Path, columns: tuple[tuple[str, str], ...], rows: Iterator[Row]) -> int:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ExportError("Parquet needs pyarrow: pip install 'adaptd[export]'; or name a .csv or .json file") from None
    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in columns])
    count = 0
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        while batch := list(islice(rows, BATCH)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


_WRITERS: dict[str, Callable[[Path, tuple[tuple[str, str], ...], Iterator[Row]], int]]
_WRITERS = {".csv": _csv, ".json": _json, ".parquet": _parquet}


def _rows(folder: Path, progress: Progress | None) -> Iterator[Row]:
    """Every readable decision as a row, with the budget that was in force."""
    reader, own_mw = DecisionReader(), None
    for record in watched(folder, progress):
        if record["kind"] == "config":
            own_mw = _budget_mw(record)
        decided = reader.feed(record)
        if decided is not None:
            yield row_of(decided, own_mw)


def _budget_mw(config: Row) -> int | None:
    """What the policy of a configuration allows."""
    try:
        return parse_policy(str(config["policy"]["text"])).budget_mw
    except (ConfigError, KeyError, TypeError):
        return None


def row_of(decided: Decided, policy_mw: int | None = None) -> Row:
    """One decision as a flat row; ``policy_mw`` is the budget where nothing from outside overrides it."""
    record, snapshot, verdict = decided.record, decided.snapshot, decided.verdict
    row: Row = {name: record[name] for name in ("seq", "boot", "mono_us", "utc_ms")}
    readings = {name: believed(snapshot, verdict, name) for name in QUANTITIES}
    for name, reading in readings.items():
        row[_READINGS[name]] = reading.value if isinstance(reading, Measured) else None
        row[f"{name}_source"] = reading.source if isinstance(reading, Measured) else None
        row[f"{name}_missing"] = None if isinstance(reading, Measured) else why_missing(reading)
        row[f"{name}_simulated"] = reading.simulated if isinstance(reading, Measured) else None
    row["simulated"] = any(row[f"{name}_simulated"] for name in readings)
    worker = snapshot.worker
    row["budget_mw"] = policy_mw if snapshot.budget_mw is None else snapshot.budget_mw
    row.update(log_ok=snapshot.log_ok, served_variant=worker.point.variant, served_fps_mfps=worker.point.fps_mfps)
    row.update({name: getattr(worker, name) for name in _WORKER})
    frames = sum(served.frames for served in worker.served)
    row["latency_mean_us"] = sum(served.latency_sum_us for served in worker.served) // frames if frames else None
    row["latency_max_us"] = max((served.latency_max_us for served in worker.served), default=None)
    row.update(mode=verdict.mode.value, variant=verdict.point.variant, fps_mfps=verdict.point.fps_mfps)
    row.update({name: getattr(verdict, name) for name in _VERDICT})
    row["failing"] = ",".join(name for name, holds in verdict.conditions if not holds)
    row.update(_limits(verdict))
    of_band = [one for one in verdict.evidence if band_of(one.band) == verdict.band]
    here = {one.variant: one for one in sorted(of_band, key=lambda one: one.bound_ppm)}  # of several cameras the worst
    proof = here.get(verdict.point.variant)
    row.update({name: None if proof is None else getattr(proof, name) for name in _PROOF})
    row.update({f"bound_ppm_{name}": one.bound_ppm for name, one in here.items()})
    return row


def _limits(verdict: Verdict) -> Row:
    """What was refused, every limit in numbers, and on columns of its own the one that the rule names."""
    named = next((one for one in verdict.limits if one.condition == verdict.rule), None)
    row: Row = {
        "refused": ",".join(f"{one.point.variant}@{one.point.fps_mfps}:{one.condition}" for one in verdict.refused),
        "limits": json.dumps([_plain(one) for one in verdict.limits], separators=(",", ":")),
    }
    if named is not None:
        row.update(limit_bound=named.bound.value, limit_unit=named.unit)
        row.update(limit=named.limit, limit_needed=named.needed, limit_available=named.available)
    if verdict.lowered is not None:
        row.update(budget_lowered_by=verdict.lowered.by or "supply", budget_lowered_from_mw=verdict.lowered.from_mw)
    return row


def _plain(one: Limit) -> Row:
    numbers = {name: getattr(one, name) for name in ("condition", "unit", "limit", "needed", "available")}
    return {"variant": one.point.variant, "fps_mfps": one.point.fps_mfps, "bound": one.bound.value, **numbers}

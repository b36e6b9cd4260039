"""Decisions as a Parquet table, for people who ask questions of many logs. Needs pyarrow, which is imported only here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from adaptd.log.verify.replay import Decided
from adaptd.report.history import all_decisions
from adaptd.vocabulary import QUANTITIES, Measured, believed

BATCH = 20_000

_READINGS = (("temperature", "temperature_mc"), ("power", "power_mw"), ("light", "light_mlx"))
COLUMNS = (
    ("seq", "int64"), ("boot", "int64"), ("mono_us", "int64"), ("utc_ms", "int64"),
    ("temperature_mc", "int64"), ("temperature_source", "string"), ("power_mw", "int64"), ("power_source", "string"),
    ("light_mlx", "int64"), ("light_source", "string"), ("simulated", "bool"), ("log_ok", "bool"),
    ("served_variant", "string"), ("served_fps_mfps", "int64"), ("delivered", "int64"), ("missed", "int64"), ("dropped", "int64"),
    ("shadow_frames", "int64"), ("mode", "string"), ("variant", "string"), ("fps_mfps", "int64"), ("lease_us", "int64"),
    ("shadow_ppm", "int64"), ("band", "string"), ("rule", "string"), ("failing", "string"), ("admitted", "bool"),
    ("bound_ppm", "int64"), ("samples", "int64"), ("predicted_mc", "int64"), ("predicted_mw", "int64"),
)  # fmt: skip


class ExportError(RuntimeError):
    """The table cannot be written. One line with the remedy."""


def export(folder: Path, target: Path, progress: Callable[[int, int], None] | None = None) -> int:
    """Write every decision of the log to ``target``; the number of rows. Absent readings are null. Raises ExportError."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ExportError("Parquet needs pyarrow: pip install 'adaptd[export]'") from None
    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS])
    rows = 0
    try:
        with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
            for batch in _batches(folder, progress):
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                rows += len(batch)
    except OSError as error:
        raise ExportError(f"{target}: cannot be written ({error.strerror or error}); name another file with -o") from None
    return rows


def _batches(folder: Path, progress: Callable[[int, int], None] | None) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for decided in all_decisions(folder, progress):
        batch.append(row_of(decided))
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def row_of(decided: Decided) -> dict[str, Any]:
    """One decision as a flat row."""
    record, snapshot, verdict = decided.record, decided.snapshot, decided.verdict
    row: dict[str, Any] = {name: record[name] for name in ("seq", "boot", "mono_us", "utc_ms")}
    for name, column in _READINGS:
        reading = believed(snapshot, verdict, name)
        row[column] = reading.value if isinstance(reading, Measured) else None
        row[f"{name}_source"] = reading.source if isinstance(reading, Measured) else None
    readings = [believed(snapshot, verdict, name) for name in QUANTITIES]
    row["simulated"] = any(isinstance(one, Measured) and one.simulated for one in readings)
    worker = snapshot.worker
    row.update(log_ok=snapshot.log_ok, served_variant=worker.point.variant, served_fps_mfps=worker.point.fps_mfps)
    row.update({name: getattr(worker, name) for name in ("delivered", "missed", "dropped", "shadow_frames")})
    row.update(mode=verdict.mode.value, variant=verdict.point.variant, fps_mfps=verdict.point.fps_mfps)
    row.update(
        {name: getattr(verdict, name) for name in ("lease_us", "shadow_ppm", "band", "rule", "predicted_mc", "predicted_mw")}
    )
    row["failing"] = ",".join(name for name, holds in verdict.conditions if not holds)
    proof = next((one for one in verdict.evidence if (one.band, one.variant) == (verdict.band, verdict.point.variant)), None)
    row.update({name: None if proof is None else getattr(proof, name) for name in ("admitted", "bound_ppm", "samples")})
    return row

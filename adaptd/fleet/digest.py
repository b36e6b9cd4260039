"""What the ready questions read: the lake's days in short, one row a box (``days``), one a box and light band (``band_days``).

A digest lies beside the lake under the name of the file that it was made from (``days/dt=YYYY-MM-DD/part-...``) and says nothing
that the file does not. So it may be lost, late or left over: it counts only while its file is there, and hours in files without
one are added up when they are asked for, by the same words.
"""

import os
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from adaptd.fleet.store import TABLE, StoreError, locked

MEMORY = "250MB"
HEAT = tuple(f"heat_c_{hour:02}" for hour in range(24))  # the mean of each hour of the day (UTC), null where it was not measured
_METERED = "FILTER (WHERE energy_j > 0 AND observed_s > 0)"
_WARM = "heat_s > 0 AND clock = 'ok'"
_BROKEN = "FILTER (WHERE said.bound_frames > said.allowed_frames)"
_SERVED = "FILTER (WHERE said.delivered > 0)"
_CLOCK_HOURS = ", ".join(
    f"avg(heat_mean_c) FILTER (WHERE {_WARM} AND (from_utc_ms // 3600000) % 24 = {hour})::FLOAT AS {name}"
    for hour, name in enumerate(HEAT)
)

# Each digest as a question to the rows of some files of the lake.
DIGESTS: dict[str, str] = {
    "days": f"""SELECT dt, box, board, model, count(*) AS hours, sum(energy_j) AS energy_j,
            sum(delivered_frames)::BIGINT AS delivered_frames, sum(energy_j) {_METERED} AS metered_j,
            sum(delivered_frames * least(1, energy_s / observed_s)) {_METERED} AS metered_frames,
            max(to_utc_ms) AS to_utc_ms, arg_max(struct_pack(adaptd := adaptd, policy := policy,
                policy_sha256 := policy_sha256, backend := backend), to_utc_ms) AS runs,
            max(heat_max_c) FILTER (WHERE {_WARM}) AS heat_max_c, {_CLOCK_HOURS}
        FROM {{rows}} GROUP BY dt, box, board, model""",  # noqa: S608 - our own words
    "band_days": f"""SELECT dt, box, said.band AS band, sum(said.delivered)::BIGINT AS delivered,
            sum(said.efficient)::BIGINT AS efficient, max(said.bound_ppm) {_SERVED} AS bound_ppm,
            max(said.limit_ppm) {_SERVED} AS limit_ppm, count(*) {_BROKEN} AS broken_hours,
            max(said.bound_frames) {_BROKEN} AS broken_bound_frames, max(said.allowed_frames) {_BROKEN} AS broken_allowed_frames
        FROM (SELECT dt, box, unnest(account) AS said FROM {{rows}}) GROUP BY dt, box, said.band""",  # noqa: S608 - our own words
}


def make_missing(folder: Path, today: str | None = None) -> int:
    """Write the digests that are missing of days before ``today`` (YYYY-MM-DD), remove those left over; how many were written.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    today = today or datetime.now(timezone.utc).strftime("%Y-%m-%d")
    try:
        return _make_missing(folder, today)
    except (OSError, duckdb.Error) as error:
        words = str(error).splitlines()[0]
        remedy = "free some space, or mend the file that is named; until then questions take longer"
        raise StoreError(f"{folder}: no digest can be written ({words}), {remedy}") from None


def _make_missing(folder: Path, today: str) -> int:
    made = 0
    for digest, words in DIGESTS.items():
        for stale in (folder / digest).glob("dt=*/*part-*"):
            if not _source(folder, stale).exists():
                stale.unlink()
        for part in sorted((folder / TABLE).glob("dt=*/part-*.parquet")):
            target = folder / digest / part.parent.name / part.name
            if part.parent.name < f"dt={today}" and not target.exists():
                _write(folder, part, target, words)
                made += 1
    return made


def _write(folder: Path, part: Path, target: Path, words: str) -> None:
    """One digest, whole and synced before it has its name."""
    draft = target.with_name(f".{target.name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as database:
        database.execute(f"SET memory_limit = '{MEMORY}'; SET threads = 1; SET temp_directory = ''")
        question = words.format(rows=rows_of([part])).replace("SELECT dt, ", "SELECT ", 1)  # the path says the day
        database.execute(f"COPY ({question}) TO {_quoted(draft)} (FORMAT parquet, COMPRESSION zstd)")
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    with locked(folder, exclusive=True):
        draft.replace(target)


def views(folder: Path) -> dict[str, str]:
    """Each digest as one question over the whole lake, by name; for whoever holds the lake's lock."""
    found = {}
    parts = sorted((folder / TABLE).glob("dt=*/part-*.parquet"))
    for digest, words in DIGESTS.items():
        ready = {one for one in (folder / digest).glob("dt=*/part-*.parquet") if _source(folder, one).exists()}
        known = {_source(folder, one) for one in ready}
        rest = [one for one in parts if one not in known]
        halves = [f"SELECT * FROM {rows_of(sorted(ready))}"] if ready else []  # noqa: S608 - our own paths, quoted
        halves += [words.format(rows=rows_of(rest))] if rest else []
        found[digest] = " UNION ALL BY NAME ".join(halves)
    return found


def rows_of(files: list[Path]) -> str:
    """These files as something to select from, their day as ``dt``."""
    places = ", ".join(_quoted(one) for one in files)
    return f"read_parquet([{places}], hive_partitioning = true, hive_types = {{'dt': DATE}})"


def _source(folder: Path, digest: Path) -> Path:
    return folder / TABLE / digest.parent.name / digest.name.removeprefix(".")


def _quoted(path: Path) -> str:
    return "'" + str(path.resolve()).replace("'", "''") + "'"

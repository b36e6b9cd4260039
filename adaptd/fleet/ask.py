"""Questions to the lake, by DuckDB: the ready ones by name, and any SQL that only reads.

The view ``hours`` is every row of the lake; ``days`` and ``band_days`` are its days in short (digest.py). An untrusted question
cannot reach files or the network: DuckDB is locked to the lake's folders before it is run.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from adaptd.fleet.digest import DIGESTS, HEAT, views
from adaptd.fleet.store import TABLE, locked

MEMORY = "700MB"
THREADS = 2
MAX_ROWS = 1_000


def _by_hour(words: str) -> str:
    """A list with one aggregate for each hour of the day, ``{}`` standing for its column."""
    return f"[{', '.join(words.format(name) for name in HEAT)}]"


READY: dict[str, tuple[str, str]] = {
    "worst-energy": (
        "boards and models by inferences per joule, worst first (only hours in which power was measured)",
        """SELECT board, model, count(*) AS boxes, round(sum(frames) / sum(joule), 3) AS inferences_per_j,
               round(sum(joule) / 3600, 1) AS energy_wh
           FROM (SELECT coalesce(board, 'unknown') AS board, coalesce(model, 'unknown') AS model, box,
                     sum(metered_frames) AS frames, sum(metered_j) AS joule
                 FROM days WHERE metered_j > 0 GROUP BY ALL)
           GROUP BY ALL ORDER BY inferences_per_j""",
    ),
    "drifting-hot": (
        "boxes that grow warmer from day to day: each hour of the day against the same hour of the other days",
        f"""WITH own AS (SELECT box, max(heat_max_c) AS max_c, unnest({_by_hour("count({})")}) AS n,
                          unnest({_by_hour("sum({}::DOUBLE)")}) AS c,
                          unnest({_by_hour("sum({}::DOUBLE * day)")}) AS c_day,
                          unnest({_by_hour("sum(0 * {} + day)")}) AS day,
                          unnest({_by_hour("sum(0 * {} + day * day)")}) AS day_day
                      FROM (SELECT *, (dt - DATE '2024-10-04')::DOUBLE AS day FROM days) GROUP BY box)
           SELECT box, max(n) AS days, round(sum(c_day - c * day / n) / sum(day_day - day * day / n), 3) AS c_per_day,
               round(sum(c) / sum(n), 1) AS mean_c, round(max(max_c), 1) AS max_c
           FROM own WHERE n > 0 GROUP BY box HAVING sum(day_day - day * day / n) > 5 AND c_per_day > 0.2
           ORDER BY c_per_day DESC""",  # noqa: S608 - our own words
    ),
    "never-int8": (
        "light bands in which a box delivered frames and none by the efficient engine",
        """SELECT box, band, sum(delivered)::BIGINT AS delivered, max(bound_ppm) AS bound_ppm, max(limit_ppm) AS limit_ppm
           FROM band_days WHERE delivered > 0 GROUP BY ALL HAVING sum(efficient) = 0 ORDER BY delivered DESC""",
    ),
    "broken": (
        "accuracy statements that do not hold: more frames may differ than the limit allows",
        """SELECT box, band, sum(broken_hours)::BIGINT AS hours, min(dt) AS first_day, max(dt) AS last_day,
               max(broken_bound_frames) AS bound_frames, max(broken_allowed_frames) AS allowed_frames
           FROM band_days WHERE broken_hours > 0 GROUP BY ALL ORDER BY hours DESC""",
    ),
    "versions": (
        "what runs where: the newest version and policy of each box, counted",
        """SELECT now.adaptd, now.policy, left(now.policy_sha256, 12) AS policy_sha256, now.backend, count(*) AS boxes
           FROM (SELECT arg_max(runs, to_utc_ms) AS now FROM days GROUP BY box) GROUP BY ALL ORDER BY boxes DESC""",
    ),
}


class AskError(Exception):
    """There is no answer. ``str(error)`` is one line with what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A table. ``cut`` says that there are more rows than these."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool

    def plain(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def ask(folder: Path, question: str, most: int = MAX_ROWS) -> Answer:
    """Answer a ready question by its name, or one SELECT.

    Raises:
        AskError: there is no lake, the SQL is wrong, or it would change something.
    """
    sql = READY[question][1] if question in READY else question
    files = folder / TABLE
    if not next(files.glob("dt=*/part-*.parquet"), None):
        raise AskError(f"{folder}: no lake here yet, start `adaptd fleet serve --lake {folder}` and wait for its first hour")
    with locked(folder, exclusive=False), duckdb.connect() as database:
        _lock_down(database, folder)
        try:
            found = database.execute(_one_select(database, sql))
            columns = tuple(one[0] for one in found.description or ())
            rows = found.fetchmany(most + 1)
        except duckdb.Error as error:
            raise AskError(f"the question cannot be answered: {str(error).splitlines()[0]}") from None
    return Answer(columns, tuple(rows[:most]), len(rows) > most)


def _lock_down(database: "duckdb.DuckDBPyConnection", folder: Path) -> None:
    """The views, then no way to any other file, to the network, or to another setting."""
    places = [str((folder / name).resolve()).replace("'", "''") for name in (TABLE, *DIGESTS)]
    database.execute(f"SET memory_limit = '{MEMORY}'; SET threads = {THREADS}; SET temp_directory = ''")
    database.execute("SET enable_progress_bar = false")  # it would write into the answer
    allowed = ", ".join(f"'{place}'" for place in places)
    database.execute(f"SET allowed_directories = [{allowed}]; SET enable_external_access = false; SET lock_configuration = true")
    database.execute(
        f"CREATE VIEW hours AS SELECT * FROM read_parquet('{places[0]}/dt=*/part-*.parquet', "  # noqa: S608 - our own path, quoted
        "hive_partitioning = true, hive_types = {'dt': DATE})"
    )
    for name, words in views(folder).items():
        database.execute(f"CREATE VIEW {name} AS {words}")


def _one_select(database: "duckdb.DuckDBPyConnection", sql: str) -> str:
    """The statement, if it is one and reads only."""
    statements = database.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise AskError("ask one SELECT, or a ready question: " + ", ".join(READY))
    return str(statements[0].query)

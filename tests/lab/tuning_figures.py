"""The figures of tuning, on simulated boxes whose truth is known: ``python -m tests.lab.tuning_figures [--jobs N] ...``.

Twin: fitted on some days, mean power of each of the days that follow held against what then really came. Pairs: which of two
policies draws less on the box's own days, by the twin, by naive replay (the negative control), in truth. Search: the assistant
against every candidate. Each row is kept in ``--save`` as it comes; a second call makes only what is missing there, and one with
``--time-box`` ends after so many seconds with what there is by then. Needs NumPy, PyYAML and pydantic; the searches Optuna too.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from adaptd.lab.whatif.compare import BETTER, UNTOLD, WORSE
from tests.lab.kept import Kept, Row
from tests.lab.tuning_rows import PAIRS_A_BOX, SHORTENED, pairs_of_a_box, search_of, speed, twin_of_a_box

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "tuning-figures.jsonl"
Make = Callable[[], Row]


def work(make: Make, name: str, done: Any) -> None:
    """One row, in a process of its own."""
    began = time.monotonic()
    done.put((name, make(), time.monotonic() - began))


def make_rows(missing: dict[str, Make], kept: Kept, jobs: int, box_s: float) -> int:
    """Make the missing rows, ``jobs`` at a time, and keep each as it comes; how many are left when the time is over."""
    context = multiprocessing.get_context("spawn")
    done: Any = context.Queue()
    end, waiting, running = time.monotonic() + box_s, list(missing.items()), {}
    while (waiting or running) and time.monotonic() < end:
        while waiting and len(running) < jobs:
            name, make = waiting.pop(0)
            running[name] = context.Process(target=work, args=(make, name, done), daemon=True)
            running[name].start()
        time.sleep(0.2)
        while not done.empty():
            name, row, took_s = done.get()
            running.pop(name).join()
            kept.row(name, partial(dict, row))
            print(f"{name}: {took_s:.0f} s; {len(running)} at work, {len(waiting)} to do", file=sys.stderr, flush=True)
        for name in [name for name, child in running.items() if child.exitcode not in (None, 0)]:
            print(f"{name}: ended with exit status {running.pop(name).exitcode}, its row is missing", file=sys.stderr, flush=True)
    for child in running.values():
        child.terminate()
    return len(waiting) + len(running)


def of_boxes(rows: list[Row]) -> Row:
    """How near the twins came to the days that followed, and how often their interval held them."""
    offs = [off for row in rows for off in row["off"]]
    inside = sum(abs(off) <= row["stated"] for row in rows for off in row["off"])
    return {
        "boxes": len(rows),
        "days": len(offs),
        "power_within_3_pct": sum(abs(off) <= 0.03 for off in offs),
        "hours_within_5_pct": sum(abs(1 / (1 + off) - 1) <= 0.05 for off in offs),
        "inside_the_95_interval": inside,
        "coverage_pct": round(100 * inside / len(offs), 1),
        "median_stated_pct": round(100 * sorted(row["stated"] for row in rows)[len(rows) // 2], 2),
        "largest_off_pct": round(100 * max(map(abs, offs)), 2),
    }


def of_pairs(rows: list[Row]) -> Row:
    """What the twin named, and what replay would have. Beyond error and bounds of hours never tried it states all that it can."""
    beyond = [row for row in rows if abs(row["true"]) > row["error"] + row.get("bounds", 0.0)]
    mattering = [row for row in rows if abs(row["true"]) > row["error"]]
    small = [row for row in rows if abs(row["true"]) <= row["error"]]
    named = (BETTER, WORSE)
    return {
        "pairs": len(rows),
        "true_difference_over_the_error": len(mattering),
        "of_those_named_right": sum(row["verdict"] in named and row["right"] for row in mattering),
        "of_those_untold": sum(row["verdict"] == UNTOLD for row in mattering),
        "true_difference_over_error_and_bounds": len(beyond),
        "of_those_beyond_named_right": sum(row["verdict"] in named and row["right"] for row in beyond),
        "under_the_error": len(small),
        "of_those_named": sum(row["verdict"] in named for row in small),
        "wrong_sign_with_certainty": sum(row["verdict"] in named and not row["right"] for row in rows),
        "twin_mean_abs_error_w": round(sum(abs(row["twin"] - row["true"]) for row in rows) / len(rows), 4),
        "naive_mean_abs_error_w": round(sum(abs(row["naive"] - row["true"]) for row in rows) / len(rows), 4),
        "naive_wrong_sign": sum(row["naive"] * row["true"] < 0 for row in rows),
    }


def of_searches(rows: list[Row]) -> Row:
    """How near the guided search came to the best of all candidates."""
    return {
        "scenarios": len(rows),
        "within_1_pct": sum(row["off"] <= 0.01 for row in rows),
        "most_runs_pct": round(100 * max(row["runs"] / row["all"] for row in rows), 1),
    }


def main() -> None:
    """Make what is missing, then print one JSON object over all that is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=20)
    parser.add_argument("--days", type=int, default=4, help="days that a twin is fitted on")
    parser.add_argument("--ahead", type=int, default=3, help="days after them that it is held against")
    parser.add_argument("--tick", type=int, default=60, help="seconds a tick of these boxes")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--scenarios", type=int, default=len(SHORTENED))
    parser.add_argument("--save", type=Path, default=KEPT, help="file of the rows: a second call resumes")
    parser.add_argument("--jobs", type=int, default=1, help="rows made at once, each by a process of one thread")
    parser.add_argument("--time-box", type=float, default=float("inf"), metavar="S", help="end after so many seconds")
    said = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with tempfile.TemporaryDirectory() as name:
        wanted = rows_wanted(said, Path(name))
        kept = Kept(said.save)
        left = make_rows({name: make for name, make in wanted.items() if name not in kept.rows}, kept, said.jobs, said.time_box)
    if left:
        print(f"the time is over: {left} rows are missing, call again to make them", file=sys.stderr)
    print(json.dumps(summary(kept.rows), indent=1))


def rows_wanted(said: argparse.Namespace, folder: Path) -> dict[str, Make]:
    """Every row by its name, the longest last."""
    wanted: dict[str, Make] = {"speed": speed}
    wanted |= {f"search {scenario}": partial(search_of, scenario, folder) for scenario in SHORTENED[: said.scenarios]}
    wanted |= {f"pairs {number}": partial(pairs_of_a_box, number, folder) for number in range(-(-said.pairs // PAIRS_A_BOX))}
    wanted |= {f"box {seed}": partial(twin_of_a_box, seed, said.days, said.ahead, said.tick) for seed in range(1, said.boxes + 1)}
    return wanted


def summary(rows: dict[str, Row]) -> Row:
    """All that is kept, in figures."""
    found: Row = {"speed": rows.get("speed")}
    boxes = [row for name, row in rows.items() if name.startswith("box ")]
    pairs = [one for name, row in rows.items() if name.startswith("pairs ") for one in row["rows"]]
    searches = [row for name, row in rows.items() if name.startswith("search ")]
    for name, one, make in (("twin", boxes, of_boxes), ("pairs", pairs, of_pairs), ("search", searches, of_searches)):
        if one:
            found[name] = make(one)
    return found


if __name__ == "__main__":
    main()

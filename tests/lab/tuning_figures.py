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
from math import exp, sqrt
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from adaptd.lab.fit.backtest import FIGURES, predicted
from adaptd.lab.whatif.compare import BETTER, TIE, UNTOLD, WORSE
from tests.lab.kept import Kept, Row
from tests.lab.tuning_rows import PAIRS_A_BOX, SHORTENED, pairs_of_a_box, search_of, speed, twin_of_a_box

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "tuning-figures.jsonl"
Make = Callable[[], Row]
LEVELS = (0.5, 0.8, 0.95)
MOVED = ("power_w", "efficient_pct", "temperature_c")
LEAST = {"power_w": 0.0, "fps": 0.05 / 15, "efficient_pct": 0.0, "temperature_c": 0.0}  # what a figure is printed to at best


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
    """How near the twins came to the days that followed, and how often their intervals held them, level by level."""
    power = [off for row in rows for off in row["unseen"]["power_w"]]
    halves = [predicted(row["left_out"]["unseen"]["power_w"], unseen=True)[1] for row in rows]
    return {
        "boxes": len(rows),
        "days": len(power),
        "power_within_3_pct": sum(abs(off) <= 0.03 for off in power),
        "hours_within_5_pct": sum(abs(exp(-off) - 1) <= 0.05 for off in power),
        "largest_off_pct": round(100 * max(map(abs, power)), 2),
        "median_half_width_95_pct": round(100 * median(halves), 2),
        **{f"coverage_{kind}": covered(rows, kind) for kind in ("unseen", "again")},
    }


def covered(rows: list[Row], kind: str) -> Row:
    """By level and figure how many days lay inside, of how many, with the 95 % interval of that share (per cent).

    ``in_all`` counts the figures that chance moves; a rate that stands at its target all day has no scatter to be judged.
    """
    found: Row = {}
    for level in LEVELS:
        held = {figure: [inside_of(row, kind, figure, level) for row in rows] for figure in FIGURES}
        one = {figure: share_words([inside for box in boxes for inside in box], boxes) for figure, boxes in held.items()}
        moved = [[inside for figure in MOVED for inside in held[figure][at]] for at in range(len(rows))]
        found[f"{100 * level:.0f} %"] = {**one, "in_all": share_words([inside for box in moved for inside in box], moved)}
    return found


def inside_of(row: Row, kind: str, figure: str, level: float) -> list[bool]:
    """Whether each day's error lay in the interval that the box's own days left out gave."""
    middle, half = predicted(row["left_out"][kind][figure], unseen=kind == "unseen", level=level)
    return [abs(off - middle) <= half + LEAST[figure] for off in row[kind][figure]]


def share_words(inside: list[bool], boxes: list[list[bool]]) -> str:
    """``172 of 180 = 95.6 % (binomial 91.4 to 97.7, by boxes 92.2 to 98.3)``: Wilson's interval, and boxes drawn again whole."""
    n, hits = len(inside), sum(inside)
    share, z = hits / n, 1.96
    middle, half = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = (100 * (middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    random = Random("boxes")
    drawn = sorted(sum(map(sum, random.choices(boxes, k=len(boxes)))) / n for _ in range(1000))
    spread = f"by boxes {100 * drawn[25]:.1f} to {100 * drawn[974]:.1f}"
    return f"{hits} of {n} = {100 * share:.1f} % (binomial {low:.1f} to {high:.1f}, {spread})"


def of_pairs(rows: list[Row]) -> Row:
    """What the twin named, and what replay would have. The stated error is the backtest's and the bounds of untried hours."""
    mattering = [row for row in rows if abs(row["true"]) > row["stated"]]
    small = [row for row in rows if abs(row["true"]) <= row["stated"]]
    named = (BETTER, WORSE)
    return {
        "pairs": len(rows),
        "true_difference_over_the_stated_error": len(mattering),
        "of_those_named_right": sum(row["verdict"] in named and row["right"] for row in mattering),
        "under_the_stated_error": len(small),
        "of_those_named": sum(row["verdict"] in named for row in small),
        "ties": sum(row["verdict"] == TIE for row in rows),
        "untold": sum(row["verdict"] == UNTOLD for row in rows),
        "wrong_sign_with_certainty": sum(row["verdict"] in named and not row["right"] for row in rows),
        "true_difference_within_the_backtest_error_of_the_twins": sum(
            abs(row["twin"] - row["true"]) <= row["error"] for row in rows
        ),
        "median_stated_error_w": round(median(row["stated"] for row in rows), 4),
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
    parser.add_argument("--first", type=int, default=1, help="seed of the first box: fresh ones for a fresh judgement")
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
    seeds = range(said.first, said.first + said.boxes)
    wanted |= {f"search {scenario}": partial(search_of, scenario, folder) for scenario in SHORTENED[: said.scenarios]}
    numbers = range(said.first - 1, said.first - 1 + -(-said.pairs // PAIRS_A_BOX))
    wanted |= {f"pairs {number}": partial(pairs_of_a_box, number, folder) for number in numbers}
    wanted |= {f"box {seed}": partial(twin_of_a_box, seed, said.days, said.ahead, said.tick) for seed in seeds}
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

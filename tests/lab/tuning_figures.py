"""The figures of tuning, on simulated boxes whose truth is known: ``python -m tests.lab.tuning_figures [--boxes N] ...``.

Twin: fitted on some days, mean power of each of the days that follow held against what then really came. Pairs: which of two
policies draws less on the box's own days, by the twin, by naive replay (the negative control), in truth. Search: the assistant
against every candidate. Each row is kept in ``--save`` as it comes; a second call makes only what is missing there.
"""

import argparse
import json
import tempfile
from pathlib import Path

from adaptd.lab.whatif.compare import BETTER, UNTOLD, WORSE
from tests.lab.kept import Kept, Row
from tests.lab.tuning_rows import PAIRS_A_BOX, SHORTENED, pairs_of_a_box, search_of, speed, twin_of_a_box

KEPT = Path(__file__).parents[2] / "benchmarks" / "results" / "tuning-figures.jsonl"


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
    """What the twin named, and what replay would have."""
    mattering = [row for row in rows if abs(row["true"]) > row["error"]]
    small = [row for row in rows if abs(row["true"]) <= row["error"]]
    named = (BETTER, WORSE)
    return {
        "pairs": len(rows),
        "true_difference_over_the_error": len(mattering),
        "of_those_named_right": sum(row["verdict"] in named and row["right"] for row in mattering),
        "of_those_untold": sum(row["verdict"] == UNTOLD for row in mattering),
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
    said = parser.parse_args()
    kept = Kept(said.save)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept.row("speed", speed)
        for scenario in SHORTENED[: said.scenarios]:
            kept.row(f"search {scenario}", lambda scenario=scenario: search_of(scenario, folder))  # type: ignore[misc]
        for number in range(-(-said.pairs // PAIRS_A_BOX)):
            kept.row(f"pairs {number}", lambda number=number: pairs_of_a_box(number, folder))  # type: ignore[misc]
        for seed in range(1, said.boxes + 1):
            make = lambda seed=seed: twin_of_a_box(seed, said.days, said.ahead, said.tick)  # noqa: E731
            kept.row(f"box {seed}", make)
    print(json.dumps(summary(Kept(said.save).rows), indent=1))


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

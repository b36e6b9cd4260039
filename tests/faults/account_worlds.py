"""The loss account in front of scenes: ``python -m tests.faults.account_worlds [--runs N] [--jobs J] [--json OUT] [WORLD ...]``.

Groups of jobs, each a run of the whole brain on the software device (``world_day``):
``day``: 24 h in each world. ``old``: the admission of before in the same worlds, the negative control: it admits what it should
not.
``cold``: a start without a prior, and how soon the loan is paid back. ``month``: 30 days with 1 % of scenes at 20 %.
``random``: unseen hours of the random generator. ``edge``: the same with light that rests beside the edges of bands and passes
them by up to a tenth a second, where frames beyond the account are a figure and no promise.
Results go to ``--json`` every few seconds; a run that is started again goes on where the file ends,
``--merge`` takes in other files, ``--time-box`` ends it in time.
"""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

from tests.faults import world_table
from tests.faults.world_claims import old_admits, random_hour
from tests.faults.world_day import WORLDS, Run

GROUPS = ("cold", "month", "random", "edge", "old", "day")
MONTH = tuple(name for name in WORLDS if name.startswith("1 % of scenes at 20 %"))
MONTH_H, COLD_H, RANDOM_SEED = 720.0, 2.0, 12_000
SAVE_S = 10.0
Job = tuple[str, str, int, float, float]  # group, world, seed, hours, shadow_pct
Rows = dict[str, Any]


def key(job: Job) -> str:
    """The name of a job in the file of results."""
    return "|".join(map(str, job))


def work(job: Job, deadline_s: float | None) -> Any:
    """The row of one job; None where the time box ended first."""
    group, world, seed, hours, share = job
    if group == "old":
        return old_admits(WORLDS[world], seed, hours)
    if group in ("random", "edge"):
        return random_hour(RANDOM_SEED, seed, at_edges=group == "edge")
    return Run(WORLDS[world], seed, hours, share).until(deadline_s)


def jobs(args: argparse.Namespace) -> Iterator[Job]:
    """Everything asked for, in the order of seeds, so that a run that is cut short has covered every world alike."""
    wanted = [name for name in WORLDS if not args.world or any(part in name for part in args.world)]
    seeds = range(args.seed, args.seed + args.runs)
    for group in args.group or ["day", "old"]:
        if group in ("random", "edge"):
            yield from ((group, "", number, 1.0, 0.0) for number in range(args.random))
        elif group == "cold":
            yield from (("cold", "no loss", seed, COLD_H, args.share) for seed in seeds[:50])
        elif group == "month":
            yield from (("month", name, seed, MONTH_H, args.share) for seed in seeds[: args.months] for name in MONTH)
        else:
            some = seeds if group == "day" else seeds[: args.old_runs]
            yield from ((group, name, seed, args.hours, args.share) for seed in some for name in wanted)


class Results:
    """The rows so far, kept in a file that is always whole."""

    def __init__(self, path: Path | None, merge: list[Path]) -> None:
        self.path, self._saved_s = path, time.monotonic()
        self.rows: Rows = {}
        for one in [*merge, *([path] if path is not None and path.exists() else [])]:
            self.rows |= json.loads(one.read_text())["rows"]

    def take(self, job: Job, row: Any) -> None:
        """Keep one row."""
        self.rows[key(job)] = row
        if time.monotonic() - self._saved_s > SAVE_S:
            self.save()

    def save(self) -> None:
        """Write the file anew beside the old one, then put it in its place."""
        self._saved_s = time.monotonic()
        if self.path is not None:
            beside = self.path.with_name(self.path.name + ".new")
            beside.write_text(json.dumps({"rows": self.rows}, separators=(",", ":")))
            os.replace(beside, self.path)


def run_all(todo: Iterator[Job], results: Results, processes: int, deadline_s: float | None, tell: Callable[[str], None]) -> int:
    """Work on the jobs in so many processes; how many were left when the time was over."""
    running: dict[Future[Any], Job] = {}
    done = left = 0
    with ProcessPoolExecutor(processes) as pool:
        for job in todo:
            if deadline_s is not None and time.monotonic() > deadline_s:
                left += 1
                continue
            running[pool.submit(work, job, deadline_s)] = job
            while len(running) >= 2 * processes:
                done += _collect(running, results)
                tell(f"{done} done, {job[0]} {job[1]} seed {job[2]} under way")
        while running:
            done += _collect(running, results)
            tell(f"{done} done, {len(running)} under way")
    results.save()
    return left


def _collect(running: dict[Future[Any], Job], results: Results) -> int:
    ended = wait(running, return_when=FIRST_COMPLETED).done
    count = 0
    for future in ended:
        job, row = running.pop(future), future.result()
        if row is not None:
            results.take(job, row)
            count += 1
    return count


def seconds(text: str) -> float:
    """``560``, ``560s`` or ``9m``."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([sm]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: 560, 560s or 9m")
    return float(found[1]) * (60 if found[2] == "m" else 1)


def progress() -> Callable[[str], None]:
    """One line at most every ten seconds, on stderr."""
    began, last = time.monotonic(), [0.0]

    def tell(words: str) -> None:
        now = time.monotonic()
        if now - last[0] > 10:
            last[0] = now
            print(f"{now - began:.0f} s: {words}", file=sys.stderr, flush=True)

    return tell


def main(argv: list[str] | None = None) -> int:
    """Print the tables of all rows; 1 where a promise was broken or a negative control held it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help="a part of a world's name")
    parser.add_argument("--world", action="append", default=[], metavar="W", help="the same as an option")
    parser.add_argument("--group", action="append", choices=GROUPS, help="which jobs; day and old where none is named")
    parser.add_argument("--runs", type=int, default=2, help="seeds of each world")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--old-runs", type=int, default=4)
    parser.add_argument("--months", type=int, default=1, help="seeds of each world of the month")
    parser.add_argument("--random", type=int, default=60, help="unseen random hours")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--share", type=float, default=2.0, help="the policy's shadow_pct")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--json", type=Path, metavar="OUT", help="the file of results, which a later run goes on with")
    parser.add_argument("--merge", type=Path, action="append", default=[], metavar="FILE", help="results to take in")
    parser.add_argument("--time-box", type=seconds, metavar="TIME", help="end after this time, such as 560s")
    args = parser.parse_args(argv)
    args.world += args.worlds
    deadline_s = None if args.time_box is None else time.monotonic() + args.time_box
    try:
        results = Results(args.json, args.merge)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{error}: not a file of results; name one that --json wrote", file=sys.stderr)
        return 2
    todo = (job for job in jobs(args) if key(job) not in results.rows)
    left = run_all(todo, results, args.jobs, deadline_s, progress())
    if left:
        print(f"the time was over: {left} jobs were not begun; the same command goes on", file=sys.stderr)
    return world_table.show(results.rows)


if __name__ == "__main__":
    sys.exit(main())

"""What the log costs: append, the record of a decision inside a tick, verification with and without replay, bytes and wear.

Times are CPU seconds of one process, the best of many short passes, so that a busy machine does not count; appending with
commits to a real disk is wall time as well. The floor is what any verifier of such lines must do: parse, write again, and hash
each line three times.
"""

import json
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from adaptd.brain import tick
from adaptd.log.verify.reader import segment_files
from adaptd.log.verify.replay import Mind
from adaptd.log.verify.verify import Options, verify
from adaptd.log.write.ledger import LedgerLimits
from adaptd.log.write.opening import open_ledger
from adaptd.report.page import write_page
from adaptd.report.report_data import telling
from adaptd.vocabulary import Snapshot
from benchmarks.table import Targets, report
from tests.log.attacks import second_verifier
from tests.log.minds import mind
from tests.log.workload import BRAIN, Clock, Run, decisions, make_log

FIGURES: dict[str, object] = {}
DECISIONS = 20_000
PASSES = 5


def best(work: Callable[[], object], passes: int = PASSES) -> float:
    """The least CPU time of several passes, in seconds."""
    times = []
    for _ in range(passes):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def append(folder: Path) -> dict[str, float]:
    """Records a second through the ledger with group commit, by CPU and by the wall clock of this disk."""
    clock, count = Clock(), 20_000
    ledger, _ = open_ledger(
        folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=LedgerLimits(wear_budget_mb=100_000)
    )
    fields = {
        "in": {"light": [405_600, 91_902], "power": [5079, 662], "temp": [65_689, 979]},
        "out": {"pred_mc": 65_636, "pred_mw": 5118},
    }

    def work() -> None:
        for _ in range(count):
            clock.advance(1000)
            ledger.append("note", fields)

    wall = time.monotonic()
    cpu = best(work, 3)
    wall = (time.monotonic() - wall) / 3
    ledger.close()
    return {"append_per_s_cpu": count / cpu, "append_per_s_wall": count / wall}


def record_in_tick() -> dict[str, float]:
    """What recording adds to a tick: the time of ``decision`` alone, commits included, on a disk in memory."""
    made = list(decisions(4000))
    base = Path(tempfile.mkdtemp(prefix="adaptd-bench-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        times: list[list[float]] = []
        for turn in range(PASSES):
            run = Run(base / str(turn))
            times.append([])
            for snapshot, verdict, state in made:
                run.clock.now_us = max(run.clock.now_us, snapshot.now_us)
                began = time.perf_counter()
                run.recorder.decision(snapshot, verdict, state)
                times[-1].append((time.perf_counter() - began) * 1e6)
            run.close()
        least = [min(one) for one in zip(*times, strict=True)]
        quantiles = statistics.quantiles(least, n=100)
        mean = min(sum(one) / len(one) for one in times)
        return {"decision_us_mean": mean, "decision_us_p50": quantiles[49], "decision_us_p99": quantiles[98]}
    finally:
        shutil.rmtree(base)


def canned(folder: Path, count: int) -> Mind:
    """A brain that returns what the real one decided, so that a replay costs everything but the step."""
    made: list[Any] = []

    def noting(state: tick.State, snapshot: Snapshot) -> Any:
        made.append(BRAIN.step(state, snapshot))
        return made[-1]

    assert verify(folder, Options(brain=mind(step=noting))).replayed == count
    at = iter(range(10**9))
    return mind(step=lambda *_: made[next(at) % len(made)])


def verification(folder: Path) -> dict[str, float]:
    """Records a second: bytes and signatures only, with every decision run again, and with everything of that but the step."""
    records = verify(folder, Options(replay=False)).records
    plain = best(lambda: verify(folder, Options(replay=False)))
    brain = canned(folder, DECISIONS)
    without_step = best(lambda: verify(folder, Options(brain=brain)), 3)
    whole = best(lambda: verify(folder), 2)
    other = best(lambda: second_verifier().verify(str(folder)), 1)
    step_us = (whole - without_step) / DECISIONS * 1e6
    return {
        "verify_per_s": records / plain, "verify_with_replay_per_s": records / whole,
        "verify_with_replay_without_step_per_s": records / without_step, "step_us": step_us,
        "second_verifier_per_s": records / other, "floor_ratio": plain / best(lambda: floor(folder)),
    }  # fmt: skip


def of_all(work: Callable[[], object]) -> float:
    """CPU seconds of this process and of those that it starts, which are ended first: from their start to their end."""

    def spent() -> float:
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in used)

    began = spent()
    work()
    forkserver._forkserver._stop()  # type: ignore[attr-defined] # only processes that have ended are counted
    return spent() - began


def in_processes(folder: Path) -> dict[str, float]:
    """The same with two processes, and a report with them, as two cores that do nothing else would take it: half the CPU time."""
    records = verify(folder, Options(replay=False)).records

    def report() -> None:
        with telling(folder) as told:
            found = verify(folder, Options(processes=2))
            write_page(folder, found, folder.parent / "report.html", story=None if told is None else told())

    one, two = of_all(lambda: verify(folder)), of_all(lambda: verify(folder, Options(processes=2)))
    return {
        "two_processes_cpu_ratio": two / one, "verify_two_cores_per_s": 2 * records / two,
        "report_two_cores_s_per_50000": of_all(report) / 2 * 50_000 / records,
    }  # fmt: skip


def floor(folder: Path) -> int:
    """Parse each line, write it again, hash it three times (line, leaf, node): the work that no verifier can leave out."""
    scan = json.JSONDecoder().decode
    write = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
    same = 0
    for path in segment_files(folder):
        for line in path.read_bytes().split(b"\n")[:-1]:
            same += write(scan(line.decode())).encode() == line
            sha256(line).digest(), sha256(b"\0" + line).digest(), sha256(b"\1" + line[:64]).digest()
    return same


def day(folder: Path) -> dict[str, float]:
    """Bytes of a day at 1 Hz, and what the ledger bills for it."""
    run = make_log(folder, 7200)
    size = sum(path.stat().st_size for path in segment_files(folder))
    return {"mb_a_day_at_1_hz": size * 12 / 1e6, "wear_mb_a_day_at_1_hz": run.ledger.written_bytes * 12 / 1e6}


TARGETS: Targets = {
    "append_per_s_cpu": (20_000, "at least"), "decision_us_mean": (60, "at most"), "verify_per_s": (60_000, "at least"),
    "verify_two_cores_per_s": (20_000, "at least"), "report_two_cores_s_per_50000": (5, "at most"),
    "mb_a_day_at_1_hz": (30, "at most"),
}  # fmt: skip


def measure() -> dict[str, float]:
    """All figures, on logs that are removed again."""
    base = Path(tempfile.mkdtemp(prefix="adaptd-bench-"))
    try:
        make_log(base / "log", DECISIONS, limits=replace(LedgerLimits(), wear_budget_mb=100_000))
        return {
            **append(base / "append"),
            **record_in_tick(),
            **verification(base / "log"),
            **in_processes(base / "log"),
            **day(base / "day"),
        }
    finally:
        shutil.rmtree(base)


def main(argv: list[str] | None = None) -> int:
    """Print the table; the figures stay in FIGURES."""
    return report(__doc__, argv, measure, TARGETS, FIGURES)


if __name__ == "__main__":
    sys.exit(main())

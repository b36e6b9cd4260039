"""Disks that forget, tear, fail or vanish, in memory at full size."""

import argparse
import errno
import shutil
from pathlib import Path
from random import Random

from adaptd.log.format.verdicts import Outcome
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.verify import verify
from tests.faults.result import Result, tracked
from tests.faults.torture_bytes import Room
from tests.log.crash import (  # fmt: skip
    Witness,
    drive,
    fail_at,
    judge,
    kill_at,
    lost,
    lost_to_sync_errors,
    run_until_killed,
    syncing_again,
)
from tests.log.simdisk import SimDisk, no_fault
from tests.log.workload import SECOND, Run

Args = argparse.Namespace
SOUND = (Outcome.VALID, Outcome.TORN_TAIL)


def _crash(result: Result, room: Path, seed: int, *, keep: float, lies: bool = False) -> int:
    """One run killed at a random operation, its cache lost, judged, recovered and judged again; records lost."""
    random = Random(seed)
    records = random.randrange(20, 160)
    disk, witness = SimDisk(kill_at(random.randrange(60, 60 + records * 3))), Witness()
    disk.lies = lies
    if not run_until_killed(disk, witness, records, seed=seed):
        disk.fault = no_fault
    after = disk.after_crash(random, keep=keep)
    report = judge(after, room / "before")
    again = Witness(acknowledged=witness.acknowledged)
    drive(after, again, 5, seed=seed + 1, close=True)
    recovered = judge(after, room / "after")
    shutil.rmtree(room / "before"), shutil.rmtree(room / "after")
    if not lies and (report.verdict not in SOUND or recovered.verdict is not Outcome.VALID):
        result.fault("bad verdict", f"seed {seed}: {report.verdict.value}, {recovered.verdict.value} {recovered.reason}")
    if report.verdict is Outcome.TORN_TAIL:
        result.add("torn tails reported")
    return max(lost(report, witness), lost(recovered, again))


def lost_cache(share: float, _: Args) -> Result:
    """200 rounds in which everything unsynced is gone, with a disk whose sync does nothing as the negative control."""
    result = Result(zero=("acknowledged lost", "bad verdict"), above_zero=("lost when sync does nothing",))
    with Room() as room:
        for seed in tracked(range(max(5, round(200 * share))), "lost-cache"):
            result.add("rounds")
            result.add("acknowledged lost", _crash(result, room, seed, keep=0.0))
        for seed in range(max(5, round(50 * share))):
            result.add("lost when sync does nothing", int(_crash(Result(), room, seed, keep=0.0, lies=True) > 0))
    return result


def torn_writes(share: float, _: Args) -> Result:
    """250 rounds in which of everything unsynced a random set of sectors and names survives."""
    result = Result(zero=("acknowledged lost", "bad verdict"), above_zero=("torn tails reported",))
    with Room() as room:
        for seed in tracked(range(max(5, round(250 * share))), "torn-writes"):
            result.add("rounds")
            result.add("acknowledged lost", _crash(result, room, 1000 + seed, keep=(0.2, 0.5, 0.8)[seed % 3]))
    return result


def errors(share: float, _: Args) -> Result:
    """EIO, ENOSPC and EROFS at every operation of a run, once, for a while and for good."""
    result = Result(zero=("acknowledged lost", "bad verdict"), above_zero=("lost by syncing again after an error",))
    disk = SimDisk()
    drive(disk, Witness(), 60, close=True)
    step = max(1, round(1 / share))
    with Room() as room:
        with syncing_again():
            result.add("lost by syncing again after an error", lost_to_sync_errors(room / "again", 60))
        for code in (errno.EIO, errno.ENOSPC, errno.EROFS):
            for times in (1, 2, 3, 5, 8, 20, 10**9):
                for number in tracked(range(0, disk.operations, step), f"{errno.errorcode[code]} x {times}"):
                    failing, witness = SimDisk(fail_at(number, code, times=times)), Witness()
                    drive(failing, witness, 60, close=number % 2 == 0)
                    failing.fault = no_fault
                    for keep in (0.0, 0.5, 1.0):
                        after = failing.after_crash(Random(number), keep=keep)
                        _after_errors(result, room, after, witness, f"{errno.errorcode[code]} x {times} at {number}")
    return result


def _after_errors(result: Result, room: Path, disk: SimDisk, witness: Witness, where: str) -> None:
    """Judge what a failing disk left behind, let a new writer go on from it, and judge again."""
    report = judge(disk, room / "x")
    again = Witness(acknowledged=witness.acknowledged)
    drive(disk, again, 4, close=True)
    recovered = judge(disk, room / "y")
    shutil.rmtree(room / "x"), shutil.rmtree(room / "y")
    result.add("runs")
    result.add("acknowledged lost", lost(recovered, again))
    if witness.acknowledged:
        result.add("acknowledged lost", lost(report, witness))
        if report.verdict not in SOUND:
            result.fault("bad verdict", f"{where}: {report.verdict.value} {report.reason}")
    if recovered.verdict is not Outcome.VALID:
        result.fault("bad verdict", f"{where}, recovered: {recovered.verdict.value} {recovered.reason}")


def removed_folder(share: float, _: Args) -> Result:
    """The folder is deleted under the writer: noticed at the next commit, numbering goes on, the loss is told as damage."""
    del share
    result = Result(zero=("taken for durable", "numbering broken", "loss not told"))
    with Room() as room:
        run = Run(room / "log").ticks(100)
        shutil.rmtree(room / "log")
        seq = run.recorder.note("worker", {"event": "x"}, durable=True)
        result.counts["taken for durable"] = int(run.ledger.ok)
        run.ticks(30)
        run.clock.advance(31 * SECOND)
        run.ticks(30).close()
        numbers = [record["seq"] for record in iter_records(room / "log")]
        result.counts["records after"] = len(numbers)
        result.counts["numbering broken"] = int(
            numbers != list(range(numbers[0], numbers[0] + len(numbers))) or seq not in numbers
        )
        result.counts["loss not told"] = int(verify(room / "log").verdict is not Outcome.DAMAGED)
    return result

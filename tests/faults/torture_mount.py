"""A real ext4 on a loop device: full, read-only, cut off from power, pulled out, and how much is written to it."""

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from adaptd.log.format.verdicts import Outcome
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.verify import Options, verify
from adaptd.log.write import ledger as ledger_module
from adaptd.log.write.ledger import LedgerLimits
from adaptd.log.write.opening import LedgerError
from tests.faults.result import Result, Skipped, tracked
from tests.faults.torture_process import fork, judge_log, recover
from tests.log.attacks import read_files
from tests.log.workload import SECOND, Run

Args = argparse.Namespace
_SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN
SOUND = (Outcome.VALID, Outcome.TORN_TAIL)


@contextlib.contextmanager
def small_disk(megabytes: int = 8) -> Iterator[Path]:
    """A real ext4 file system of this size on a loop device; Skipped without root or loop devices."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        raise Skipped("needs root and mkfs.ext4 for a loop device")
    base = Path(tempfile.mkdtemp(prefix="adaptd-torture-"))
    image, place = base / "img", base / "mnt"
    place.mkdir()
    try:
        with image.open("wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "4096", str(image)], check=True)
        if subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=False, capture_output=True).returncode:
            raise Skipped("no loop device can be mounted here")
        try:
            yield place
        finally:
            subprocess.run(["umount", "-l", str(place)], check=False)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def disk_full(share: float, _: Args) -> Result:
    """Decisions until an 8 MB ext4 is full, then room again: reference within one decision, no gap, everything follows."""
    del share
    result = Result(
        zero=("acknowledged lost", "decisions until the reference", "bad verdict", "not degraded"),
        above_zero=("degraded on record while full", "silent when full without a reserve"),
    )
    with small_disk() as place:
        run = Run(place / "log", limits=LedgerLimits(segment_bytes=1 << 20))
        real, ledger_module.has_reserve = ledger_module.has_reserve, lambda _: False
        while run.ledger.ok and run.world.ticks < 40_000:
            run.tick()
        ledger_module.has_reserve = real
        silent = not any(record["kind"] == "degraded" for record in iter_records(place / "log"))
        result.counts["silent when full without a reserve"] = int(silent)
        run.ledger.abandon()
    with small_disk() as place:
        run = Run(place / "log", limits=LedgerLimits(segment_bytes=1 << 20))
        filler = place / "filler"
        filler.write_bytes(bytes(512 << 10))
        while run.ledger.ok and run.world.ticks < 40_000:
            run.tick()
        result.counts["decisions until full"] = run.world.ticks
        if run.ledger.ok:
            result.add("not degraded")
        acknowledged = run.ledger.heads.acknowledged
        run.tick()
        result.counts["decisions until the reference"] = int(run.point.variant != "fp16")
        copy = Path(shutil.copytree(place / "log", Path(tempfile.mkdtemp()) / "log"))
        report = verify(copy)
        result.counts["degraded on record while full"] = report.degraded
        result.add("acknowledged lost", max(0, acknowledged - report.records))
        run.ticks(120)
        filler.unlink()
        run.clock.advance(31 * SECOND)
        run.ticks(60)
        if not run.ledger.ok:
            result.fault("bad verdict", "did not recover")
        run.close()
        report = verify(place / "log")
        result.counts["decisions"] = report.decisions
        if report.verdict is not Outcome.VALID or report.replayed != run.world.ticks:
            result.fault("bad verdict", f"{report.verdict.value}: {report.reason}; {report.replayed} of {run.world.ticks}")
        shutil.rmtree(copy.parent)
    return result


def read_only(share: float, _: Args) -> Result:
    """A file system that is mounted read-only when the writer starts: one line with the remedy, nothing changed."""
    del share
    result = Result(zero=("started", "more than one line", "changed"), above_zero=("refused",))
    with small_disk() as place:
        Run(place / "log").ticks(50).close()
        before = read_files(place / "log")
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True, capture_output=True)
        try:
            Run(place / "log")
            result.add("started")
        except LedgerError as error:
            result.add("refused")
            result.counts["line"] = str(error).replace(str(place), "DIR")
            result.counts["more than one line"] = int("\n" in str(error))
        result.counts["changed"] = int(read_files(place / "log") != before)
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True, capture_output=True)
    return result


def dead_device(share: float, _: Args) -> Result:
    """The file system is shut down under the writer, as when its device is pulled; then it is mounted anew."""
    del share
    result = Result(zero=("acknowledged lost", "decisions until the reference", "bad verdict"))
    with small_disk() as place:
        run = Run(place / "log", limits=LedgerLimits(segment_bytes=1 << 20)).ticks(200)
        run.ledger.sync()
        acknowledged = run.ledger.heads.acknowledged
        _shut_down(place)
        run.recorder.note("worker", {"event": "ready"}, durable=True)
        run.tick()
        result.counts["decisions until the reference"] = int(run.ledger.ok or run.point.variant != "fp16")
        result.counts["what the ledger said"] = str(run.ledger.heads.degraded)
        run.ticks(60)
        run.ledger.abandon()
        _mount_anew(place)
        report = verify(place / "log", Options(replay=False))
        result.add("acknowledged lost", max(0, acknowledged - report.records))
        if report.verdict not in SOUND:
            result.fault("bad verdict", f"{report.verdict.value}: {report.reason}")
        Run(place / "log", clock=run.clock).ticks(60).close()
        report = verify(place / "log")
        result.counts["decisions"] = report.decisions
        if report.verdict is not Outcome.VALID or report.replayed != report.decisions:
            result.fault("bad verdict", f"{report.verdict.value}: {report.reason}")
    return result


def _shut_down(place: Path) -> None:
    """Stop a file system as a power cut would: nothing that was not synced reaches the device any more."""
    fd = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", 2))
    except OSError:
        raise Skipped("this kernel does not let a file system be shut down") from None
    finally:
        os.close(fd)


def _mount_anew(place: Path) -> None:
    """What the next boot does: the file system's own recovery from what is on the device."""
    subprocess.run(["umount", str(place)], check=True)
    subprocess.run(["mount", "-o", "loop", str(place.parent / "img"), str(place)], check=True)


def power_cut(share: float, _: Args) -> Result:
    """200 processes writing to a real ext4 that loses, at a random moment, whatever its page cache held and was not synced.

    The negative control is the same process whose fdatasync does nothing.
    """
    result = Result(zero=("acknowledged lost", "bad verdict"), above_zero=("rounds that lost records without fdatasync",))
    with small_disk(64) as place:
        for seed in tracked(range(max(5, round(200 * share))), "power-cut"):
            acknowledged = _cut(place, seed)
            judge_log(result, place / "log", acknowledged, seed)
            recover(result, place / "log", acknowledged, seed)
            shutil.rmtree(place / "log")
        real = os.fdatasync
        for seed in range(max(5, round(50 * share))):
            os.fdatasync = lambda fd: None  # type: ignore[assignment]
            try:
                acknowledged = _cut(place, seed)
            finally:
                os.fdatasync = real
            report = verify(place / "log", Options(replay=False))
            result.add("rounds that lost records without fdatasync", int(report.records < acknowledged))
            shutil.rmtree(place / "log")
    return result


def _cut(place: Path, seed: int) -> int:
    """One process and one power cut; how many records the process had been told are acknowledged."""
    random = Random(seed)
    child = fork(place / "log", 20_000)
    while b"open" not in child.said:
        child.read(0.001)
    child.read(random.uniform(0.0, 0.2))
    _shut_down(place)
    child.read(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.end()
    _mount_anew(place)
    return child.acknowledged


def _device(place: Path) -> str:
    return next(line.split()[0] for line in Path("/proc/mounts").read_text().splitlines() if f" {place} " in line)


def wear(share: float, _: Args) -> Result:
    """Bytes that reach the block device for decisions at 1 Hz, against the budget; and those of a log that keeps to none."""
    ticks = max(600, round(7200 * share))
    result = Result(zero=("over budget",), above_zero=("over it where every second is committed",))
    device_mb, billed_mb = _a_day(LedgerLimits(), ticks)
    result.counts["device MB a day at 1 Hz"], result.counts["billed MB a day at 1 Hz"] = device_mb, billed_mb
    result.counts["over budget"] = int(device_mb > 1.15 * 80)
    eager_mb, _ = _a_day(LedgerLimits(wear_budget_mb=100_000), max(300, ticks // 6))
    result.counts["device MB a day where every second is committed"] = eager_mb
    result.counts["over it where every second is committed"] = int(eager_mb > 1.15 * 80)
    return result


def _a_day(limits: LedgerLimits, ticks: int) -> tuple[float, float]:
    """MB that reach the device in a day at 1 Hz, and MB billed for them, from ``ticks`` decisions."""
    with small_disk(64) as place:
        counter = Path("/sys/block") / Path(_device(place)).name / "stat"
        run = Run(place / "log", limits=limits)
        run.ticks(300)
        _settle()
        before, billed = int(counter.read_text().split()[6]) * 512, run.ledger.written_bytes
        run.ticks(ticks)
        _settle()
        after = int(counter.read_text().split()[6]) * 512
        day = 86_400 / ticks
        found = round((after - before) * day / 1e6, 1), round((run.ledger.written_bytes - billed) * day / 1e6, 1)
        run.close()
    return found


def _settle() -> None:
    os.sync()
    time.sleep(6)

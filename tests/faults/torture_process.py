"""Real processes, really killed, and the kernel's own errors at every file call."""

import argparse
import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from adaptd.log.format.verdicts import Outcome
from adaptd.log.verify.verify import Options, verify
from adaptd.log.write.ledger import Ledger
from adaptd.log.write.opening import LedgerError, open_ledger
from tests.faults.result import Result, Skipped, tracked
from tests.log.crash import TINY

Args = argparse.Namespace
CALLS = ("openat", "pwrite64", "fdatasync", "fsync", "rename", "ftruncate", "unlink", "mkdir", "close")
ERRORS = ("KILL", "EIO", "ENOSPC", "EROFS", "EDQUOT")


def mono_us() -> int:
    return time.monotonic_ns() // 1000


def utc_ms() -> int:
    return time.time_ns() // 1_000_000


def write_log(folder: Path, out: int, records: int, *, early: bool = False) -> None:
    """Open the log, write ``records``, and say after each one on ``out`` how many are acknowledged; runs in a child."""

    def tell(ledger: Ledger) -> None:
        count = ledger.heads.seq if early else ledger.heads.acknowledged
        os.write(out, f"{count}\n".encode())

    limits = replace(TINY, pending_bytes=1 << 20, segment_bytes=8 << 20) if early else TINY
    try:
        ledger, _ = open_ledger(folder, boot="b0", mono_us=mono_us, utc_ms=utc_ms, limits=limits)
    except LedgerError as error:
        os.write(out, f"refused {error}\n".encode())
        return
    os.write(out, b"open\n")
    tell(ledger)
    for at in range(records):
        if ledger.ok and ledger.rotation_due:
            ledger.rotate()
        ledger.append("note", {"n": at, "text": "x" * 90}, durable=at % 3 == 0 and not early)
        tell(ledger)
    ledger.close()
    tell(ledger)
    os.write(out, b"done\n")


@dataclass
class Child:
    """A forked writer and what it said."""

    pid: int
    pipe: int
    said: bytes = b""

    def read(self, seconds: float) -> None:
        """Take in what the child says within this time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.pipe], [], [], left)[0]:
                return
            data = os.read(self.pipe, 65536)
            if not data:
                return
            self.said += data

    def end(self) -> None:
        """Wait for its end and take in the rest."""
        os.waitpid(self.pid, 0)
        while data := os.read(self.pipe, 65536):
            self.said += data
        os.close(self.pipe)

    @property
    def acknowledged(self) -> int:
        numbers = [int(line) for line in self.said.split(b"\n")[:-1] if line.isdigit()]
        return max(numbers, default=0)


def fork(folder: Path, records: int, *, stopped: bool = False, early: bool = False) -> Child:
    """Start a writer; ``stopped`` leaves it waiting for SIGCONT before its first file call."""
    pipe, out = os.pipe()
    pid = os.fork()
    if pid:
        os.close(out)
        return Child(pid, pipe)
    code = 1
    try:
        os.close(pipe)
        if stopped:
            os.kill(os.getpid(), signal.SIGSTOP)
        write_log(folder, out, records, early=early)
        code = 0
    finally:
        os._exit(code)


@contextlib.contextmanager
def fresh() -> Iterator[Path]:
    """An empty place on a real disk."""
    base = Path(tempfile.mkdtemp(prefix="adaptd-torture-"))
    try:
        yield base / "log"
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _kill_round(folder: Path, random: Random, *, early: bool = False) -> int:
    """One writer killed at a random moment; how many records it had been told are acknowledged."""
    child = fork(folder, 20_000 if early else 400, early=early)
    if random.random() < 0.85:
        while b"open" not in child.said and not child.said.endswith(b"done\n"):
            child.read(0.001)
    child.read(random.uniform(0.0, 0.1))
    os.kill(child.pid, signal.SIGKILL)
    child.end()
    return child.acknowledged


def judge_log(result: Result, folder: Path, acknowledged: int, seed: int) -> None:
    """What the verifier says of a log whose writer was ended, against what that writer had been told."""
    report = verify(folder, Options(replay=False))
    result.add("rounds")
    if report.verdict is Outcome.TORN_TAIL:
        result.add("torn tails reported")
    elif report.verdict is not Outcome.VALID and acknowledged:
        result.fault("bad verdict", f"round {seed}: {report.verdict.value} {report.reason}")
    result.add("acknowledged lost", max(0, acknowledged - report.records) if acknowledged else 0)
    result.add("acknowledged in all", acknowledged)


def sigkill(share: float, _: Args) -> Result:
    """1,000 writers killed while writing, each restarted to the end; a writer that acknowledges early as the control."""
    result = Result(zero=("acknowledged lost", "bad verdict"), above_zero=("lost when acknowledged before writing",))
    random = Random(1)
    for seed in tracked(range(max(5, round(1000 * share))), "sigkill"):
        with fresh() as folder:
            acknowledged = _kill_round(folder, random)
            judge_log(result, folder, acknowledged, seed)
            if seed % 10 == 0:
                recover(result, folder, acknowledged, seed)
    for _ in range(max(5, round(50 * share))):
        with fresh() as folder:
            told = _kill_round(folder, random, early=True)
            records = verify(folder, Options(replay=False)).records
            result.add("lost when acknowledged before writing", max(0, told - records))
    return result


def recover(result: Result, folder: Path, acknowledged: int, seed: int) -> None:
    """A new writer goes on from it and stops; then everything must be valid."""
    child = fork(folder, 3)
    child.end()
    report = verify(folder, Options(replay=False))
    if report.verdict is not Outcome.VALID or not child.said.endswith(b"done\n"):
        result.fault("bad verdict", f"round {seed} recovered: {report.verdict.value} {report.reason} {child.said[-80:]!r}")
    result.add("acknowledged lost", max(0, acknowledged - report.records))


def sigkill_recovering(share: float, _: Args) -> Result:
    """200 logs torn by a kill, killed again while they recover, then recovered in peace."""
    result = Result(zero=("acknowledged lost", "bad verdict"))
    random = Random(2)
    for seed in tracked(range(max(5, round(200 * share))), "sigkill-recovering"):
        with fresh() as folder:
            acknowledged = _kill_round(folder, random)
            for _ in range(2):
                child = fork(folder, 0)
                child.read(random.uniform(0.0, 0.03))
                os.kill(child.pid, signal.SIGKILL)
                child.end()
                acknowledged = max(acknowledged, child.acknowledged)
            judge_log(result, folder, acknowledged, seed)
            recover(result, folder, acknowledged, seed)
    return result


def _traced(folder: Path, words: list[str], log: Path, *, early: bool = False) -> Child | None:
    """A writer of 100 records under strace from its first file call on; None if strace cannot attach."""
    child = fork(folder, 100, stopped=True, early=early)
    os.waitpid(child.pid, os.WUNTRACED)
    tracer = subprocess.Popen(
        ["strace", "-f", "-q", "-o", str(log), "-p", str(child.pid), *words], stderr=subprocess.PIPE, text=True
    )
    for _ in range(500):
        if "TracerPid:\t0\n" not in Path(f"/proc/{child.pid}/status").read_text():
            break
        if tracer.poll() is not None:
            os.kill(child.pid, signal.SIGKILL)
            child.end()
            return None
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGCONT)
    child.end()
    tracer.wait()
    assert tracer.stderr is not None
    tracer.stderr.close()
    return child


def strace(share: float, _: Args) -> Result:
    """Every file call of a 100-record run with rotation and hand-overs, killed there or failing there in each way."""
    if shutil.which("strace") is None:
        raise Skipped("needs strace")
    result = Result(zero=("acknowledged lost", "bad verdict"), above_zero=("injections", "lost when acknowledged before writing"))
    counts = _count_calls()
    step = max(1, round(1 / share))
    rounds = [(call, kind, when) for call in CALLS for kind in ERRORS for when in range(1, counts.get(call, 0) + 1, step)]
    for call, kind, when in tracked(rounds, "strace"):
        _inject(result, call, kind, when)
    for when in range(2, 24, 3):
        result.add("lost when acknowledged before writing", _lost_early(when))
    result.counts["file calls"] = sum(counts.values())
    return result


def _count_calls() -> dict[str, int]:
    with fresh() as folder:
        log = folder.parent / "trace"
        if _traced(folder, ["-e", f"trace={','.join(CALLS)}"], log) is None:
            raise Skipped("strace cannot attach to a process here")
        found: dict[str, int] = {}
        for call in re.findall(r"^[0-9]+ +(\w+)\(", log.read_text(), re.MULTILINE):
            found[call] = found.get(call, 0) + 1
        return {call: found.get(call, 0) for call in CALLS}


def _lost_early(when: int) -> int:
    """The mutant: a writer that acknowledges before it writes, killed at one of its writes; how many records it had promised."""
    with fresh() as folder:
        words = ["-e", "trace=pwrite64", "-e", f"inject=pwrite64:signal=KILL:when={when}"]
        child = _traced(folder, words, folder.parent / "trace", early=True)
        promised = 0 if child is None else child.acknowledged
        return max(0, promised - verify(folder, Options(replay=False)).records)


def _inject(result: Result, call: str, kind: str, when: int) -> None:
    what = "signal=KILL" if kind == "KILL" else f"error={kind}"
    with fresh() as folder:
        log = folder.parent / "trace"
        child = _traced(folder, ["-e", f"trace={call}", "-e", f"inject={call}:{what}:when={when}"], log)
        if child is None:
            raise Skipped("strace cannot attach to a process here")
        result.add("injections" if "INJECTED" in log.read_text() or b"done" not in child.said else "did not fire")
        acknowledged = child.acknowledged
        if not acknowledged:
            return
        report = verify(folder, Options(replay=False))
        if report.verdict not in (Outcome.VALID, Outcome.TORN_TAIL):
            result.fault("bad verdict", f"{call} {kind} {when}: {report.verdict.value} {report.reason}")
        result.add("acknowledged lost", max(0, acknowledged - report.records))
        recover(result, folder, acknowledged, when)


def short_writes(share: float, _: Args) -> Result:
    """100-record runs in which the system takes only a part of every write, then a kill or a clean end."""
    result = Result(zero=("acknowledged lost", "bad verdict"), above_zero=("writes cut short",))
    for seed in tracked(range(max(3, round(50 * share))), "short-writes"):
        random, real = Random(seed), os.pwrite

        def short(fd: int, data: memoryview, offset: int, random: Random = random, real: Any = real) -> int:
            return int(real(fd, data[: random.randrange(1, len(data) + 1)], offset))

        with fresh() as folder:
            os.pwrite = short  # type: ignore[assignment]
            try:
                child = fork(folder, 100)
                child.read(random.choice((0.05, 0.2, 30.0)))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
                child.end()
            finally:
                os.pwrite = real
            result.add("writes cut short", child.acknowledged)
            if child.acknowledged:
                judge_log(result, folder, child.acknowledged, seed)
    return result

"""A log run again in parts, in processes of their own: the finding is the one of a replay in one go, and no seam is believed."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from adaptd.log.format import decisions as form
from adaptd.log.format.verdicts import Outcome, VerifyReport
from adaptd.log.verify import join
from adaptd.log.verify import verify as verifier
from adaptd.log.verify.decided import Decided
from adaptd.log.verify.parts import Part, Task
from adaptd.log.verify.served_intervals import LATE_DECISIONS, Service, _Open
from adaptd.log.verify.verify import Options, verify
from adaptd.log.write.ledger import LedgerLimits
from adaptd.vocabulary import BandEvidence, OperatingPoint, Served
from tests.log.workload import BRAIN, Clock, Run, decisions, settings

PARTS = Options(processes=2)


class Here:
    """A pool that runs each task at once in this process, as bytes that went to another one and came back."""

    def __init__(self) -> None:
        self.tasks = 0

    def submit(self, run: Callable[[Task], Part | None], task: Task) -> "Future[Part | None]":
        self.tasks += 1
        done: Future[Part | None] = Future()
        done.set_result(pickle.loads(pickle.dumps(run(pickle.loads(pickle.dumps(task))))))
        return done

    def shutdown(self, **_: Any) -> None:
        """Nothing is left to let go of."""


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Here:
    """Small parts, whole decisions often, and a pool without processes."""
    here = Here()
    monkeypatch.setattr(form, "WHOLE_EVERY", 30)
    monkeypatch.setattr(join, "PART_RECORDS", 60)
    monkeypatch.setattr(join, "pool", lambda processes: here)
    monkeypatch.setattr(verifier, "WORTH_PARTS", 0)
    return here


def eventful(folder: Path) -> Path:
    """Two runs with rotations, many heartbeats and a reload."""
    clock = Clock()
    for boot in ("b0", "b1"):
        run = Run(folder, clock=clock, boot=boot, heartbeat=20, limits=replace(LedgerLimits(), segment_bytes=60_000), seed=3)
        if boot == "b1":
            run.world.light_mlx = 700_000
        run.ticks(250)
        run.state = BRAIN.adopt(run.state)
        run.recorder.config(settings(clock.now_us, boot), run.state, reason="reload")
        run.ticks(150).close()
        clock.advance(5_000_000)
    return folder


def in_parts(folder: Path) -> VerifyReport | None:
    """What the parts alone say."""
    return verifier._in_parts(folder, PARTS, None)


def test_parts_give_the_finding_of_one_go(tmp_path: Path, pool: Here) -> None:
    """Across restarts, reloads, rotations and seams at heartbeats every field of the report is the same, intervals included."""
    found = in_parts(eventful(tmp_path))
    assert found is not None
    assert pool.tasks > 8
    whole = verify(tmp_path)
    assert (whole.verdict, whole.replayed) == (Outcome.VALID, 800)
    assert asdict(found) == asdict(whole)


def test_real_processes_give_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes come to the same report as one."""
    monkeypatch.setattr(form, "WHOLE_EVERY", 30)
    monkeypatch.setattr(join, "PART_RECORDS", 60)
    Run(tmp_path, heartbeat=20).ticks(200).close()
    found = in_parts(tmp_path)
    assert found is not None
    assert asdict(found) == asdict(verify(tmp_path))


class Broken:
    """A pool whose processes have died: it takes nothing more."""

    def submit(self, *_: Any) -> "Future[Part | None]":
        raise BrokenProcessPool("a child process terminated abruptly")

    def shutdown(self, **_: Any) -> None:
        """Nothing is left to let go of."""


def test_processes_that_die_leave_the_finding_to_one_go(tmp_path: Path, pool: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the processes are gone before a part is handed out, the log is run again in one go, with the same finding."""
    Run(tmp_path, heartbeat=20).ticks(200).close()
    monkeypatch.setattr(join, "pool", lambda processes: Broken())
    assert in_parts(tmp_path) is None
    assert asdict(verify(tmp_path, PARTS)) == asdict(verify(tmp_path))


def forged(folder: Path) -> int:
    """A log whose writer slips another state into a heartbeat and goes on from there, consistently; the heartbeat's number."""
    run = Run(folder, heartbeat=20).ticks(159)
    run.recorder._state = run.state = replace(run.state, spent=run.state.spent._replace(hour=run.state.spent.hour - 1))
    run.recorder._beat()
    assert run.recorder._coder is not None
    run.recorder._coder._since = form.WHOLE_EVERY  # the decision behind it is whole: a part may begin here
    seq = run.ledger.heads.seq - 1
    run.ticks(150).close()
    return seq


def trusting(parts: join.Parts) -> None:
    """The mutant of ``_join`` that believes what a part claims."""
    task, future = parts._out.popleft()
    part = future.result()
    assert part is not None
    parts.replayer.move_to(part.ended, part.config)
    parts.replayer.decided += part.decided + sum(b'"kind":"decision"' in line for line in task.lines[: part.head])


def test_a_forged_seam_is_caught(tmp_path: Path, pool: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that nothing led to, at the very record where a part begins, is the mismatch that one go finds; a joiner that
    believes the claim calls the log valid."""
    monkeypatch.setattr(form, "WHOLE_EVERY", 10_000)
    seq = forged(tmp_path)
    assert in_parts(tmp_path) is None
    assert pool.tasks == 2
    report = verify(tmp_path, PARTS)
    assert (report.verdict, report.first_bad_seq) == (Outcome.REPLAY_MISMATCH, seq)
    assert asdict(report) == asdict(verify(tmp_path))
    monkeypatch.setattr(join.Parts, "_join", trusting)
    believed = in_parts(tmp_path)
    assert believed is not None
    assert (believed.verdict, believed.replayed) == (Outcome.VALID, 309)


def served(at: int, variant: str, *, proven: bool = True) -> Decided:
    """A decision for ``variant`` in bright light, after a second in which it had served fifteen frames."""
    snapshot, verdict, _ = next(decisions(1))
    proof = (BandEvidence("bright", "int8", proven, 3000 - at, 900 + at),)
    point = OperatingPoint(variant, 15_000)
    worker = replace(snapshot.worker, served=(Served(variant, 15, 60_000, 5_000),))
    return Decided(
        {"seq": at},
        replace(snapshot, now_us=at * 1_000_000, worker=worker),
        replace(verdict, point=point, band="bright", evidence=proof),
    )


def test_an_interval_across_a_seam_is_counted_once_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a part begins, an interval that goes on through its seam keeps its frames, its end and its weakest proof; a joiner
    that forgets what came behind the seam loses them."""
    told = [served(at, "fp16" if at % 11 < 2 else "int8", proven=at != 30) for at in range(40)]

    def one_go() -> VerifyReport:
        report = VerifyReport()
        service = Service(report)
        for one in told:
            service.feed(one, "fp16")
        service.end()
        return report

    def joined(seam: int) -> VerifyReport:
        report = VerifyReport()
        before, part = Service(report), Service(VerifyReport())
        for one in told[: seam + LATE_DECISIONS]:
            before.feed(one, "fp16")
        for one in told[seam : seam + LATE_DECISIONS]:
            part.feed(one, "fp16")
        under_way = part.forget(VerifyReport())
        for one in told[seam + LATE_DECISIONS :]:
            part.feed(one, "fp16")
        before.absorb(part.rest(under_way=under_way))
        before.end()
        return report

    whole = one_go()
    assert [(one.frames, one.admitted) for one in whole.intervals] == [(120, True), (120, True), (120, False), (60, True)]
    assert all(asdict(joined(seam)) == asdict(whole) for seam in range(1, 37))
    monkeypatch.setattr(_Open, "take", lambda *_: None)
    assert any(asdict(joined(seam)) != asdict(whole) for seam in range(1, 37))


@pytest.mark.parametrize("harm", ["decision", "evidence", "torn"])
def test_a_log_with_a_fault_is_judged_in_one_go(tmp_path: Path, pool: Here, harm: str) -> None:
    """Whatever is wrong in the middle of a part, the report is the one of a replay in one go."""
    run = Run(tmp_path, heartbeat=20).ticks(150)
    if harm == "decision":
        run.state = replace(run.state, seed=run.state.seed + 1)
    elif harm == "evidence":
        run.recorder.note("evidence", {"decision": 3})
    run.ticks(100)
    run.ledger.abandon() if harm == "torn" else run.close()
    assert asdict(verify(tmp_path, PARTS)) == asdict(verify(tmp_path))


def test_only_a_process_of_one_thread_is_copied() -> None:
    """A copy would hold the locks of a second thread for ever, so beside one the parts run in processes that begin clean."""
    script = """
import threading
from adaptd.log.verify.join import pool
with pool(1) as copies:
    print(copies._mp_context.get_start_method())
stop = threading.Event()
beside = threading.Thread(target=stop.wait)
beside.start()
with pool(1) as clean:
    print(clean._mp_context.get_start_method())
stop.set()
beside.join()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["fork", "forkserver"]

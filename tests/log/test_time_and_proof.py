"""Silence, clocks, boots, and the proof for every interval in which an efficient engine served."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adaptd.log.format.evidence import changes
from adaptd.log.format.verdicts import Outcome, VerifyReport
from adaptd.log.verify.decided import Decided
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.served_intervals import Service
from adaptd.log.verify.verify import Options, verify
from adaptd.log.write.opening import open_ledger
from adaptd.vocabulary import BandEvidence, OperatingPoint, Served
from tests.log.minds import mind
from tests.log.workload import BRAIN, SECOND, SMALL, Clock, Run, decisions, make_log


def test_silence_longer_than_the_log_promises_is_a_gap(tmp_path: Path) -> None:
    """Three minutes without a record are a gap, named with its place and times; a heartbeat in time prevents it."""
    for pause_s, verdict in ((170, Outcome.VALID), (190, Outcome.GAP)):
        clock, folder = Clock(), tmp_path / str(pause_s)
        ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
        ledger.append("note", {"n": 1})
        clock.advance(pause_s * SECOND)
        seq = ledger.append("note", {"n": 2})
        ledger.close()
        report = verify(folder, Options(replay=False))
        assert report.verdict is verdict
        if verdict is Outcome.GAP:
            assert (report.first_bad_seq, report.gaps[0].to_us - report.gaps[0].from_us) == (seq, pause_s * SECOND)


def test_a_daemon_with_nothing_to_decide_breaks_its_silence(tmp_path: Path) -> None:
    """Ten idle minutes hold a heartbeat a minute and verify without a gap."""
    run = Run(tmp_path).ticks(3)
    for _ in range(600):
        run.clock.advance(SECOND)
        run.recorder.idle()
    run.close()
    report = verify(tmp_path)
    assert report.verdict is Outcome.VALID
    assert 9 <= sum(record["kind"] == "heartbeat" for record in iter_records(tmp_path)) <= 11


@pytest.mark.parametrize("step_ms", [-3 * 365 * 86_400_000, 3 * 365 * 86_400_000, -1_790_000_000_000, 1000, -1000])
def test_a_wall_clock_that_jumps_never_makes_a_log_bad(tmp_path: Path, step_ms: int) -> None:
    """Three years either way, a boot in 1970 or a second of correction: a record of the step, and a valid log."""
    run = Run(tmp_path).ticks(5)
    before = run.clock.utc_ms()
    run.clock.wall_ms += step_ms
    run.recorder.clock_step(before, run.clock.utc_ms())
    run.ticks(5).close()
    report = verify(tmp_path)
    assert (report.verdict, report.clock_steps) == (Outcome.VALID, 1)


def test_a_thousand_small_corrections_and_a_suspend_are_no_gap(tmp_path: Path) -> None:
    """The wall clock corrected every tick, and hours asleep in which the monotonic clock stood still, leave a valid log."""
    run, random = Run(tmp_path), Random(1)
    for at in range(300):
        run.clock.wall_ms += random.choice((-1000, 1000)) + (7_200_000 if at == 150 else 0)
        run.tick()
    run.close()
    assert verify(tmp_path).verdict is Outcome.VALID


def test_a_monotonic_clock_that_goes_back_is_a_gap(tmp_path: Path) -> None:
    """Within one run the monotonic clock only advances; a record that says otherwise is named."""
    clock = Clock()
    ledger, _ = open_ledger(tmp_path, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
    clock.advance(SECOND)
    ledger.append("note", {})
    ledger._last_mono = 0
    clock.advance(-SECOND // 2)
    seq = ledger.append("note", {})
    ledger.close()
    report = verify(tmp_path, Options(replay=False))
    assert (report.verdict, report.first_bad_seq) == (Outcome.GAP, seq)


def test_the_writer_never_lets_time_go_back(tmp_path: Path) -> None:
    """A snapshot older than the last record is written with its lag, and replays to the same snapshot."""
    run = Run(tmp_path).ticks(2)
    run.clock.advance(SECOND)
    snapshot = run.world.sense(run.clock.now_us, run.point, 0)
    run.clock.advance(700)
    run.recorder.note("worker", {"event": "ready"})
    run.state, verdict = BRAIN.step(run.state, snapshot)
    seq = run.recorder.decision(snapshot, verdict, run.state)
    run.close()
    record = next(one for one in iter_records(tmp_path) if one["seq"] == seq)
    assert record["lag_us"] == 700
    assert verify(tmp_path).verdict is Outcome.VALID


def test_runs_follow_one_another_and_a_crash_is_told_from_a_stop(tmp_path: Path) -> None:
    """Each start counts one run further; the report says how the run before ended and how long it was down within one boot."""
    clock = Clock()
    for run_number in range(4):
        run = Run(tmp_path, clock=clock, boot="b0" if run_number < 3 else "b1")
        run.ticks(3)
        run.ledger.sync()
        if run_number % 2:
            run.ledger.abandon()
        else:
            run.close()
        clock.advance(50 * SECOND)
    report = verify(tmp_path)
    assert (report.verdict, report.boots) == (Outcome.VALID, 4)
    assert [one.clean for one in report.interruptions] == [True, False, True]
    assert [one.down_us for one in report.interruptions] == [50 * SECOND, 50 * SECOND, None]


def test_every_interval_on_the_efficient_engine_is_listed_with_its_weakest_proof(tmp_path: Path) -> None:
    """The intervals cover exactly the decisions that chose an efficient engine, and each was admitted throughout."""
    make_log(tmp_path, 500)
    report = verify(tmp_path)
    assert report.verdict is Outcome.VALID
    assert report.intervals
    assert all(one.admitted and one.variant == "int8" for one in report.intervals)
    assert sum(one.frames for one in report.intervals) > 0


def test_choosing_an_unproven_engine_is_found(tmp_path: Path) -> None:
    """Negative control: a brain that chooses INT8 in a band it has no proof for is consistent with itself and still fails."""
    from adaptd.brain import tick

    def bold(state: tick.State, snapshot: Any) -> Any:
        state, verdict = BRAIN.step(state, snapshot)
        if verdict.band == "night":
            verdict = replace(verdict, point=OperatingPoint("int8", 15_000))
        return state, verdict

    run = Run(tmp_path)
    run.world.light_mlx = 2_000
    bold_seqs = []
    for _ in range(30):
        run.clock.advance(SECOND)
        snapshot = run.world.sense(run.clock.now_us, run.point, 0)
        run.state, verdict = bold(run.state, snapshot)
        seq = run.recorder.decision(snapshot, verdict, run.state)
        bold_seqs += [seq] if verdict.point.variant == "int8" else []
    run.close()
    report = verify(tmp_path, Options(brain=mind(step=bold)))
    assert bold_seqs
    assert (report.verdict, report.first_bad_seq) == (Outcome.EVIDENCE_INSUFFICIENT, bold_seqs[0])
    assert verify(tmp_path).verdict is Outcome.REPLAY_MISMATCH


def test_frames_of_an_engine_that_nobody_chose_are_found() -> None:
    """A worker that serves INT8 while every recent decision said reference is caught by what it reports itself."""
    report = VerifyReport()
    service = Service(report)
    for at, (snapshot, verdict, _) in enumerate(decisions(8)):
        reference = replace(verdict, point=OperatingPoint("fp16", 15_000))
        served = (Served("int8", 3, 10_000, 4_000),) if at == 6 else ()
        seen = replace(snapshot, worker=replace(snapshot.worker, served=served))
        service.feed(Decided({"seq": at}, seen, reference), "fp16")
    service.end()
    assert (report.verdict, report.first_bad_seq) == (Outcome.EVIDENCE_INSUFFICIENT, 6)


def test_an_evidence_record_is_made_at_every_admission_and_revocation() -> None:
    """Becoming admitted, being revoked and vanishing each give one record; standing still gives none."""
    (_, verdict, _), *_ = decisions(1)
    proven = BandEvidence("bright", "int8", True, 1051, 4000)
    without, with_it = replace(verdict, evidence=()), replace(verdict, evidence=(proven,))
    revoked = replace(verdict, evidence=(replace(proven, admitted=False, samples=2000),))
    assert [one["admitted"] for one in changes(None, with_it)] == [True]
    assert changes(with_it, with_it) == []
    assert [one["samples"] for one in changes(with_it, revoked)] == [2000]
    assert [(one["admitted"], one["band"]) for one in changes(with_it, without)] == [(False, "bright")]

"""Every decision is run again, and every bit of it counts."""

import errno
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adaptd.brain import tick
from adaptd.log.format.codec import to_plain
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.replay import Brain, Replayer, ReplayError
from adaptd.log.verify.verify import Options, Outcome, VerifyReport, verify
from adaptd.vocabulary import OperatingPoint, Snapshot, Verdict
from tests.log.crash import fail_at
from tests.log.simdisk import SimDisk, no_fault
from tests.log.workload import FACTS, POLICY, PROFILE, SMALL, Run, make_log, settings
from tests.readings import value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed log of 700 decisions with heartbeats."""
    path = tmp_path_factory.mktemp("log")
    make_log(path, 700, heartbeat=128)
    return path


@pytest.fixture(scope="module")
def records(folder: Path) -> list[dict[str, Any]]:
    return list(iter_records(folder))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The records of a short log with many heartbeats, to be changed one leaf at a time."""
    path = tmp_path_factory.mktemp("short")
    make_log(path, 90, heartbeat=20)
    return list(iter_records(path))


def first_mismatch(records: list[dict[str, Any]], brain: Brain | None = None) -> int | None:
    """The first record that does not follow, or None."""
    replayer = Replayer(brain or Brain())
    for record in records:
        try:
            replayer.feed(record)
        except ReplayError:
            return int(record["seq"])
    return None


def test_every_decision_of_a_log_follows(folder: Path) -> None:
    """All decisions are run again with the same bytes, the states of the heartbeats included, by the code that made them."""
    report = verify(folder)
    assert (report.verdict, report.replayed) == (Outcome.VALID, 700)
    assert report.notes == ["the folder private/ holds the device's signing key: leave it out of copies"]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every number, text and flag inside a plain value."""
    if isinstance(value, dict):
        return [leaf for name, item in value.items() for leaf in leaves(item, (*path, name))]
    if isinstance(value, list):
        return [leaf for at, item in enumerate(value) for leaf in leaves(item, (*path, at))]
    return [path]


def changed(value: Any) -> Any:
    """The least change of a leaf."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"{value}x"


def test_the_least_change_of_anything_decided_is_found_at_that_record(short: list[dict[str, Any]]) -> None:
    """Any single number, name or flag of any verdict, evidence record or state, off by one, fails at that very record."""
    random = Random(5)
    parts = {
        "decision": ("out",),
        "heartbeat": ("state",),
        "config": ("state", "facts", "bind"),
        "evidence": ("admitted", "samples", "band"),
    }
    tried = 0
    rich = [one for one in short if one["kind"] in parts and one["kind"] != "decision"]
    for record in random.sample([one for one in short if one["kind"] == "decision"], 14) + rich:
        paths = [path for path in leaves(record) if path[0] in parts[record["kind"]]]
        for path in random.sample(paths, min(3, len(paths))):
            copy = json.loads(json.dumps(record))
            at = copy
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = changed(at[path[-1]])
            assert first_mismatch([*short[: record["seq"]], copy, *short[record["seq"] + 1 :]]) == record["seq"]
            tried += 1
    assert tried > 25


def test_a_changed_input_is_found_too(records: list[dict[str, Any]]) -> None:
    """Another temperature than the one decided on gives another decision or, at the latest, another state at the heartbeat."""
    at = next(
        one["seq"]
        for one in records
        if one["kind"] == "decision" and "0" in one.get("in", {}).get("raw", {}) and one["seq"] > 300
    )
    copy = json.loads(json.dumps(records[at]))
    copy["in"]["raw"]["0"][0] += 1
    found = first_mismatch([*records[:at], copy, *records[at + 1 :]])
    heartbeat = next(one["seq"] for one in records[at:] if one["kind"] == "heartbeat")
    assert found is not None
    assert at <= found <= heartbeat


@pytest.mark.parametrize("kind", ["decision", "evidence", "config"])
def test_a_missing_record_is_a_mismatch(records: list[dict[str, Any]], kind: str) -> None:
    """Leaving a decision, a proof or the configuration out of the sequence does not go unnoticed."""
    at = next(one["seq"] for one in records if one["kind"] == kind)
    assert first_mismatch([*records[:at], *records[at + 1 :]]) is not None


def test_a_brain_that_differs_in_one_number_is_found(records: list[dict[str, Any]]) -> None:
    """Negative control: decision code whose prediction is one milliwatt off at one tick of 700 fails at that decision."""
    decided = [one["seq"] for one in records if one["kind"] == "decision"]
    calls = iter(range(10_000))

    def step(state: tick.State, snapshot: Snapshot, *rest: Any) -> tuple[tick.State, Verdict]:
        state, verdict = tick.step(state, snapshot, *rest)
        off = next(calls) == 412
        return state, replace(verdict, predicted_mw=(verdict.predicted_mw or 0) + 1) if off else verdict

    assert first_mismatch(records, Brain(step=step)) == decided[412]


def test_a_text_that_does_not_have_its_hash_is_a_mismatch(records: list[dict[str, Any]]) -> None:
    """The policy that is run again is the one whose hash every decision is bound to."""
    at = next(one["seq"] for one in records if one["kind"] == "config")
    copy = json.loads(json.dumps(records[at]))
    copy["policy"]["text"] = copy["policy"]["text"].replace("limit_c: 85", "limit_c: 86")
    assert first_mismatch([*records[:at], copy]) == at
    copy["policy"]["sha256"] = copy["binding"]["policy"] = sha256(copy["policy"]["text"].encode()).hexdigest()
    assert first_mismatch([*records[:at], copy]) == at


@dataclass(frozen=True, slots=True)
class Count:
    """The state of a brain that only counts."""

    ticks: int
    total_mc: int


def counting(reference: str = "fp16") -> Brain:
    """A whole other brain, to show that the replay knows nothing of the real one."""

    def start(*_: Any) -> Count:
        return Count(0, 0)

    def step(state: Count, snapshot: Snapshot, *_: Any) -> tuple[Count, Verdict]:
        seen = value(snapshot, "temperature") or 0
        _, verdict = tick.step(tick.start(POLICY, PROFILE, FACTS, 7, 0), snapshot, POLICY, PROFILE)
        verdict = replace(verdict, point=OperatingPoint(reference, 15_000), predicted_mc=state.total_mc % 997)
        return Count(state.ticks + 1, state.total_mc + seen), verdict

    def adopt(state: Count, *_: Any) -> Count:
        return replace(state, total_mc=0)

    return Brain(start, step, adopt, Count)


def counted_log(folder: Path, brain: Brain, act: Callable[[Run, Any], Any]) -> VerifyReport:
    """A log written by another brain, with ``act`` in its middle, and the verifier's word on it."""
    run = Run(folder)
    state = brain.start()
    run.recorder.config(settings(run.clock.now_us), state)
    for at in range(60):
        if at == 30:
            state = act(run, state)
        run.clock.advance(1_000_000)
        snapshot = run.world.sense(run.clock.now_us, OperatingPoint("fp16", 15_000), 0)
        state, verdict = brain.step(state, snapshot)
        run.recorder.decision(snapshot, verdict, state)
    run.close()
    return verify(folder, Options(brain=brain))


def test_a_reload_is_run_again_as_an_adoption(tmp_path: Path) -> None:
    """After a reload the state on record must be what adopting the new policy makes of the state before."""
    brain = counting()
    brain = replace(brain, start=lambda *_: Count(0, 0))

    def reload(run: Run, state: Count) -> Count:
        state = brain.adopt(state)
        run.recorder.config(settings(run.clock.now_us), state, reason="reload")
        return state

    def wrong(run: Run, state: Count) -> Count:
        run.recorder.config(settings(run.clock.now_us), state, reason="reload")
        return state

    for folder, act, verdict in (("good", reload, Outcome.VALID), ("bad", wrong, Outcome.REPLAY_MISMATCH)):
        report = counted_log(tmp_path / folder, _tolerant(brain), act)
        assert report.verdict is verdict


def _tolerant(brain: Brain) -> Brain:
    """The run's own first configuration was written with the real brain's state; this start accepts either."""
    started: list[int] = []

    def start(policy: Any = None, profile: Any = None, facts: Any = (), seed: int = 0, now_us: int = 0) -> Any:
        if policy is not None and not started:
            started.append(1)
            return tick.start(policy, profile, facts, seed, now_us)
        return Count(0, 0)

    return replace(brain, start=start)


def test_decisions_that_a_dead_disk_could_not_take_leave_a_stated_restart(tmp_path: Path) -> None:
    """After unrecorded decisions the log goes on from a full state, the gap is told, and everything recorded still follows."""
    disk = SimDisk()
    run = Run(disk.store().folder, store=disk.store(), limits=replace(SMALL, memory_bytes=3000)).ticks(20)
    disk.fault = fail_at(disk.operations, errno.EIO, times=10**9)
    run.ticks(60)
    assert run.recorder.unrecorded
    disk.fault = no_fault
    run.clock.advance(31_000_000)
    run.ticks(20).close()
    report = verify(disk.write_to(tmp_path))
    assert report.verdict is Outcome.GAP
    assert report.reason.startswith("the disk failed and ")
    assert 40 < report.decisions == (report.replayed or 0) < 100
    assert any("states were taken from the log" in note for note in report.notes)


@pytest.mark.parametrize("reason", ["resumed", "rotation", "reload", "whim"])
def test_no_state_is_taken_on_trust_unless_a_failing_disk_called_for_it(tmp_path: Path, reason: str) -> None:
    """A configuration that gives the brain another state than the one it had is a mismatch, whatever reason it names."""
    run = Run(tmp_path).ticks(20)
    run.recorder._state = run.state = replace(run.state, seed=run.state.seed + 1)
    seq = run.recorder._write_config(reason)
    run.ticks(20).close()
    report = verify(tmp_path)
    assert (report.verdict, report.first_bad_seq) == (Outcome.REPLAY_MISMATCH, seq)


def test_the_state_in_a_heartbeat_is_the_whole_state(records: list[dict[str, Any]]) -> None:
    """A heartbeat carries every field of the brain's state, so that a reader can begin there."""
    beat = next(one for one in records if one["kind"] == "heartbeat")
    assert set(beat["state"]) == set(to_plain(tick.start(POLICY, PROFILE, FACTS, 7, 0)))

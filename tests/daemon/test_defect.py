"""A defect of ours ends a run: what INT8 served after the last decision is booked, or charged by the next run."""

from pathlib import Path
from typing import Any

from adaptd.brain import tick
from adaptd.config.policy import load_policy
from adaptd.config.profile import load_profile
from adaptd.daemon.loop import Daemon
from adaptd.log.format.decisions import UNBOOKED
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.verify import verify
from adaptd.log.write.opening import open_ledger
from tests.conftest import ROOT
from tests.daemon.test_loop_clock import FACTS, Turned, Worker, begin, daemon, ticks

SECONDS = 60


def ended_by_a_defect(folder: Path, *, in_the_brain: bool = False, forgets: bool = False) -> tuple[Daemon, Worker]:
    """A minute of service, then a defect; where it lies in the brain, nothing can be booked. The mutant ``forgets`` the rest."""
    clock = Turned()
    running, parts, _ = daemon(folder, clock)
    begin(running, parts)
    running._window.open(running._state, running._policy)
    ticks(running, clock, SECONDS)
    assert running._state.point.variant == "int8"
    clock.mono_us += 900_000

    def broken(state: tick.State, snapshot: object) -> Any:
        raise ZeroDivisionError("by nothing")

    if in_the_brain:
        running._brain.step = broken  # type: ignore[method-assign]
    if forgets:
        running._book_the_rest = lambda: True  # type: ignore[method-assign]
    running._defect_is(ZeroDivisionError("by nothing"))
    running._end()
    return running, parts.worker  # type: ignore[return-value]


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The records of one kind."""
    return [record for record in iter_records(folder) if record["kind"] == kind]


def test_what_was_served_before_a_defect_is_in_the_statement(tmp_path: Path) -> None:
    """The second between the last decision and the defect is delivered service: the statement counts every frame of it."""
    for name, forgets in (("log", False), ("mutant", True)):
        _, worker = ended_by_a_defect(tmp_path / name, forgets=forgets)
        (close,) = records(tmp_path / name, "window_close")
        (said,) = close["statements"]
        assert said["delivered"] == (SECONDS + (not forgets)) * 15
    assert worker.numbered == SECONDS * 15, "the mutant has not even asked"
    assert [record["reason"] for record in records(tmp_path / "log", "stop")] == ["defect"]
    assert verify(tmp_path / "log").verdict.value == "valid"


def test_what_a_defect_keeps_from_being_booked_is_charged_by_the_next_run(tmp_path: Path) -> None:
    """No statement is made over frames that were not counted; the window goes on, and two seconds of INT8 count as lost."""
    running, _ = ended_by_a_defect(tmp_path / "log", in_the_brain=True)
    (close,) = records(tmp_path / "log", "window_close")
    assert (close["reason"], close["statements"]) == ("cut_short", [])
    assert [record["reason"] for record in records(tmp_path / "log", "stop")] == [UNBOOKED]
    assert verify(tmp_path / "log").verdict.value == "valid"
    clock = Turned()
    ledger, found = open_ledger(tmp_path / "log", boot="c", mono_us=lambda: clock.mono_us, utc_ms=clock.utc_ms)
    ledger.close({"reason": "stopped"})
    assert found is not None
    assert not found.stopped
    policy, profile = load_policy(ROOT / "policies" / "feeder.yaml"), load_profile(ROOT / "hw_profiles" / "generic-x86.yaml")
    brain = tick.Brain(policy, profile, FACTS)
    debits = [
        sum(one.debit_ppm for one in brain.resume(running._state, 1, 9, clean=clean).account.bands)
        for clean in (found.stopped, True)
    ]
    served = policy.target_mfps * tick.UNHEARD_US // 1_000_000_000 + 1
    assert debits[0] - debits[1] == served * 1_000_000, "a run that took such an end for a clean one would charge nothing"

"""Intents are followed up: nothing that was asked for stays without an outcome."""

from adaptd.daemon.intents import RESULT_DEADLINE_US, Intents
from adaptd.vocabulary import Mode, OperatingPoint, Verdict


def verdict(variant: str, fps_mfps: int) -> Verdict:
    """A verdict for one point; the rest does not matter here."""
    return Verdict(Mode.REFERENCE, OperatingPoint(variant, fps_mfps), 0, 0, "bright", "test", ())


def test_the_first_verdict_is_a_change_and_the_same_again_is_none() -> None:
    """An intent is recorded when the point changes, not at every tick."""
    acting = Intents()
    assert acting.changes(verdict("fp16", 15000))
    acting.intend(verdict("fp16", 15000), 0)
    assert not acting.changes(verdict("fp16", 15000))
    assert acting.changes(verdict("int8", 15000))
    assert acting.changes(verdict("fp16", 10000))


def test_an_intent_ends_when_the_worker_says_that_it_holds() -> None:
    """The outcome carries the latency, and the same read-back does not close anything twice."""
    acting = Intents()
    intent, overtaken = acting.intend(verdict("fp16", 15000), 5)
    assert overtaken is None
    assert acting.applied(intent.seq - 1, 10) is None, "a read-back of an older setpoint closes nothing"
    outcome = acting.applied(intent.seq, 700)
    assert outcome is not None
    assert (outcome.outcome, outcome.latency_us, outcome.intent.seq) == ("applied", 700, intent.seq)
    assert acting.applied(intent.seq, 700) is None


def test_a_silent_worker_is_an_outcome_too() -> None:
    """A worker that never says anything is recorded as silent once, after the deadline."""
    acting = Intents()
    acting.intend(verdict("fp16", 15000), 0)
    assert acting.overdue(RESULT_DEADLINE_US - 1) is None
    late = acting.overdue(RESULT_DEADLINE_US)
    assert late is not None
    assert late.outcome == "silent"
    assert acting.overdue(RESULT_DEADLINE_US * 2) is None


def test_an_overtaken_intent_is_closed() -> None:
    """When a new point is asked for before the last was applied, the log still says what became of the last."""
    acting = Intents()
    first, _ = acting.intend(verdict("fp16", 15000), 0)
    _, overtaken = acting.intend(verdict("int8", 15000), 9)
    assert overtaken is not None
    assert (overtaken.intent, overtaken.outcome) == (first, "overtaken")


def test_after_a_worker_died_the_same_point_is_asked_for_again() -> None:
    """A new worker starts on the reference, so even an unchanged verdict must be sent and recorded."""
    acting = Intents()
    acting.intend(verdict("int8", 15000), 0)
    acting.worker_gone()
    assert acting.changes(verdict("int8", 15000))

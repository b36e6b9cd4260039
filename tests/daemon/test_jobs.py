"""Slow jobs only ask, and a stepping wall clock neither stalls nor floods them."""

import time

from adaptd.daemon.jobs import CHECKPOINT, RETENTION, Periods, SlowJobs


def test_due_jobs_are_taken_once_however_often_they_asked() -> None:
    """A control loop that was busy finds each job once, not a backlog."""
    jobs = SlowJobs()
    for name in (CHECKPOINT, RETENTION, CHECKPOINT):
        jobs.due.put(name)
    assert jobs.take(0) == [CHECKPOINT, RETENTION]
    assert jobs.take(0) == []


def test_jobs_ask_at_their_period_and_go_on_after_a_rebase() -> None:
    """A job asks again after the periods were counted anew, and stopping leaves no thread behind."""
    jobs = SlowJobs(Periods(retention_s=1, checkpoint_s=0))
    jobs.start()
    try:
        jobs.rebase()
        assert jobs.due.get(timeout=10) == RETENTION
        began = time.monotonic()
        assert jobs.due.get(timeout=10) == RETENTION
        assert time.monotonic() > began
    finally:
        jobs.stop()


def test_rebase_before_start_and_stop_twice_are_harmless() -> None:
    """The order of a hasty start and stop does not matter."""
    jobs = SlowJobs()
    jobs.rebase()
    jobs.stop()
    jobs.stop()
    assert jobs.take(0) == []

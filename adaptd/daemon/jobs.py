"""The slow jobs, on APScheduler's threads: they only ask; the control loop does the work between two ticks.

APScheduler counts on the wall clock, so the scheduler is re-based when that clock steps. Nothing here is needed to be safe.
"""

import queue
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

LATE = 5
MOST_COMPLAINTS = 4
FIRST_S = 600  # a device that is switched off every evening must get round to its daily jobs too
CHECKPOINT, RETENTION = "checkpoint", "retention"
STEP_MS = 500


@dataclass(frozen=True, slots=True)
class Periods:
    """How often each job asks, in seconds; 0 switches it off."""

    checkpoint_s: int = 60
    retention_s: int = 24 * 3600


class SlowJobs:
    """Asks for each slow job at its period by putting its name in ``due``."""

    def __init__(self, periods: Periods = Periods()) -> None:
        self.due: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.trouble: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._periods = periods
        self._checkpoint_us: int | None = None
        self._scheduler: Any = None

    def start(self) -> None:
        """Begin to ask."""
        from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._note, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        self._add_all()
        self._scheduler.start()

    def rebase(self) -> None:
        """The wall clock stepped: count every period anew from now, so that nothing stalls or bursts."""
        if self._scheduler is None:
            return
        self._scheduler.pause()
        self._scheduler.remove_all_jobs()
        self._add_all()
        self._scheduler.resume()

    def stop(self) -> None:
        """Stop asking."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)
            self._scheduler = None

    def take(self, now_us: int) -> list[str]:
        """The jobs that are due, each once. A checkpoint not asked for in LATE periods is due by the monotonic clock."""
        names = list(dict.fromkeys(self.due.get() for _ in range(self.due.qsize())))
        if CHECKPOINT in names or self._checkpoint_us is None:
            self._checkpoint_us = now_us
        late_us = LATE * self._periods.checkpoint_s * 1_000_000
        if late_us and now_us - self._checkpoint_us >= late_us:
            self._checkpoint_us = now_us
            names.append(CHECKPOINT)
            self.trouble.put(f"{CHECKPOINT}: not asked for in {late_us // 1_000_000} s, made all the same")
        return names

    def complaints(self) -> list[str]:
        """What went wrong with the jobs since the last call, a few lines at most."""
        return list(dict.fromkeys(self.trouble.get() for _ in range(self.trouble.qsize())))[:MOST_COMPLAINTS]

    def _add_all(self) -> None:
        now = datetime.now(timezone.utc)
        for name, period_s in ((CHECKPOINT, self._periods.checkpoint_s), (RETENTION, self._periods.retention_s)):
            if period_s:
                first = now + timedelta(seconds=min(period_s, FIRST_S))
                self._scheduler.add_job(self.due.put, "interval", (name,), seconds=period_s, id=name, next_run_time=first)

    def _note(self, event: Any) -> None:
        self.trouble.put(f"{event.job_id}: {getattr(event, 'exception', None) or 'ran late or overlapped'}")


class WallClock:
    """Remembers how far the two clocks are apart; slow drift is followed, a step is told."""

    def __init__(self, now_us: int, utc_ms: int) -> None:
        self._offset_ms = utc_ms - now_us // 1000

    def step(self, now_us: int, utc_ms: int) -> tuple[int, int] | None:
        """What the clock would have said without a step, and what it says; None where it did not step."""
        before_ms = self._offset_ms + now_us // 1000
        self._offset_ms = utc_ms - now_us // 1000
        return (before_ms, utc_ms) if abs(utc_ms - before_ms) >= STEP_MS else None

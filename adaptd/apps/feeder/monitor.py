"""The monitor: recorder, store and judge together, driven by whoever has a clock."""

import sqlite3
from dataclasses import dataclass, field
from datetime import tzinfo

from adaptd.apps.feeder.finding import Finding, Leave, leave_waiting, note_down
from adaptd.apps.feeder.judge import close_days, judge
from adaptd.apps.feeder.recorder import Recorder
from adaptd.apps.feeder.scene import judge_scene
from adaptd.apps.feeder.settings import SECOND_US, Settings
from adaptd.apps.feeder.store import Store

FLUSH_EVERY_US = 30 * SECOND_US  # what a power cut can cost
JUDGE_EVERY_US = 300 * SECOND_US


@dataclass(slots=True)
class Ticked:
    """What one tick brought."""

    fresh: list[Finding] = field(default_factory=list)
    closed: bool = False
    trouble: str = ""


@dataclass(slots=True)
class Monitor:
    """One camera's monitor. ``leave`` hands a message to the gateway; it raises OSError where it cannot."""

    store: Store
    recorder: Recorder
    settings: Settings
    zone: tzinfo
    leave: Leave
    _flushed_us: int = 0
    _judged_us: int = 0

    def tick(self, now_us: int, *, force: bool = False) -> Ticked:
        """Write and judge where it is time. A full disk costs nothing but memory: what is not written is kept."""
        out = Ticked()
        if not force and 0 <= now_us - self._flushed_us < FLUSH_EVERY_US:
            return out
        self._flushed_us = now_us
        if not self.recorder.flush():
            out.trouble = f"{self.store.path}: cannot be written, make room on the disk; nothing is lost while this program runs"
            return out
        if force or not 0 <= now_us - self._judged_us < JUDGE_EVERY_US:
            self._judged_us = now_us
            self._judge(now_us, out)
        return out

    def _judge(self, now_us: int, out: Ticked) -> None:
        try:
            closed = close_days(self.store, self.zone, now_us)
            found = judge(self.store, self.settings, self.zone, now_us) + judge_scene(self.store, self.zone, now_us)
            out.fresh = note_down(self.store, found, now_us)
            if closed:
                self.store.prune(now_us, self.settings.keep_windows_days, self.settings.keep_days)
            leave_waiting(self.store, self.leave)
        except (sqlite3.Error, OSError) as error:
            out.trouble = f"{self.store.path}: not everything could be judged or handed on ({error}), it is tried again"

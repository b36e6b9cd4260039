"""The monitor: recorder, store and judge together, driven by whoever has a clock."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from adaptd.apps.feeder.camera_watch import write_scenes
from adaptd.apps.feeder.days import close_days
from adaptd.apps.feeder.documents import view
from adaptd.apps.feeder.finding import Finding, Leave, leave_waiting, note_down
from adaptd.apps.feeder.judge import judge
from adaptd.apps.feeder.recorder import Recorder
from adaptd.apps.feeder.scene import judge_camera, judge_scene
from adaptd.apps.feeder.settings import SECOND_US, Settings
from adaptd.apps.feeder.store import Store

FLUSH_EVERY_US = 30 * SECOND_US  # what a power cut can cost
JUDGE_EVERY_US = 300 * SECOND_US
SHOW_EVERY_US = 60 * SECOND_US

Show = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class Ticked:
    """What one tick brought; ``tried`` says whether anything was written, so that no trouble means that there is none."""

    tried: bool = True
    fresh: list[Finding] = field(default_factory=list)
    trouble: str = ""


@dataclass(slots=True)
class Monitor:
    """One camera's monitor. ``leave`` hands the gateway a message, ``show`` a page its figures; OSError where they cannot."""

    store: Store
    recorder: Recorder
    settings: Settings
    zone: tzinfo
    leave: Leave
    show: Show | None = None
    _flushed_us: int = 0
    _judged_us: int = 0
    _shown_us: int = 0
    _camera: tuple[int | None, int | None] = (None, None)

    def tick(self, now_us: int, *, force: bool = False) -> Ticked:
        """Write and judge where it is time. A full disk costs nothing but memory: what is not written is kept."""
        if not force and 0 <= now_us - self._flushed_us < FLUSH_EVERY_US:
            return Ticked(tried=False)
        out = Ticked()
        self._flushed_us = now_us
        if not self.recorder.flush():
            out.trouble = f"{self.store.path}: cannot be written, make room on the disk; nothing is lost while this program runs"
            return out
        if force or self._camera_news() or not 0 <= now_us - self._judged_us < JUDGE_EVERY_US:
            self._judged_us = now_us
            self._judge(now_us, out)
        if self.show is not None and (force or out.fresh or not 0 <= now_us - self._shown_us < SHOW_EVERY_US):
            self._shown_us = now_us
            self._show(self.show, now_us, out)
        return out

    def _camera_news(self) -> bool:
        """Whether scene or bowl have gone, or are back, since this was last asked."""
        watch = self.recorder.camera
        before, self._camera = self._camera, (watch.moved_since_us, watch.hidden_since_us)
        return before != self._camera

    def _show(self, show: Show, now_us: int, out: Ticked) -> None:
        try:
            show(view(self.store, self.settings, self.zone, now_us))
        except (sqlite3.Error, OSError) as error:
            out.trouble = out.trouble or f"the page cannot be given its figures ({error}), it is tried again"

    def _judge(self, now_us: int, out: Ticked) -> None:
        try:
            closed = close_days(self.store, self.zone, now_us)
            found = judge(self.store, self.settings, self.zone, now_us) + judge_scene(self.store, self.zone, now_us)
            found += judge_camera(self.recorder.camera, self.zone)
            write_scenes(self.store, self.recorder.camera)
            out.fresh = note_down(self.store, found, now_us)
            if closed:
                self.store.prune(now_us, self.settings.keep_windows_days, self.settings.keep_days)
            leave_waiting(self.store, self.leave)
        except (sqlite3.Error, OSError) as error:
            out.trouble = f"{self.store.path}: not everything could be judged or handed on ({error}), it is tried again"

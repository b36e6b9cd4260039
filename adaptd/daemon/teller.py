"""What the loop says: to people, to the operational log, to status, and on record."""

import os
from contextlib import suppress
from pathlib import Path
from stat import S_IWOTH
from typing import Any

import structlog

from adaptd.daemon.parts import Watcher
from adaptd.log.format.epochs import PUBLIC_FILE
from adaptd.log.write.ledger import NotRecordedError
from adaptd.log.write.recorder import Recorder
from adaptd.sense.camera_light import STILL
from adaptd.vocabulary import Raw, Unread

MAX_TROUBLE = 8


class Teller:
    """One mouth for the loop. ``trouble`` is what status shows: the last lines that a person should look at."""

    def __init__(self, recorder: Recorder, watcher: Watcher) -> None:
        self._recorder, self._watcher = recorder, watcher
        self._log: Any = structlog.get_logger("adaptd")
        self.trouble: tuple[str, ...] = ()
        self._lost = 0
        self._still_told = False
        self.record: int | None = None  # the number of the last one that was made here

    def note(self, kind: str, fields: dict[str, Any], *, durable: bool = False) -> int | None:
        """A record, and its number; where the log takes none, the snapshot says so."""
        self.record = None
        with suppress(NotRecordedError):
            self.record = self._recorder.note(kind, fields, durable=durable)
        return self.record

    def durably(self, kind: str, fields: dict[str, Any]) -> None:
        """A record that is on the disk when this returns."""
        self.note(kind, fields, durable=True)

    def tell(self, text: str) -> None:
        """Something a person would want to know."""
        self._log.info(text)
        self._watcher.happened(text)

    def warn(self, text: str, *, aloud: bool = True) -> None:
        """Trouble; ``aloud`` False where the terminal has said it already."""
        self._log.warning(text)
        if aloud:
            self._watcher.happened(text)
        self.trouble = (*self.trouble[-MAX_TROUBLE + 1 :], text)

    def fault(self, kind: str, text: str, variant: str = "", told: str = "", *, aloud: bool = True) -> None:
        """Trouble that is durably on record; ``told`` is what people read where that is another line."""
        self.warn(told or text, aloud=aloud)
        self.note("fault", {"fault": kind, "text": text, "variant": variant}, durable=True)

    def unheard(self, lost: int) -> None:
        """``lost`` messages of the worker, since its start, found nobody who listened."""
        if lost > self._lost:
            self.fault("unheard", f"{lost - self._lost} messages of the worker were lost while nobody listened")
        self._lost = lost

    def of_light(self, raw: tuple[Raw, ...]) -> None:
        """Once, that the exposure which a camera tells does not move and light is missing, with the command that helps."""
        if not self._still_told and any(isinstance(one, Unread) and one.text == STILL for one in raw):
            self._still_told = True
            self.fault("sensor_missing", f"light missing, so the reference alone serves: {STILL}")

    def of_the_log(self, reference: str) -> None:
        """Each log that could not be continued, and a disk that took nothing: until a person has looked the reference serves."""
        if not self._recorder.ledger.ok:
            self.warn(f"nothing is on record, only {reference} serves: {self._recorder.heads.degraded}")
        folder = self._recorder.ledger.folder
        if self._recorder.ledger.ok and self._recorder.ledger.boot == 0:
            key = folder.resolve() / PUBLIC_FILE
            self.tell(f"a new log begins; copy the key that proves it away now: scp {os.uname().nodename}:{key} .")
        with suppress(OSError):
            if folder.stat().st_mode & S_IWOTH:
                self.warn(f"{folder}: every user of this device may write here, so anyone can spoil the log: chmod o-w {folder}")
        for name in self._recorder.unseen:
            words = f"{folder / name}: this log could not be continued and was put aside; only {reference} serves"
            self.fault("log_put_aside", f"{words} until a person has looked and moved it out of {folder}")

    def power_mode(self, kind: str, text: str) -> None:
        """What came of a switch of power modes: one that failed is a fault, durably on record."""
        if kind == "power_mode":
            self.tell(text)
            self.note(kind, {"event": "taken", "text": text}, durable=True)
        else:
            self.fault(kind, text)

    def plans(self, kind: str, text: str) -> None:
        """How the plans that are built beside get on."""
        self.tell(text)
        self.note("worker", {"event": kind, "text": text}, durable=kind != "plans_building")


def defect(error: BaseException) -> str:
    """A defect of ours: kind, text, and the line it came from."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{where}"

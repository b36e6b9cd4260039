"""What the owner knows and the camera does not: a new diet, a second bowl, a holiday."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum

from adaptd.apps.feeder.store import Store


class NoteKind(Enum):
    DIET_CHANGE = "diet-change"
    SECOND_BOWL = "second-bowl"
    HOLIDAY = "holiday"
    VISITOR = "visitor"
    CAMERA_MOVED = "camera-moved"
    REMARK = "remark"


RESETS = {NoteKind.DIET_CHANGE, NoteKind.SECOND_BOWL, NoteKind.CAMERA_MOVED}  # the usual is learnt anew from that day on
EXCLUDES = {NoteKind.HOLIDAY, NoteKind.VISITOR}  # these days are neither judged nor part of the usual


@dataclass(frozen=True, slots=True)
class Note:
    """One note; ``last`` is None where it has no end (yet)."""

    kind: NoteKind
    first: date
    last: date | None
    text: str = ""

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day <= self.last)


def add_note(store: Store, note: Note, now_us: int) -> None:
    store.base.execute(
        "INSERT INTO notes(kind, first_day, last_day, text, written_us) VALUES(?,?,?,?,?)",
        (note.kind.value, note.first.isoformat(), note.last.isoformat() if note.last else None, note.text, now_us),
    )


def read_notes(store: Store) -> list[Note]:
    """Every note, oldest first."""
    rows = store.base.execute("SELECT kind, first_day, last_day, text FROM notes ORDER BY first_day, id").fetchall()
    return [
        Note(NoteKind(kind), date.fromisoformat(first), date.fromisoformat(last) if last else None, text)
        for kind, first, last, text in rows
    ]


def counts(notes: Iterable[Note], day: date, judged: date) -> bool:
    """Whether ``day`` may be used when ``judged`` is judged: not excluded, and not from before a reset."""
    for note in notes:
        if note.kind in EXCLUDES and note.covers(day):
            return False
        if note.kind in RESETS and day < note.first <= judged:
            return False
    return True

"""Whether a box's hours are all there: a summary carries the numbers it covers, so a hole, a repeat and a twin are seen. Pure."""

from dataclasses import dataclass
from enum import Enum

REMEMBERED = 16
PATIENCE_MS = 1_800_000  # how long a box may take to send again what is missing


class Place(Enum):
    """Where a summary stands in its stream."""

    NEXT = "next"
    REPEAT = "repeat"
    WAIT = "wait"  # hours between are missing: the box is asked for them, this one waits
    GAP = "gap"  # they did not come in time: taken all the same
    TWIN = "twin"  # the same number with another content: two boxes use one key, or one was put back
    OVERLAP = "overlap"  # covers hours that were taken already and others
    NEW_STREAM = "new stream"  # the gateway lost its outbox and began to count anew


@dataclass(frozen=True, slots=True)
class Numbers:
    """The stream that is counted, the last number in it, and the newest contents by their last number."""

    stream: str = ""
    last: int = 0
    recent: tuple[tuple[int, str], ...] = ()
    asked_ms: int = 0  # since when the box has been asked for missing hours; 0: it has not

    def place(self, stream: str, first: int, last: int, digest: str, now_ms: int) -> Place:
        """Where a summary that covers ``first`` to ``last`` and came at ``now_ms`` stands."""
        if stream != self.stream:
            return Place.NEW_STREAM if self.stream else Place.NEXT
        if last <= self.last:
            known = dict(self.recent).get(last)
            return Place.REPEAT if known in (None, digest) else Place.TWIN
        if first <= self.last:
            return Place.OVERLAP
        if first == self.last + 1:
            return Place.NEXT
        return Place.GAP if self.asked_ms and now_ms - self.asked_ms > PATIENCE_MS else Place.WAIT

    def after(self, stream: str, last: int, digest: str) -> "Numbers":
        """The numbers once it was taken."""
        recent = self.recent if stream == self.stream else ()
        return Numbers(stream, last, (*recent, (last, digest))[-REMEMBERED:])

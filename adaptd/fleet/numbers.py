"""Whether a box's hours are all there: a summary carries the numbers it covers, so a hole, a repeat and a twin are seen. Pure."""

from dataclasses import dataclass, replace
from enum import Enum

REMEMBERED = 16


class Place(Enum):
    """Where a summary stands in its stream."""

    NEXT = "next"
    REPEAT = "repeat"
    GAP = "gap"  # taken all the same; the hours between are missing
    TWIN = "twin"  # the same number with another content: two boxes use one key, or one was put back
    OVERLAP = "overlap"  # covers hours that were taken already and others
    NEW_STREAM = "new stream"  # the gateway lost its outbox and began to count anew


@dataclass(frozen=True, slots=True)
class Numbers:
    """The stream that is counted, the last number in it, and the newest contents by their last number."""

    stream: str = ""
    last: int = 0
    recent: tuple[tuple[int, str], ...] = ()

    def place(self, stream: str, first: int, last: int, digest: str) -> Place:
        """Where a summary that covers ``first`` to ``last`` stands."""
        if stream != self.stream:
            return Place.NEW_STREAM if self.stream else Place.NEXT
        if last <= self.last:
            known = dict(self.recent).get(last)
            return Place.REPEAT if known in (None, digest) else Place.TWIN
        if first <= self.last:
            return Place.OVERLAP
        return Place.NEXT if first == self.last + 1 else Place.GAP

    def after(self, stream: str, last: int, digest: str) -> "Numbers":
        """The numbers once it was taken."""
        recent = self.recent if stream == self.stream else ()
        return replace(self, stream=stream, last=last, recent=(*recent, (last, digest))[-REMEMBERED:])

"""A worker that moves over to engines of another backend: restarts then begin there, and a crash soon after leads back."""

from collections.abc import Iterable

from adaptd.protocol.messages import Begin, Moved, MoveOver

MOVE_TRIAL_US = 60_000_000  # engines that have never served here are on trial for so long


class Moves:
    """The move that was asked for, and what to go back to."""

    def __init__(self) -> None:
        self._asked: MoveOver | None = None
        self._before: Begin | None = None
        self._moved_us = 0

    def ask(self, order: MoveOver) -> None:
        """The worker has been asked to move."""
        self._asked = order

    def note(self, events: Iterable[object], begin: Begin, now_us: int) -> Begin:
        """What the next worker is told, once this one has said that it moved."""
        if self._asked is None or not any(isinstance(event, Moved) for event in events):
            return begin
        order, self._asked = self._asked, None
        self._before, self._moved_us = begin, now_us
        return begin.on(order)

    def back(self, begin: Begin, now_us: int) -> tuple[Begin, str]:
        """After a crash: the engines before, where the new ones are still on trial, and what to say of it."""
        before, self._before, self._asked = self._before, None, None
        if before is None or now_us - self._moved_us > MOVE_TRIAL_US:
            return begin, ""
        return begin.on(before, before.quarantined), f"; {before.backend} serves again"

"""What a source is: something that can be asked for one quantity and answers with a whole number or with the reason why not.

A source only reads. Whether its number can be believed is the judge's affair (``brain/judge``), from the raw readings of all.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import LIGHT, POWER, QUANTITIES, TEMPERATURE, UNITS, Missing, MissingReason, Raw, RawReading, Unread

__all__ = ["LIGHT", "POWER", "QUANTITIES", "TEMPERATURE", "UNITS", "Answer", "Feed", "Source", "moved"]


class Source(ABC):
    """One way to one quantity. ``read`` may block: it is called in a thread of its own (``deadline.py``).

    ``step`` is the smallest change the source can show, in the quantity's unit: a coarse sensor that stands still is not stuck.
    ``period_us`` is how often a read is worth its cost: an I2C transaction or a driver call is not made ten times a second.
    """

    quantity: str
    period_us = 0

    def __init__(self, name: str, step: int = 1) -> None:
        self.name = name
        self.step = step

    @abstractmethod
    def read(self, now_us: int) -> int | Missing:
        """The number in the quantity's unit (mc, mw, mlx), or why there is none; the read begins at ``now_us`` (monotonic).

        Never raises OSError.
        """

    def why_not(self, now_us: int) -> Missing | None:
        """Why nothing can be read, None where something can: asked once at the start, and without a trace in later readings."""
        answer = self.read(now_us)
        return answer if isinstance(answer, Missing) else None


def moved(
    source: Source, told: str | Missing, wanted: str, sysfs: Sysfs, discover: Callable[[Sysfs], Sequence[Source]]
) -> Missing | None:
    """None where ``source`` is at its place, or was found by its name and is at that one from now on; else why it is not read.

    Numbers are given anew, and another sensor's value looks healthy.
    """
    if told == wanted:
        return None
    found = next((one for one in discover(sysfs) if one.name == source.name), None)
    if found is not None:
        vars(source).update(vars(found))
        return None
    if isinstance(told, Missing):
        return Missing(MissingReason.GONE, f"gone: {told.text}")
    return Missing(MissingReason.GONE, f"gone: its place is now {told[:40]}'s, not {wanted}'s")


@dataclass(frozen=True, slots=True)
class Answer:
    """The ``seq``-th answer of a source, true at ``at_us`` (monotonic; None: now). ``note``: what the source doubts of it."""

    seq: int
    at_us: int | None
    answer: int | Missing
    note: MissingReason | None = None


class Feed(ABC):
    """A source as the station sees it: asking never blocks, ``sample`` gives the newest answer."""

    name: str
    quantity: str
    step: int = 1

    @abstractmethod
    def sample(self, now_us: int) -> Raw:
        """The newest answer as it stands at ``now_us``."""

    def raw(self, newest: Answer, now_us: int) -> Raw:
        """An answer under this source's name. An age below zero says that its time lies ahead of ours."""
        answer = newest.answer
        if isinstance(answer, Missing):
            return Unread(answer.reason, answer.text, self.name, self.quantity)
        age_us = 0 if newest.at_us is None else now_us - newest.at_us
        return RawReading(answer, age_us, newest.seq, self.name, self.quantity, False, self.step, newest.note)

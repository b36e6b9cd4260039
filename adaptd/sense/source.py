"""What a source is: something that can be asked for one quantity and answers with a number or with the reason why not."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from adaptd.vocabulary import Measured, Missing, Reading

TEMPERATURE = "temperature"
POWER = "power"
LIGHT = "light"
QUANTITIES = (TEMPERATURE, POWER, LIGHT)
UNITS = {TEMPERATURE: "mc", POWER: "mw", LIGHT: "mlx"}


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
    def read(self, now_us: int) -> Reading:
        """One reading; ``now_us`` is the monotonic time at which the read begins. Never raises OSError."""

    def why_not(self, now_us: int) -> str:
        """Why nothing can be read, empty where something can: asked once at the start, and without a trace in later readings."""
        reading = self.read(now_us)
        return reading.reason if isinstance(reading, Missing) else ""

    def measured(self, value: int | Missing, age_us: int = 0) -> Reading:
        """The number under this source's name, or the reason passed on."""
        return value if isinstance(value, Missing) else Measured(value, age_us, self.name)


def elsewhere(told: str | Missing, wanted: str) -> Missing:
    """Why a place that used to be this source's is not read: numbers are given anew, and another sensor's value looks healthy."""
    if isinstance(told, Missing):
        return Missing(f"gone: {told.reason}")
    return Missing(f"gone: its place is now {told[:40]}'s, not {wanted}'s")


@dataclass(frozen=True, slots=True)
class Sample:
    """The ``seq``-th answer of a source: its reading, and the monotonic time at which the value was true.

    A ``note`` makes it suspect without making it Missing: it is a bound, or its calibration is assumed.
    """

    seq: int
    at_us: int
    reading: Reading
    note: str = ""


class Feed(Protocol):
    """A source as the station sees it: asking never blocks, the answer is the latest sample.

    ``request`` starts a read where one is due and tells whether an answer is under way; ``sample`` gives the latest answer.
    """

    @property
    def name(self) -> str: ...
    @property
    def quantity(self) -> str: ...
    @property
    def step(self) -> int: ...
    def request(self, now_us: int) -> bool: ...
    def sample(self, now_us: int) -> Sample: ...
    def close(self) -> None: ...

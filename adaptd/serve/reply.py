"""What became of a request: given by the control loop, awaited by the thread that holds the client's connection."""

import threading
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["done", "refused", "pending"]


@dataclass(frozen=True, slots=True)
class Said:
    """The outcome in one line for a person. ``record``: the number of the log's record that says so; None where there is none."""

    outcome: Outcome
    words: str
    record: int | None = None

    def plain(self) -> dict[str, Any]:
        """The answer for scripts."""
        on_record = {} if self.record is None else {"record": self.record}
        return {"accepted": self.outcome != "refused", "outcome": self.outcome, "words": self.words, **on_record}

    def line(self) -> str:
        """The same for people."""
        return self.words if self.record is None else f"{self.words} (record {self.record})"


PENDING = Said("pending", "handed to the control loop, which has not come to it yet; `adaptd status` shows what became of it")


class Reply:
    """One answer, given once."""

    def __init__(self) -> None:
        self._given = threading.Event()
        self._said = PENDING

    def give(self, said: Said) -> None:
        """From the control loop; a second answer changes nothing."""
        if not self._given.is_set():
            self._said = said
            self._given.set()

    def wait(self, timeout_s: float) -> Said:
        """From the client's thread: the answer, or that it is still to come."""
        self._given.wait(timeout_s)
        return self._said

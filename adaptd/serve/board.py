"""The last published snapshot: the control loop pins it up, readers take it down; and what became of a request, given once.

A control loop that hangs publishes nothing, and its last words would look like news for ever. So the board knows how often there
should be some: what is older than a few periods is handed out as ``stalled``, and the health verb says so with an error code.
"""

import json
import threading
from dataclasses import dataclass
from typing import Any, Literal

NO_SOURCE = "no_source"
STALLED_PERIODS = 3
STALLED_US = 3_000_000
Outcome = Literal["done", "refused", "pending"]


class StatusBoard:
    """One status document, replaced whole. A reader never waits: it gets the last one, with its age."""

    def __init__(self, period_us: int = 1_000_000) -> None:
        self._lock = threading.Lock()
        self._document: dict[str, Any] = {"state": "starting"}
        self._at_us: int | None = None
        self.period_us = period_us

    def publish(self, document: dict[str, Any], now_us: int) -> None:
        """Replace the document; the caller must not change it afterwards."""
        with self._lock:
            self._document, self._at_us = document, now_us

    def read(self, now_us: int) -> dict[str, Any]:
        """The last document with ``age_ms`` and ``stalled`` added."""
        with self._lock:
            document, at_us = self._document, self._at_us
        age_us = max(0, now_us - (at_us or 0))
        late_us = max(STALLED_PERIODS * self.period_us, STALLED_US)
        return {**document, "age_ms": age_us // 1000, "stalled": at_us is not None and age_us > late_us}

    def health(self, now_us: int) -> tuple[bool, str]:
        """Whether decisions are being made, and in one line what is known."""
        document = self.read(now_us)
        if document["stalled"]:
            return False, f"stalled: no decision for {document['age_ms'] // 1000} s, look at the operational log"
        source = document.get("source", {})
        if source.get("state") == NO_SOURCE:
            return False, f"{NO_SOURCE}: no frame comes from the source; it is waited for, look at `adaptd status`"
        return "operating_point" in document, str(document["state"])

    def text(self, now_us: int) -> bytes:
        """The same as JSON bytes."""
        return json.dumps(self.read(now_us), sort_keys=True).encode() + b"\n"


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

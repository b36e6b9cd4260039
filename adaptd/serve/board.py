"""The last published snapshot: the control loop pins it up, readers take it down; nobody waits for anybody."""

import json
import threading
from typing import Any


class Board:
    """One status document, replaced whole. A reader never waits: it gets the last one, with its age."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._document: dict[str, Any] = {"state": "starting"}
        self._at_us = 0

    def publish(self, document: dict[str, Any], now_us: int) -> None:
        """Replace the document; the caller must not change it afterwards."""
        with self._lock:
            self._document, self._at_us = document, now_us

    def read(self, now_us: int) -> dict[str, Any]:
        """The last document with ``age_ms`` added."""
        with self._lock:
            document, at_us = self._document, self._at_us
        return {**document, "age_ms": max(0, now_us - at_us) // 1000}

    def text(self, now_us: int) -> bytes:
        """The same as JSON bytes."""
        return json.dumps(self.read(now_us), sort_keys=True).encode() + b"\n"

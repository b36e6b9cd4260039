"""A stand-in for jetson-stats, put on the child's path by a test. The file named by JTOP_SCRIPT says what happens, line by line.

board JSON      what the next round shows: {"temperature": ..., "power": ..., "nvpmodel": ..., "fan": ...}
hang            the next round never comes
crash TEXT      the service is lost
garbage         a round that prints something that is no reading
"""

import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType


class JtopException(Exception):  # noqa: N818 - the name that jetson-stats gives it
    """What jetson-stats raises when its service is gone."""


class jtop:  # noqa: N801 - the name that jetson-stats gives it
    """One connection."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.board: dict[str, object] = {}
        self._lines = iter(Path(os.environ["JTOP_SCRIPT"]).read_text().splitlines())

    def __enter__(self) -> "jtop":  # noqa: PYI034 - typing.Self needs Python 3.11
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""

    def ok(self) -> bool:
        """Go to the next round; False at the end of the script."""
        word, _, rest = next(self._lines, "").partition(" ")
        if word == "hang":
            time.sleep(60)
        if word == "crash":
            raise JtopException(rest)
        if word == "garbage":
            sys.stdout.write("Traceback: none of this is JSON\n")
            sys.stdout.flush()
        if word == "board":
            self.board = json.loads(rest)
        return bool(word)

    def __getattr__(self, name: str) -> object:
        return self.board.get(name)

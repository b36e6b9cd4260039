"""Which part is in view: told line by line by the program that knows (a scanner, the vehicle's controller), or counted.

A line is a part's identifier from now on; an empty line says that no part is in view. Identifiers come from outside: what a
terminal, a file name or a message could stumble over is refused, not repaired.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

MOST_CHARACTERS = 80
CHUNK = 4_096
MOST_WAITING = 1 << 16
_GOOD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/#+-]*")


class PartIdError(ValueError):
    """No identifier of a part, or no place to read them from. ``str(error)`` is one line."""


def checked(text: str) -> str:
    """``text`` as an identifier; empty where no part is in view.

    Raises:
        PartIdError: control characters, other scripts, or too long.
    """
    name = text.strip(" \r\n")
    if not name:
        return ""
    if len(name) > MOST_CHARACTERS or not _GOOD.fullmatch(name):
        shown = name[:40].encode("ascii", "backslashreplace").decode().translate({code: f"\\x{code:02x}" for code in range(32)})
        raise PartIdError(f"part {shown!r} is no identifier: 1 to {MOST_CHARACTERS} letters, digits and . _ : / # + - are")
    return name


@dataclass(slots=True)
class Counted:
    """Nobody says which part it is: every ``every_us`` begins another, numbered from ``number`` on."""

    every_us: int
    number: int = 1
    _since_us: int | None = None

    def at(self, now_us: int) -> str:
        """The part in view at ``now_us`` (monotonic)."""
        if self._since_us is None:
            self._since_us = now_us
        elif now_us - self._since_us >= self.every_us:
            self.number += 1
            self._since_us = now_us
        return f"part-{self.number:06d}"


@dataclass(slots=True)
class Told:
    """The part that the last good line named."""

    name: str = ""
    refused: int = 0

    def line(self, text: str) -> str:
        """Take a line; returns what is wrong with it, empty where nothing is. A bad one leaves no part in view."""
        try:
            self.name = checked(text)
        except PartIdError as error:
            self.name = ""
            self.refused += 1
            return f"{error}; it is left out"
        return ""

    def at(self, now_us: int) -> str:
        """The part in view."""
        del now_us
        return self.name


class PartLines:
    """Lines from a file, a FIFO or standard input ("-"), without ever waiting for one. A writer of a FIFO may go and come back.

    Raises:
        PartIdError: ``where`` cannot be read.
    """

    def __init__(self, where: str) -> None:
        try:
            self._descriptor = 0 if where == "-" else os.open(Path(where), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise PartIdError(f"--parts {where}: cannot be read ({error.strerror}), name a file, a FIFO or -") from None
        os.set_blocking(self._descriptor, False)
        self._rest = b""

    def new(self) -> list[str]:
        """Lines since the last call, oldest first; bytes that are no UTF-8 become marks that no identifier has."""
        try:
            while data := os.read(self._descriptor, CHUNK):
                self._rest = (self._rest + data)[-MOST_WAITING:]
        except BlockingIOError:
            pass
        *lines, self._rest = self._rest.split(b"\n")
        return [line.decode("utf-8", "replace") for line in lines]

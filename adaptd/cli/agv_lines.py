"""Part identifiers from a file, a FIFO or standard input, line by line, without ever waiting for one."""

import os
from pathlib import Path

from adaptd.cli.errors import CommandError

CHUNK = 4_096
MOST_WAITING = 1 << 16


class PartLines:
    """``new`` gives the whole lines that have come since. A writer of a FIFO may go and come back."""

    def __init__(self, where: str) -> None:
        try:
            self._descriptor = 0 if where == "-" else os.open(Path(where), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise CommandError(
                f"adaptd agv run: --parts {where}: cannot be read ({error.strerror}), name a file, a FIFO or -", code=2
            ) from None
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

"""Lines for people, from a loop that must not wait for them: a terminal on hold, or a pager that does not read, costs lines.

The control loop tells what it does on standard output. A write to a full pipe, or to a terminal after Ctrl-S, waits until
somebody reads on, and with it would wait every decision and every lease.
"""

import select
from typing import TextIO


class NonblockingOut:
    """Writes to ``stream`` where it takes the text at once, else drops it and says so with the next line that fits.

    A pipe that is ready takes 4 KiB (PIPE_BUF) without waiting; no line for people is longer.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.dropped = 0

    def write(self, text: str) -> int:
        """Write and flush, or drop; never waits."""
        if not self._ready():
            self.dropped += 1
            return len(text)
        if self.dropped:
            text = f"[{self.dropped} lines were not shown: nobody read]\n{text}"
            self.dropped = 0
        self._stream.write(text)
        self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def _ready(self) -> bool:
        try:
            descriptor = self._stream.fileno()
        except (OSError, ValueError):
            return True  # no file behind it: a test's buffer
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        return any(event & (select.POLLOUT | select.POLLERR) for _, event in poll.poll(0))

"""Progress of long work on standard error: one line that is written over in a terminal, a line now and then elsewhere."""

import sys
import time


class Meter:
    """Tells stages with their share and the time left. ``interval_s`` is the least time between two lines without a terminal."""

    def __init__(self, interval_s: float = 10.0) -> None:
        self._terminal = sys.stderr.isatty()
        self._interval_s = 0.2 if self._terminal else interval_s
        self._told_s = self._began_s = time.monotonic()
        self._stage = ""
        self._worked_at = 0
        self._width = 0

    def stage(self, name: str, done: int, total: int, worked: int | None = None) -> None:
        """``done`` of ``total`` of a stage; ``worked`` of them took work, where others were kept from an earlier run."""
        now_s, worked = time.monotonic(), done if worked is None else worked
        if name != self._stage or worked == self._worked_at:  # what was kept says nothing of the time that the rest takes
            self._stage, self._began_s, self._worked_at = name, now_s, worked
        if now_s - self._told_s < self._interval_s and not (self._terminal and done >= total):
            return
        self._told_s = now_s
        seen = worked - self._worked_at  # what the first call tells of took a time that nobody knows
        left = f", {_span((now_s - self._began_s) * (total - done) / seen)} left" if seen > 0 and done < total else ""
        self._say(f"{name}: {done:,} of {total:,}{left}")

    def end(self) -> None:
        """Clear the line."""
        if self._terminal and self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0

    def _say(self, words: str) -> None:
        if not self._terminal:
            print(words, file=sys.stderr, flush=True)
            return
        print("\r" + words.ljust(self._width), end="", file=sys.stderr, flush=True)
        self._width = len(words)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"

"""Progress of long work on standard error: bars on a terminal, a line now and then elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

Stage = Callable[[str, int, int], None]  # name of the stage, how much of it is done, how much it is in all


class Lines:
    """Tells stages with their share and the time left. ``interval_s`` is the least time between two lines."""

    def __init__(self, interval_s: float = 10.0) -> None:
        self._interval_s = interval_s
        self._told_s = self._began_s = time.monotonic()
        self._stage = ""
        self._began_at = 0

    def stage(self, name: str, done: int, total: int) -> None:
        """``done`` of ``total`` of a stage."""
        now_s = time.monotonic()
        if name != self._stage:
            self._stage, self._began_s, self._began_at = name, now_s, done
        if now_s - self._told_s < self._interval_s:
            return
        self._told_s = now_s
        seen = done - self._began_at  # what the first call tells of took a time that nobody knows
        left = f", {_span((now_s - self._began_s) * (total - done) / seen)} left" if seen > 0 and done < total else ""
        print(f"{name}: {done:,} of {total:,}{left}", file=sys.stderr, flush=True)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


@contextlib.contextmanager
def stages() -> Iterator[Stage]:
    """A bar for each stage on a terminal's stderr; elsewhere a line there every ten seconds."""
    if not sys.stderr.isatty():
        yield Lines().stage
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def stage(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, total=total)

        yield stage


@contextlib.contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """The same for work of one stage."""
    with stages() as stage:
        yield lambda done, total: stage(what, done, total)

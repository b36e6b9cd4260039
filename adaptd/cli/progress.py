"""Progress of long work on standard error: bars on a terminal, a line now and then elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import TaskID


class Stage(Protocol):
    """Tells how far a stage is."""

    def __call__(self, name: str, done: int, total: int, worked: int | None = None) -> None:
        """``done`` of ``total``; ``worked`` of them took work, where others were kept from an earlier run."""


class Lines:
    """Tells stages with their share and the time left. ``interval_s`` is the least time between two lines."""

    def __init__(self, interval_s: float = 10.0) -> None:
        self._interval_s = interval_s
        self._told_s = self._began_s = time.monotonic()
        self._stage = ""
        self._worked_at = 0

    def stage(self, name: str, done: int, total: int, worked: int | None = None) -> None:
        """``done`` of ``total`` of a stage; ``worked`` of them took work, where others were kept from an earlier run."""
        now_s, worked = time.monotonic(), done if worked is None else worked
        if name != self._stage or worked == self._worked_at:  # what was kept says nothing of the time that the rest takes
            self._stage, self._began_s, self._worked_at = name, now_s, worked
        if now_s - self._told_s < self._interval_s:
            return
        self._told_s = now_s
        seen = worked - self._worked_at  # what the first call tells of took a time that nobody knows
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
        before: dict[str, int] = {}

        def stage(name: str, done: int, total: int, worked: int | None = None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            if worked is not None and worked == before.get(name, 0):  # what was kept says nothing of the time that the rest takes
                bars.reset(tasks[name], completed=done, total=total)
            else:
                bars.update(tasks[name], completed=done, total=total)
            before[name] = worked or 0

        yield stage


@contextlib.contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """The same for work of one stage."""
    with stages() as stage:
        yield lambda done, total: stage(what, done, total)

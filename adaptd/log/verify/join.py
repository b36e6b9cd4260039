"""Parts of a log run again in processes of their own and joined at their seams: the same finding as in one go, sooner.

Whatever does not fit (a claim that is not where the part before ended, a decision that does not follow, a process that dies)
raises Unfit: then the log is run again in one go, and that says what is wrong. Parts only ever say that everything follows.
"""

import contextlib
import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pickle import PicklingError
from typing import Any

from adaptd.base.canonical_json import decode
from adaptd.log.verify.parts import Part, Task, Unfit, feed, run_part
from adaptd.log.verify.replay import Replayer, ReplayError
from adaptd.log.verify.served_intervals import LATE_DECISIONS, Service

WORTH_PARTS = 2_000_000  # bytes of a log for which starting processes pays
PART_RECORDS = 2048  # at least, before a part ends at the next claim
MOST_RECORDS = 65_536  # a log without claims is run in one go, not held in memory
AHEAD = 3  # parts for each process that may wait
SELDOM = (100_000, 50, 50)  # objects and rounds after which Python looks for cycles


class Parts:
    """Cuts the records of one log into parts, hands them out and joins what comes back, in order."""

    def __init__(self, processes: int, replayer: Replayer, service: Service) -> None:
        self.replayer, self._service, self._processes = replayer, service, processes
        self._pool: ProcessPoolExecutor | None = None
        self._out: deque[tuple[Task, Future[Part | None]]] = deque()
        self._lines: list[bytes] = []
        self._config: bytes | None = None
        self._begun_under: bytes | None = None
        self._beat: int | None = None
        self._claim: tuple[int, bytes | None] | None = None  # where the next part may begin, once a head fits behind it
        self._decided = 0  # decisions since that claim
        self._config_now: bytes | None = None

    def feed(self, record: dict[str, Any], line: bytes) -> None:
        """Take the next record with its line; raises Unfit."""
        kind = record["kind"]
        if record["v"] == 1 or len(self._lines) > MOST_RECORDS:
            raise Unfit
        if self._claim is not None and self._decided >= LATE_DECISIONS and kind != "evidence":
            self._cut(*self._claim)
        if kind in ("config", "start"):
            self._claim = None
        if kind == "config":
            self._beat = None
            if len(self._lines) >= PART_RECORDS:
                self._claim, self._decided = (len(self._lines), line), 0
            self._config_now = line
        elif kind == "heartbeat":
            self._beat = len(self._lines)
        elif kind == "decision":
            if self._beat is not None and self._beat >= PART_RECORDS and "bind" in record and self._claim is None:
                self._claim, self._decided = (self._beat, self._config_now), 0
            self._beat, self._decided = None, self._decided + 1
        self._lines.append(line)

    def finish(self) -> None:
        """Hand out the last part and join all; raises Unfit."""
        self._cut(len(self._lines), None)
        while self._out:
            self._join()
        self.close()

    def close(self) -> None:
        """Let go of the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _cut(self, at: int, next_config: bytes | None) -> None:
        """End the part before line ``at``; the next one begins there, under ``next_config``."""
        lines, self._lines, self._claim = tuple(self._lines[:at]), self._lines[at:], None
        if lines:
            task = Task(lines, self._begun_under)
            try:
                if self._pool is None:
                    self._pool = pool(self._processes)
                self._out.append((task, self._pool.submit(run_part, task)))
            except (BrokenProcessPool, OSError, RuntimeError):
                raise Unfit from None
        self._begun_under = next_config
        while len(self._out) > AHEAD * self._processes or (self._out and self._out[0][1].done()):
            self._join()

    def _join(self) -> None:
        """Take the oldest part that is out, from where the one before it ended."""
        task, future = self._out.popleft()
        try:
            part = future.result()
        except (BrokenProcessPool, OSError, RuntimeError, TypeError, AttributeError, ValueError, PicklingError):
            raise Unfit from None
        if part is None:
            raise Unfit
        replayer = self.replayer
        try:
            for line in task.lines[: part.head]:
                feed(replayer, self._service, decode(line))
            if part.began is not None and replayer.standing() != part.began:
                raise Unfit
            replayer.move_to(part.ended, part.config)
        except ReplayError:
            raise Unfit from None
        replayer.decided += part.decided
        replayer.given_states += part.given_states
        self._service.absorb(part.rest)


def pool(processes: int, *modules: str) -> ProcessPoolExecutor:
    """Processes with the verifier and ``modules`` loaded once for all: copies of this one, or, where it has threads whose locks
    a copy would hold for ever, of a clean one.
    """
    context = multiprocessing.get_context("fork" if _alone() else "forkserver")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["adaptd.log.verify.parts", *modules])
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_begin)


def _alone() -> bool:
    """Whether this process has one thread and no other, those of libraries counted."""
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task")) == 1
    return False


def _begin() -> None:
    """An interrupt from the terminal is for the process that waits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    gc.set_threshold(*SELDOM)


@contextlib.contextmanager
def seldom_collecting() -> Iterator[None]:
    """Records hold no cycles, so they are seldom looked for while many are read."""
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def processors() -> int:
    """How many processes are worth starting here: 1 where parts cannot be run at all."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return 1
    with contextlib.suppress(AttributeError, OSError):
        return min(8, len(os.sched_getaffinity(0)))
    return min(8, os.cpu_count() or 1)

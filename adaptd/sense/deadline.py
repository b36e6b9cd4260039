"""Every blocking read in a thread of its own with a deadline, so that a hung file cannot delay a tick.

A tick asks all readers at once, waits a moment for the quick ones and takes what is there. A reader that is still at work after
its deadline is Missing ("hung") and is not asked again until it answers: a hung file holds one thread and no more.
The age of a reading counts from the moment its read began, on the monotonic clock.
"""

import queue
import threading
import time
from dataclasses import dataclass, field

from adaptd.base.clock import Clock, monotonic_us
from adaptd.sense.source import Answer, Feed, Source
from adaptd.vocabulary import Missing, MissingReason, Raw

DEADLINE_US = 500_000
GRACE_S = 0.025
MOST_READERS = 24


class DeadlineReader(Feed):
    """One source and its thread. ``request`` and ``sample`` never block."""

    def __init__(self, source: Source, done: "queue.SimpleQueue[DeadlineReader]", clock: Clock, deadline_us: int) -> None:
        self.name = source.name
        self.quantity = source.quantity
        self.step = source.step
        self.source = source
        self._clock = clock
        self._deadline_us = deadline_us
        self._done = done
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._latest = Answer(0, clock(), Missing(MissingReason.NOT_READ, "not read yet"))
        self._busy_since_us: int | None = None
        self._asked_us: int | None = None
        self._thread = threading.Thread(target=self._run, name=f"adaptd-{self.name}", daemon=True)
        self._thread.start()

    def request(self, now_us: int) -> bool:
        """Begin a read unless one is under way or the last one is young; whether this call began one."""
        began_us = self._asked_us
        if self._busy_since_us is not None or (began_us is not None and 0 <= now_us - began_us < self.source.period_us):
            return False
        self._busy_since_us = self._asked_us = now_us
        self._asked.put(True)
        return True

    @property
    def busy(self) -> bool:
        """Whether a read is under way."""
        return self._busy_since_us is not None

    def sample(self, now_us: int) -> Raw:
        """The newest answer, or Missing once the read under way has outlasted its deadline."""
        since_us = self._busy_since_us
        if not self._thread.is_alive():
            return self.raw(Answer(self._latest.seq, now_us, Missing(MissingReason.DEVICE, "reader failed")), now_us)
        if since_us is not None and now_us - since_us > self._deadline_us:
            late = Missing(MissingReason.HUNG, f"hung: no answer within {self._deadline_us // 1000} ms")
            return self.raw(Answer(self._latest.seq, now_us, late), now_us)
        return self.raw(self._latest, now_us)

    def close(self) -> None:
        """Let the thread end; one that hangs in the kernel is left behind, it holds nothing else up."""
        self._asked.put(False)
        if self._busy_since_us is None:
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while self._asked.get():
            began_us = self._clock()
            self._latest = Answer(self._latest.seq + 1, began_us, self.source.read(began_us))
            self._busy_since_us = None
            self._done.put(self)


@dataclass(slots=True)
class ReaderPool:
    """The readers of a station, at most ``limit``."""

    clock: Clock = monotonic_us
    deadline_us: int = DEADLINE_US
    grace_s: float = GRACE_S
    limit: int = MOST_READERS
    readers: list[DeadlineReader] = field(default_factory=list)
    _done: "queue.SimpleQueue[DeadlineReader]" = field(default_factory=queue.SimpleQueue)

    def add(self, source: Source) -> DeadlineReader:
        """Give a source its thread.

        Raises:
            ValueError: there are too many sources.
        """
        if len(self.readers) >= self.limit:
            raise ValueError(f"more than {self.limit} sensor sources: name fewer in the profile")
        reader = DeadlineReader(source, self._done, self.clock, self.deadline_us)
        self.readers.append(reader)
        return reader

    def collect(self, now_us: int) -> None:
        """Ask every reader and wait for the answers of this round, at most the grace time. Returns at once if none was asked."""
        awaited = {reader for reader in self.readers if reader.request(now_us)}
        until_s = time.monotonic() + self.grace_s
        while awaited:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return
            try:
                awaited.discard(self._done.get(timeout=left_s))
            except queue.Empty:
                return

    def close(self) -> None:
        """End every thread that is not stuck in the kernel."""
        for reader in self.readers:
            reader.close()

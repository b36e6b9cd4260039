"""A second worker process that has loaded its libraries and waits: what makes a restart take a fraction of a second.

Starting Python and its libraries is most of a restart, and slowest exactly when the machine is busy. The spare holds no engine,
no camera and no GPU context; it costs memory only (about 80 MB with ONNX Runtime and OpenCV).
"""

from collections.abc import Callable

from adaptd.supervise.process import WorkerClient

RETRY_US = 30_000_000


class Standby:
    """At most one waiting process, started ``settle_us`` after the serving one so as not to slow its start.

    ``tend`` is called while the serving worker is well.
    """

    def __init__(self, make: Callable[[], WorkerClient], now_us: int, settle_us: int) -> None:
        self._make = make
        self._settle_us = settle_us
        self._waiting: WorkerClient | None = None
        self._due_us = now_us + settle_us

    @property
    def ready(self) -> bool:
        """Whether it has loaded everything."""
        return self._waiting is not None and self._waiting.waiting

    def tend(self, now_us: int) -> None:
        """Have a process wait, some time after the last one was used; one that died is replaced after RETRY_US."""
        if self._waiting is None:
            if now_us >= self._due_us:
                spare = self._make()
                try:
                    spare.spawn()
                    self._waiting = spare
                except OSError:
                    self._due_us = now_us + RETRY_US
            return
        self._waiting.poll()
        if self._waiting.exit_code is not None:
            self._waiting.close()
            self._waiting = None
            self._due_us = now_us + RETRY_US

    def take(self, now_us: int) -> WorkerClient | None:
        """The waiting process, if there is one that lives; it need not have loaded everything yet."""
        taken, self._waiting = self._waiting, None
        self._due_us = now_us + self._settle_us
        if taken is None:
            return None
        taken.poll()
        if taken.exit_code is None:
            return taken
        taken.close()
        return None

    def close(self) -> None:
        """End the waiting process."""
        if self._waiting is not None:
            self._waiting.kill()
            self._waiting.close()
            self._waiting = None

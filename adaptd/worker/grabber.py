"""The thread that owns the source: takes every frame as it comes, decodes those the set rate wants, opens a lost camera again."""

import threading
from collections.abc import Callable

from adaptd.base.clock import WaitingClock
from adaptd.protocol.messages import Fault
from adaptd.protocol.source_spec import BadFrameError, SourceError, UnusableSourceError
from adaptd.worker.latest_frame import Frame
from adaptd.worker.pacing import Pacer, RateMeter
from adaptd.worker.sources.base import FrameSource, Lens

BACK_OFF_US = (250_000, 500_000, 1_000_000, 2_000_000, 5_000_000)
STEADY_US = 5_000_000
SETTINGS_US = 500_000
GLANCE_US = 500_000  # while serving pauses one picture in so long is taken for its light: a pause must not blind the camera
STARVED_US = 5_000_000
STUCK_US = 20_000_000
BAD_ROW = 10


class Grabber(threading.Thread):
    """Hands ``source``'s frames to ``put`` at the set rate. Faults go to ``tell``; the thread ends with the source or the clock.

    A live source that is away is waited for, at the start as later: a camera may boot later than the box. One that no waiting
    helps is fatal, as any fault of another source. A frame that cannot be used is dropped and counted; a row of them is a fault.
    """

    def __init__(
        self,
        source: FrameSource,
        put: Callable[[Frame], None],
        clock: WaitingClock,
        pacer: Pacer,
        tell: Callable[[Fault], None],
        *,
        first_frame: int = 0,
    ) -> None:
        super().__init__(name="source", daemon=True)
        self._source = source
        self._hand_over = put
        self._clock = clock
        self._pacer = pacer
        self._lock = threading.Lock()
        self._tell = tell
        self._index = first_frame
        self._meter = RateMeter()
        self._settings = Lens()
        self._settings_us = -SETTINGS_US
        self._glanced_us = -GLANCE_US
        self._moved_us = self._came_us = clock.now_us()
        self._starved = self._away = False
        self._bad_row = 0
        self.bad = 0
        self.ok = False
        self.failed = False

    def stuck(self, now_us: int) -> bool:
        """Whether a live source hangs in its driver: neither a frame nor another try to open it for STUCK_US.

        Only the end of the process frees that thread. A camera that is away is not stuck: it is asked for again and again.
        """
        return self._source.live and now_us - self._moved_us > STUCK_US

    def watch(self, now_us: int) -> None:
        """Say once when an open source gives no frame for STARVED_US, and when it does again. Called from another thread."""
        starved = self.ok and now_us - self._came_us > STARVED_US
        if starved and not self._starved:
            self._report("source_still", f"{self._source.name}: is open and has given no frame for {STARVED_US // 1_000_000} s")
        elif self._starved and self.ok and not starved:
            self._report("source_back", f"{self._source.name}: gives frames again")
        self._starved = starved

    @property
    def state(self) -> str:
        """``ok`` while frames come, ``no_source`` while there are none: away, not open yet, or open and still."""
        return "ok" if self.ok and not self._starved and not self._away and self._meter.interval_us else "no_source"

    @property
    def mfps(self) -> int | None:
        """The rate at which frames really arrive, or what the source promises before that is known."""
        return self._meter.mfps or self._source.mfps

    def set_rate(self, rate_mfps: int) -> None:
        """Serve at another rate from the next frame on."""
        with self._lock:
            self._pacer.set_rate(rate_mfps, self._clock.now_us())

    def next_us(self) -> int | None:
        """When the next frame is due; None while none is."""
        with self._lock:
            return self._pacer.next_us()

    def run(self) -> None:
        attempt = 0
        try:
            while self._clock.wait_until(self._clock.now_us()):
                if self._open(attempt):
                    since_us = self._clock.now_us()
                    self._read()
                    if not self._source.live:
                        return
                    if self._clock.now_us() - since_us >= STEADY_US:
                        attempt = 0
                attempt += 1
                self._clock.wait_until(self._clock.now_us() + BACK_OFF_US[min(attempt, len(BACK_OFF_US)) - 1])
        except SourceError as error:
            self._report("source", str(error), fatal=True)
            self.failed = True
        finally:
            self.ok = False
            self._source.close()

    def _open(self, attempt: int) -> bool:
        """Whether the source is open. Raises SourceError where there is no sense in trying again."""
        self._moved_us = self._clock.now_us()
        try:
            self._source.open()
        except SourceError as error:
            if not self._source.live or isinstance(error, UnusableSourceError):
                raise
            if attempt == 0:
                self._report("source_lost", str(error))
            return False
        self._away = attempt > 0
        self._moved_us = self._came_us = self._clock.now_us()
        self.ok, self._meter, self._bad_row = True, RateMeter(), 0
        return True

    def _read(self) -> None:
        try:
            while self._source.advance():
                self._arrived()
        except SourceError as error:
            if not self._source.live or isinstance(error, UnusableSourceError):
                raise
            self._lost(str(error))
            return
        self._lost(f"{self._source.name}: has stopped; it is opened again until it answers")

    def _lost(self, text: str) -> None:
        self.ok = False
        if self._clock.wait_until(self._clock.now_us()):
            self._report("source_lost" if self._source.live else "source_end", text)
        self._source.close()

    def _arrived(self) -> None:
        now_us = self._moved_us = self._came_us = self._clock.now_us()
        self._meter.arrived(now_us)
        with self._lock:
            wanted, paused = self._pacer.take(now_us, self._meter.interval_us), not self._pacer.rate_mfps
        if now_us - self._settings_us >= SETTINGS_US:
            self._settings, self._settings_us = self._source.settings(), now_us
        if wanted:
            self._put(now_us, look_only=False)
        elif paused and now_us - self._glanced_us >= GLANCE_US:
            self._glanced_us = now_us
            self._put(now_us, look_only=True)

    def _put(self, now_us: int, *, look_only: bool) -> None:
        try:
            image = self._source.picture()
        except BadFrameError:
            self.bad += 1
            self._bad_row += 1
            if self._bad_row >= BAD_ROW or not self._source.live:
                raise
            return
        self._bad_row = 0
        if self._away:
            self._away = False
            self._report("source_back", f"{self._source.name}: gives frames again")
        self._hand_over(Frame(image, self._index, now_us, *self._settings, look_only=look_only, tag=self._source.tag))
        self._index += not look_only

    def _report(self, kind: str, text: str, *, fatal: bool = False) -> None:
        self._tell(Fault(kind, text, self._clock.now_us(), fatal=fatal))

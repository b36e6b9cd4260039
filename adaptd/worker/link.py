"""The worker's side of the pipe: setpoints in, reports and events out, on a thread of its own: the beat outlives a busy loop."""

import select
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from adaptd.base.clock import SystemClock
from adaptd.protocol.messages import Begin, Fault, Garbled, MoveOver, Stop, ToDaemon, WorkerReport
from adaptd.protocol.wire import Channel
from adaptd.vocabulary import Setpoint
from adaptd.worker.loop import FrameLoop
from adaptd.worker.results import Results
from adaptd.worker.serving_lock import ServingLock

if TYPE_CHECKING:
    from adaptd.worker.grabbers import Grabbers

NAP_S = 0.1
NO_SOURCE = 1


class Speaker:
    """Sends from any thread without blocking, and counts what the daemon did not take."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self.lost = 0

    def tell(self, message: ToDaemon) -> None:
        """Send or queue; a daemon that has stopped listening costs the message, never the frame."""
        with self._lock:
            if not self._channel.send(message):
                self.lost += 1

    def flush(self) -> None:
        """Push out what is queued."""
        with self._lock:
            self._channel.flush()


class Link(threading.Thread):
    """Reads setpoints for ``loop``, lets subscribers in, and reports every ``begin.report_us``.

    When the daemon is gone the loop falls back to the reference; with subscribers to serve it goes on for ``begin.orphan_us`` or
    until a successor asks it to leave, without them it stops at once.
    """

    def __init__(
        self,
        begin: Begin,
        channel: Channel,
        speaker: Speaker,
        clock: SystemClock,
        loop: FrameLoop,
        grabbers: "Grabbers",
        results: Results,
        lock: ServingLock | None,
    ) -> None:
        super().__init__(name="link", daemon=True)
        self._begin = begin
        self._channel = channel
        self._speaker = speaker
        self._clock = clock
        self._loop = loop
        self._grabbers = grabbers
        self._results = results
        self._lock = lock
        self.move_over: Callable[[MoveOver], None] | None = None
        self._orphan_until_us: int | None = None

    def run(self) -> None:
        next_us = self._clock.now_us()
        while not self._clock.stopping.is_set():
            if self._clock.now_us() >= next_us:
                next_us = max(next_us + self._begin.report_us, self._clock.now_us())
                self._beat()
            self._wait(min((next_us - self._clock.now_us()) / 1e6, NAP_S))
        if self._orphan_until_us is None:
            self._speaker.tell(self._report())

    def follow(self, loop: FrameLoop) -> None:
        """Another loop serves from now on."""
        self._loop = loop

    def _beat(self) -> None:
        if self._grabbers.watch(self._clock.now_us()):
            self._loop.stop(NO_SOURCE)
        if self._orphan_until_us is None:
            self._speaker.flush()
            self._speaker.tell(self._report())
        elif self._clock.now_us() >= self._orphan_until_us:
            self._loop.stop()

    def _wait(self, timeout_s: float) -> None:
        watched = [] if self._channel.closed else [self._channel.fileno()]
        listener = self._results.listener
        watched += [] if listener is None else [listener.fileno()]
        ready, _, _ = select.select(watched, [], [], max(timeout_s, 0.0))
        if listener is not None and listener.fileno() in ready:
            self._results.accept()
        if not self._channel.closed and self._channel.fileno() in ready:
            for message in self._channel.receive():
                self._take(message)
        # A beat that finds the pipe broken closes the channel as well as this thread does, and may come first.
        if self._channel.closed and self._orphan_until_us is None:
            self._become_orphan()

    def _take(self, message: object) -> None:
        if isinstance(message, Setpoint):
            self._loop.offer(message)
        elif isinstance(message, Stop):
            self._loop.stop()
        elif isinstance(message, MoveOver) and self.move_over is not None:
            self.move_over(message)
        else:
            text = message.text if isinstance(message, Garbled) else f"{type(message).__name__} is not for a running worker"
            self._speaker.tell(Fault("garbled", f"a message was not understood: {text}", self._clock.now_us()))

    def _become_orphan(self) -> None:
        self._orphan_until_us = self._clock.now_us() + self._begin.orphan_us
        if self._lock is None:
            self._loop.stop()
            return
        self._loop.orphan()
        self._lock.mark_orphan()

    def _report(self) -> WorkerReport:
        loop, frame = self._loop, self._loop.helm.frame  # before the counts: what they hold goes at least as far
        counts = loop.tally.take()
        now_us, busy_since_us = self._clock.now_us(), loop.busy_since_us
        helm, grabbers = loop.helm, self._grabbers
        dropped = grabbers.dropped()
        return WorkerReport(
            at_us=now_us,
            seq=helm.order.seq,
            variant=helm.variant,
            fps_mfps=helm.lease.point.fps_mfps,
            frame=frame,
            busy_us=max(now_us - busy_since_us, 1) if busy_since_us else 0,
            swaps=helm.swaps,
            lost=self._speaker.lost,
            delivered=counts.delivered,
            missed=counts.missed,
            dropped=sum(dropped),
            shadow_frames=counts.shadow_frames,
            served=counts.by_variant(),
            shadows=tuple(counts.shadows),
            apart=counts.objects(),
            stretches=counts.stretches(),
            quarantined=helm.quarantined,
            slow=helm.slow,
            source_mfps=grabbers.mfps,
            source_ok=grabbers.ok(now_us),
            source_state=grabbers.state,
            bad_frames=grabbers.bad,
            picture=loop.seen.darkest,
            result=loop.seen.newest,
            cameras=grabbers.reports(loop.seen, dropped, now_us),
            tested=counts.by_tested(),
        )

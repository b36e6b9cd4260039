"""The frame loop: the newest frame, preprocessed, inferred, published; orders are heeded between two frames, never in one."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from adaptd.engine.errors import EngineError, EngineFault
from adaptd.engine.pool import WarmPool
from adaptd.vocabulary import OperatingPoint, Shadow
from adaptd.worker import lease as leases
from adaptd.worker import picture, shadow
from adaptd.worker.clock import Clock
from adaptd.worker.heads import Answer, Head
from adaptd.worker.health import Stopwatch
from adaptd.worker.messages import Applied, Fault, LastResult, Picture, Setpoint, Swapped
from adaptd.worker.slot import Frame, LatestSlot
from adaptd.worker.tally import Tally

Tell = Callable[[Applied | Swapped | Fault], None]
TOUCH_US = 20_000_000
LOOK_US = 500_000
DEAD_AFTER = 3
RESTART = 3
NAP_S = 0.25
CHORES_US = 50_000


class Publisher(Protocol):
    """Where results go."""

    def publish(self, frame: int, answer: Answer, latency_us: int, variant: str, at_us: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a loop is made of. ``set_rate`` and ``next_us`` are the grabber's."""

    pool: WarmPool
    preprocess: Callable[[Any], npt.NDArray[np.float32]]
    head: Head
    slot: LatestSlot
    results: Publisher
    clock: Clock
    tell: Tell
    set_rate: Callable[[int], None]
    next_us: Callable[[], int | None]


class FrameLoop:
    """Serves frames on the thread that owns the engines. ``offer``, ``orphan`` and ``stop`` may come from any thread."""

    def __init__(self, parts: Parts, lease: leases.Lease, deadline_us: int, normal_us: dict[str, int]) -> None:
        self._parts = parts
        self._pool = parts.pool
        self._now_us = parts.clock.now_us
        self._reference = reference = lease.reference
        self._lease = lease
        self._deadline_us = deadline_us
        self._answer = parts.head.answer
        self._infer = parts.pool.infer
        self._publish = parts.results.publish
        self._watches = {name: Stopwatch(latency) for name, latency in normal_us.items()}
        self._watch = self._watches[reference]
        self._touch_cost_us = sum(normal_us.values())
        self._slow: set[str] = set()
        self._orders: deque[tuple[Setpoint, int]] = deque()
        self._orphaned = self._alarm = False
        self._chores_us = 0
        self._order = Setpoint(0, reference, lease.point.fps_mfps, 0, 0, 0, "")
        self._variant = reference
        self._failures = 0
        self._odd = False
        self._touched_us = self._now_us()
        self._looked_us = self._touched_us - LOOK_US
        self.tally = Tally()
        self._count = self.tally.frame
        self.running = True
        self.exit_code = 0
        self.frame = -1
        self.busy_since_us = 0
        self.swaps = 0
        self.picture: Picture | None = None
        self.last: tuple[int, Answer, int, str, int] | None = None

    @property
    def point(self) -> OperatingPoint:
        """Where the worker really is."""
        return OperatingPoint(self._variant, self._lease.point.fps_mfps)

    @property
    def seq(self) -> int:
        """The last setpoint that was applied."""
        return self._order.seq

    @property
    def quarantined(self) -> tuple[str, ...]:
        """Variants that are not served any more."""
        return tuple(sorted({*self._pool.quarantined, *self._slow}))

    @property
    def last_result(self) -> LastResult | None:
        """The newest result."""
        if self.last is None:
            return None
        frame, answer, latency_us, variant, at_us = self.last
        return LastResult(frame, answer.label, answer.score_ppm, latency_us, variant, at_us)

    def offer(self, setpoint: Setpoint) -> None:
        """Hold this setpoint from the next frame on."""
        self._orders.append((setpoint, self._now_us()))
        self._alarm = True
        self._parts.slot.poke()

    def orphan(self) -> None:
        """The daemon is gone: the reference at the safe rate from the next frame on."""
        self._orphaned = True
        self._alarm = True
        self._parts.slot.poke()

    def stop(self, exit_code: int = 0) -> None:
        """End after the frame in flight."""
        self.exit_code = self.exit_code or exit_code
        self.running = False
        self._parts.slot.poke()

    def run(self) -> int:
        """Serve until stopped; the exit code."""
        while self.running and self._parts.clock.wait_until(0):
            self.turn(NAP_S)
        return self.exit_code

    def turn(self, patience_s: float) -> None:
        """Serve one frame if one comes within ``patience_s``. Orders that came before the frame is begun concern it already."""
        frame = self._parts.slot.take(patience_s)
        if self._alarm:
            self._heed()
        if frame is None:
            self._keep_lease(self._now_us())
        elif self._lease.point.fps_mfps:
            self._serve(frame)

    def _serve(self, frame: Frame) -> None:
        now_us = self._now_us
        self.busy_since_us = began_us = now_us()
        batch = self._prepare(frame)
        if batch is None:
            return
        ready_us = now_us()
        try:
            answer = self._answer(self._infer(batch))
        except EngineFault as error:
            self._reference_failed(str(error))
            return
        done_us = now_us()
        served_by, latency_us = self._pool.served_by, done_us - frame.at_us
        self._publish(frame.index, answer, latency_us, served_by, done_us)
        self._count(served_by, done_us - began_us, latency_us <= self._deadline_us)
        self.frame = frame.index
        self.last = (frame.index, answer, latency_us, served_by, done_us)
        if served_by != self._variant:
            self._notice_quarantine()
        elif done_us - ready_us > self._watch.limit_us or self._watch.row:
            self._crawl(done_us - ready_us)
        if self._order.shadow_ppm and shadow.drawn(self._order.seed, frame.index, self._order.shadow_ppm):
            self._shadow(frame.index, batch, answer)
        self.busy_since_us = 0
        if done_us >= self._chores_us:
            self._between_frames(frame, done_us)

    def _prepare(self, frame: Frame) -> npt.NDArray[np.float32] | None:
        """The batch, or None for a picture that cannot be one; the first of a row is told."""
        try:
            batch = self._parts.preprocess(frame.image)
        except ValueError as error:
            if not self._odd:
                self._tell_fault("source", f"frame {frame.index}: {error}", "")
            self._odd, self.busy_since_us = True, 0
            return None
        self._odd = False
        return batch

    def _reference_failed(self, text: str) -> None:
        """There is nothing to fall back to: nothing is published, and a row of failures ends the worker, to be started anew."""
        self.busy_since_us = 0
        self._failures += 1
        if self._failures == 1:
            self._tell_fault("engine", text, self._reference)
        if self._failures >= DEAD_AFTER:
            self._tell_fault(
                "engine", f"the reference failed {DEAD_AFTER} times in a row; the worker starts again", self._reference
            )
            self.stop(RESTART)

    def _shadow(self, index: int, batch: npt.NDArray[np.float32], answer: Answer) -> None:
        """The same frame on the other side of the comparison: loss is always the efficient variant's against the reference."""
        tested = self._variant
        if tested == self._reference:
            warm = tuple(name for name in self._pool.warm if name not in {self._reference, *self._slow})
            chosen = shadow.which(self._order.seed, index, warm)
            if chosen is None:
                return
            tested = chosen
        other = self._reference if self._variant == tested else tested
        try:
            output = self._pool.shadow(batch, other)
            if output is None:
                self._notice_quarantine()
                return
            second = self._parts.head.answer(output)
        except EngineError as error:
            self._reference_failed(str(error))
            return
        reference, efficient = (second, answer) if other == self._reference else (answer, second)
        self.tally.shadow(Shadow(self._order.band, tested, self._parts.head.loss_ppm(reference, efficient)))

    def _between_frames(self, frame: Frame, now_us: int) -> None:
        """What need not happen on every frame: lease, picture statistics, and keeping idle engines warm where there is time."""
        self._failures = 0 if self._pool.served_by == self._reference else self._failures
        self._chores_us = now_us + CHORES_US
        self._keep_lease(now_us)
        if now_us - self._looked_us >= LOOK_US:
            self._looked_us = now_us
            self.picture = picture.look(frame)
        if now_us - self._touched_us >= TOUCH_US:
            next_us = self._parts.next_us()
            if next_us is None or next_us - now_us > self._touch_cost_us or now_us - self._touched_us >= 5 * TOUCH_US:
                self._touched_us = now_us
                self._touch()

    def _touch(self) -> None:
        self.busy_since_us = self._now_us()
        try:
            self._pool.touch()
        except EngineFault as error:
            self._reference_failed(str(error))
        self.busy_since_us = 0
        self._notice_quarantine()

    def _heed(self) -> None:
        self._alarm = False
        while self._orders:
            self._obey(*self._orders.popleft())
        if self._orphaned:
            self._orphaned = False
            self._fall_back("orphan")

    def _keep_lease(self, now_us: int) -> None:
        if self._lease.expired(now_us):
            self._tell_fault("lease", "the lease ended without renewal; the reference serves", "")
            self._fall_back("lease")

    def _obey(self, order: Setpoint, received_us: int) -> None:
        point = OperatingPoint(order.variant, order.fps_mfps)
        taken = leases.take(self._lease, point, order.lease_us, received_us, order.safe_mfps)
        if isinstance(taken, str):
            self._tell_fault("refused", f"setpoint {order.seq}: {taken}", order.variant)
            return
        if order.variant in self._slow:
            self._tell_fault("refused", f"setpoint {order.seq}: {order.variant} was set aside as too slow", order.variant)
            return
        if not self._swap(order.variant, "setpoint", order.seq, received_us):
            return
        self._lease, self._order = taken, order
        self._deadline_us = self._deadline_us if order.deadline_us is None else order.deadline_us
        self._parts.set_rate(order.fps_mfps)
        now_us = self._now_us()
        self._parts.tell(Applied(order.seq, order.variant, order.fps_mfps, now_us - received_us, now_us))

    def _fall_back(self, reason: str) -> None:
        self._lease = leases.end(self._lease)
        self._order = Setpoint(self._order.seq, self._reference, self._lease.safe_mfps, 0, 0, 0, self._order.band)
        self._swap(self._reference, reason, self._order.seq, self._now_us())
        self._parts.set_rate(self._lease.safe_mfps)

    def _swap(self, variant: str, reason: str, seq: int, since_us: int) -> bool:
        """Point the next frame at ``variant``; False, told as a fault, where it is not warm."""
        if variant == self._variant:
            return True
        try:
            self._pool.swap(variant)
        except EngineError as error:
            self._tell_fault("refused", f"setpoint {seq}: {error}", variant)
            return False
        old, self._variant, self._watch = self._variant, variant, self._watches[variant]
        self.swaps += 1
        now_us = self._now_us()
        self._parts.tell(Swapped(seq, old, variant, reason, self.frame, now_us - since_us, now_us))
        return True

    def _notice_quarantine(self) -> None:
        """The pool has set a variant aside: void what it was credited with, and say that the reference serves."""
        faults = self._pool.faults
        for name in faults.keys() & self._watches.keys():
            del self._watches[name]
            self.tally.void(name)
            self._tell_fault("engine", faults[name], name)
        if self._variant in faults:
            self._swap(self._reference, "engine", self._order.seq, self._now_us())

    def _crawl(self, latency_us: int) -> None:
        """An efficient variant that crawls is set aside; where the reference crawls as well it is the machine, not the engine."""
        watch, variant = self._watch, self._variant
        if not watch.slow(latency_us):
            return
        text = f"{variant} takes over {watch.limit_us} us a frame, warmed up it took {watch.normal_us} us"
        if variant == self._reference:
            self._slow.clear()
            self._tell_fault("slow", text, variant)
            return
        self._slow.add(variant)
        self._tell_fault("slow", f"{text}; set aside", variant)
        self._swap(self._reference, "slow", self._order.seq, self._now_us())

    def _tell_fault(self, kind: str, text: str, variant: str) -> None:
        self._parts.tell(Fault(kind, text, self._now_us(), variant))

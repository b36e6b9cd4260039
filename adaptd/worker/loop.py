"""The frame loop: the newest frame, preprocessed, inferred, published; then shadowed where it was drawn, then the chores."""

from dataclasses import replace
from typing import Any

from adaptd.base import coin
from adaptd.engine.errors import EngineError, EngineFault
from adaptd.engine.pool import WarmPool
from adaptd.vision.answers import Answer
from adaptd.vocabulary import Setpoint, Shadow
from adaptd.worker.counters import Counters
from adaptd.worker.health import Stopwatch
from adaptd.worker.latest_frame import Frame
from adaptd.worker.lease import Lease
from adaptd.worker.loop_parts import Batch, LoopParts
from adaptd.worker.seen import Seen
from adaptd.worker.setpoints import NO_END, Setpoints

TOUCH_US = 20_000_000
CHORES_US = 50_000
DEAD_AFTER = 3
RESTART = 3
MOVED = -1
NAP_S = 0.25
LOST_PPM = 1_000_000


class FrameLoop:
    """Serves frames on the thread that owns the engines. ``offer``, ``orphan`` and ``stop`` may come from any thread.

    What happens on every frame touches as little as it can: after a network has run the caches are cold, and each function that
    is entered costs ten times what it costs in a tight loop.
    """

    def __init__(
        self, parts: LoopParts, lease: Lease, deadline_us: int, normal_us: dict[str, int], touch_us: int = TOUCH_US
    ) -> None:
        self._parts = parts
        self._pool = parts.pool
        self._now_us = parts.clock.now_us
        self._now_ns = parts.clock.now_ns
        self._prepare = parts.preprocess
        self._answer = parts.head.answer
        self._infer = parts.pool.infer
        self._publish = parts.results.publish
        self._watches = {name: Stopwatch(latency) for name, latency in normal_us.items()}
        self.normal_us, self._cost_us = normal_us, dict(normal_us)
        self._greeted = 0
        self._newest: Frame | None = None
        self._touch_us = touch_us
        self._failures, self._odd = 0, False
        self._chores_us = [0] * len(parts.names)
        self._touched_us = self._now_us()
        self.seen = Seen(parts.names, self._touched_us)
        self._cells = self.seen.cells
        self._rate_mfps = lease.point.fps_mfps
        self.helm = Setpoints(parts.pool, lease, deadline_us, parts.clock, parts.tell, self._set_rate)
        self.tally = Counters()
        self._count = self.tally.frame
        self.running = True
        self.exit_code = 0
        self.busy_since_us = 0

    @property
    def newest_image(self) -> Any:
        """The newest picture of the first camera that was served or looked at; None before the first."""
        return self.seen.images[0]

    def offer(self, setpoint: Setpoint) -> None:
        """Hold this setpoint from the next frame on."""
        self.helm.offer(setpoint)
        self._parts.slot.poke()

    def orphan(self) -> None:
        """The daemon is gone: the reference at the safe rate from the next frame on."""
        self.helm.orphan()
        self._parts.slot.poke()

    def stop(self, exit_code: int = 0) -> None:
        """End after the frame in flight."""
        self.exit_code = max(self.exit_code, 0) or exit_code
        self.running = False
        self._parts.slot.poke()

    def hand_over(self) -> None:
        """End after the frame in flight with MOVED, for a successor to go on; nothing where it is told to stop already."""
        if self.running:
            self.exit_code = MOVED
            self.running = False
            self._parts.slot.poke()

    def successor(self, pool: WarmPool, normal_us: dict[str, int]) -> "FrameLoop":
        """The loop that goes on with other engines between two frames, once it has called ``inherit``."""
        parts, helm = replace(self._parts, pool=pool), self.helm
        return FrameLoop(parts, helm.lease, helm.deadline_us, normal_us, self._touch_us)

    def inherit(self, old: "FrameLoop", lease: Lease) -> None:
        """Go on where ``old`` has ended: its counts, what it has seen, its frame and coin, on the reference under ``lease``."""
        self.tally, self.seen, self._newest, self._count = old.tally, old.seen, old._newest, old.tally.frame
        helm, before = self.helm, old.helm
        helm.lease, helm.frame, helm.swaps, helm.deadline_us = lease, before.frame, before.swaps, before.deadline_us
        helm.order, helm.until_frame = replace(before.order, variant=helm.reference, until_frame=None), NO_END
        self._rate_mfps, self._greeted = lease.point.fps_mfps, helm.swaps

    def run(self) -> int:
        """Serve until stopped; the exit code."""
        while self.running and self._parts.clock.wait_until(0):
            self.turn(NAP_S)
        return self.exit_code

    def turn(self, patience_s: float) -> None:
        """Serve one frame if one comes within ``patience_s``. Orders that came before the frame is begun concern it already."""
        frame = self._parts.slot.take(patience_s)
        helm = self.helm
        if helm.alarm:
            helm.heed()
        if frame is not None:
            if not frame.look_only and helm.lease.point.fps_mfps:
                if self._serve(frame, helm):
                    return
            else:
                self._glance(frame)
        self._idle(self._now_us())

    def _glance(self, frame: Frame) -> None:
        """See how light it is while nothing is served."""
        try:
            self.seen.look(frame)
            self._newest = frame
        except ValueError as error:
            self._odd_picture(f"a picture taken for its light: {error}")

    def _idle(self, now_us: int) -> None:
        """No frame was served: the lease ends all the same, and the engines stay warm for the first frame after the pause."""
        self.helm.keep_lease(now_us)
        if self._failures:
            return
        if self.helm.swaps != self._greeted:
            if self._time_for(self._cost_us[self.helm.variant], now_us):
                self._greet(now_us)
            self._greeted = self.helm.swaps
        else:
            self._keep_warm(now_us)

    def _set_rate(self, rate_mfps: int) -> None:
        """Serve at another rate; after a pause the source is asked for frames once the caches are warm again."""
        paused, self._rate_mfps = not self._rate_mfps, rate_mfps
        if paused and rate_mfps and not self._failures:
            self._greet(self._now_us())
            self._greeted = self.helm.swaps
        self._parts.set_rate(rate_mfps)

    def _greet(self, now_us: int) -> None:
        """Serve the last picture once more on the engine of a new setpoint, for nobody.

        The first frame after a swap or a pause then meets caches as warm as any other.
        """
        variant, newest = self.helm.variant, self._newest
        if newest is None:
            return
        self.busy_since_us = now_us
        try:
            self._pool.shadow(self._prepare(newest.image), variant, newest.camera)
        except ValueError as error:
            self._odd_picture(str(error))
        except EngineError as error:
            self._reference_failed(str(error))
        self.busy_since_us = 0
        self._notice_quarantine()

    def _time_for(self, cost_us: int, now_us: int) -> bool:
        next_us = self._parts.next_us()
        return next_us is None or next_us - now_us > cost_us

    def _serve(self, frame: Frame, helm: Setpoints) -> bool:
        """Whether the frame gave a result."""
        now_ns = self._now_ns
        if frame.index > helm.until_frame:
            helm.end_of_credit()
        began_ns = now_ns()
        self.busy_since_us = began_ns // 1000
        try:
            batch = self._prepare(frame.image)
        except ValueError as error:
            self._odd_picture(f"frame {frame.index}: {error}")
            return False
        ready_ns = now_ns()
        camera = frame.camera
        self._newest, self.seen.images[camera] = frame, frame.image
        try:
            answer = self._answer(self._infer(batch, camera))
        except EngineFault as error:
            self._reference_failed(str(error))
            return False
        done_ns = now_ns()
        done_us, served_by, order = done_ns // 1000, self._pool.served_by, helm.order
        shadowed = order.shadow_ppm > 0 and coin.drawn(order.seed, frame.index, order.shadow_ppm)
        both, given_by = None, served_by
        if shadowed and served_by != helm.reference:
            both = self._reference_first(frame, batch, done_us, helm)
            if both is not None:
                answer, efficient, given_by, done_us = both, answer, helm.reference, self._now_us()
        latency_us = done_us - frame.at_us
        tag = frame.tag + self.seen.take_scene(camera) if self.seen.scenes[camera] else frame.tag
        self._publish(frame.index, answer, latency_us, given_by, done_us, shadowed, tag)
        band = order.band + self._cells[camera]
        key = (band, served_by, order.shadow_ppm)
        helm.frame = frame.index
        self.seen.results[camera] = (frame.index, answer, latency_us, given_by, done_us)
        if served_by != helm.variant:
            self._notice_quarantine()
        elif self._watches[served_by].slow((done_ns - ready_ns) // 1000):
            self._set_slow(served_by)
        loss_ppm = self._shadow(frame, batch, answer, served_by, band) if shadowed and both is None else None
        if both is not None:
            loss_ppm = self._compare(band, served_by, both, efficient)
        work_us = (done_ns - began_ns) // 1000
        self._count(key, frame.index, work_us, latency_us <= helm.deadline_us, shadowed, loss_ppm, both is None)
        self.busy_since_us = 0
        if done_us >= self._chores_us[camera]:
            self._between_frames(frame, done_us)
        return True

    def _odd_picture(self, text: str) -> None:
        """A picture that cannot be served; the first of a row is told."""
        if not self._odd:
            self.helm.tell_fault("source", text, "")
        self._odd, self.busy_since_us = True, 0

    def _reference_failed(self, text: str) -> None:
        """There is nothing to fall back to: nothing is published, and a row of failures ends the worker, to be started anew."""
        self.busy_since_us = 0
        self._failures += 1
        if self._failures == 1:
            self.helm.tell_fault("engine", text, self.helm.reference)
        if self._failures >= DEAD_AFTER:
            words = f"the reference failed {DEAD_AFTER} times in a row; the worker starts again"
            self.helm.tell_fault("engine", words, self.helm.reference)
            self.stop(RESTART)

    def _reference_first(self, frame: Frame, batch: Batch, now_us: int, helm: Setpoints) -> Answer | None:
        """The reference's answer to a frame that an efficient variant served, where it comes before the deadline; else None."""
        if now_us - frame.at_us + self._cost_us[helm.reference] > helm.deadline_us:
            return None
        try:
            output = self._pool.shadow(batch, helm.reference, frame.camera)
        except EngineError as error:
            self._reference_failed(str(error))
            return None
        self._failures = 0
        return None if output is None else self._answer(output)

    def _shadow(self, frame: Frame, batch: Batch, answer: Answer, served_by: str, band: str) -> int | None:
        """The same frame on the other side: the loss for the account, None where the reference served, whole where it failed."""
        order, reference = self.helm.order, self.helm.reference
        tested = served_by if served_by != reference else coin.which(order.seed, frame.index, self._efficient())
        if tested is None:
            return None
        other = reference if tested == served_by else tested
        try:
            output = self._pool.shadow(batch, other, frame.camera)
        except EngineError as error:
            self._reference_failed(str(error))
            return self._unseen(band, tested, served_by)
        if output is None:
            self._notice_quarantine()
            return self._unseen(band, tested, served_by)
        second = self._parts.head.answer(output)
        if other == reference:
            self._failures = 0
            return self._compare(band, tested, second, answer)
        self._compare(band, tested, answer, second)
        return None

    def _compare(self, band: str, tested: str, reference: Answer, efficient: Answer) -> int:
        """The loss of one answer against the reference's, told to the guard with the objects that were missed and added."""
        head = self._parts.head
        loss_ppm = head.loss_ppm(reference, efficient)
        self.tally.shadow(Shadow(band, tested, loss_ppm), head.apart(reference, efficient) if loss_ppm else (0, 0))
        return loss_ppm

    def _unseen(self, band: str, tested: str, served_by: str) -> int | None:
        """A frame that the coin chose and that could not be compared: where an efficient variant served it, it counts as lost."""
        if tested != served_by:
            return None
        self.tally.shadow(Shadow(band, tested, LOST_PPM))
        return LOST_PPM

    def _efficient(self) -> tuple[str, ...]:
        out = {self.helm.reference, *self.helm.slow}
        return tuple([name for name in self._pool.warm if name not in out])

    def _between_frames(self, frame: Frame, now_us: int) -> None:
        """What need not happen on every frame: lease, picture statistics, and keeping idle engines warm where there is time."""
        self._failures = 0 if self._pool.served_by == self.helm.reference else self._failures
        self._odd = False
        self._chores_us[frame.camera] = now_us + CHORES_US
        self.helm.keep_lease(now_us)
        self.seen.look_now_and_then(frame, now_us)
        self._keep_warm(now_us)

    def _keep_warm(self, now_us: int) -> None:
        """Exercise every engine where that is due and there is time before the next frame; far overdue, there is always time."""
        rested_us = now_us - self._touched_us
        if not self._touch_us or rested_us < self._touch_us:
            return
        if not self._time_for(sum(self._cost_us.values()), now_us) and rested_us < 5 * self._touch_us:
            return
        self._touched_us = self.busy_since_us = now_us
        try:
            self._pool.touch()
        except EngineFault as error:
            self._reference_failed(str(error))
        self.busy_since_us = 0
        self._notice_quarantine()

    def _notice_quarantine(self) -> None:
        """The pool has set a variant aside: void what it was credited with, and say that the reference serves."""
        faults = self._pool.faults
        for name in faults.keys() & self._watches.keys():
            del self._watches[name]
            self.tally.void(name)
            self.helm.tell_fault("engine", faults[name], name)
        if self.helm.variant in faults:
            self.helm.to_reference("engine")

    def _set_slow(self, variant: str) -> None:
        """An efficient variant that crawls is set aside; where the reference crawls as well it is the machine, not the engine."""
        watch = self._watches[variant]
        text = f"{variant} takes over {watch.limit_us} us a frame, at its quickest it took {watch.normal_us} us"
        if variant == self.helm.reference:
            self.helm.acquit()
            self.helm.tell_fault("slow", text, variant)
            return
        aside_us = self.helm.set_aside(variant)
        self.helm.tell_fault("slow", f"{text}; set aside for {aside_us // 1_000_000} s", variant)

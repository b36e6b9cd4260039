"""The frame loop: the newest frame, preprocessed, inferred, published; then shadowed where it was drawn, then the chores."""

from dataclasses import replace

from adaptd.base import coin
from adaptd.engine.errors import EngineError, EngineFault
from adaptd.engine.pool import WarmPool
from adaptd.vision.answers import Answer
from adaptd.vocabulary import Setpoint
from adaptd.worker.comparison import Comparison, ReferenceHealth
from adaptd.worker.counters import Counters
from adaptd.worker.health import Stopwatch
from adaptd.worker.latest_frame import Frame
from adaptd.worker.lease import Lease
from adaptd.worker.loop_parts import Batch, LoopParts
from adaptd.worker.seen import Result, Seen
from adaptd.worker.setpoints import NO_END, Setpoints

TOUCH_US = 20_000_000
CHORES_US = 50_000
RESTART = 3
MOVED = -1
NAP_S = 0.25
Drawn = tuple[Frame, Batch, Answer | None]
Owed = tuple[Frame, Answer, int, int, int]  # when it began, was with its engine, and was done, in nanoseconds


class FrameLoop:
    """Serves frames on the thread that owns the engines. ``offer``, ``orphan`` and ``stop`` may come from any thread.

    What happens on every frame touches as little as it can: after a network has run the caches are cold, and each function that
    is entered costs ten times what it costs in a tight loop. Slots, those of every frame first, lie close together.
    """

    __slots__ = tuple(
        (
            "_take helm _now_ns _owed busy_since_us _prepare _under_way _answer _infer _meantime _plain _soon_ns _slot "
            "_pool _publish _ready_ns _newest _parts _now_us _watches _greeted _touch_us _odd _chores_us _touched_us seen "
            "_cells _rate_mfps tally _count health _compare running exit_code _drawn normal_us _cost_us"
        ).split()
    )

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
        self._slot, self._take = parts.slot, parts.slot.take
        self._meantime = self._meanwhile
        self._owed: Owed | None = None
        self._under_way: Frame
        self._ready_ns, self._drawn = 0, False
        self._plain, self._soon_ns = False, 0  # an answer before then asks for nothing but its books
        self._publish = parts.results.publish
        self._watches = {name: Stopwatch(latency) for name, latency in normal_us.items()}
        self.normal_us, self._cost_us = normal_us, dict(normal_us)
        self._greeted = 0
        self._newest: Frame | None = None
        self._touch_us = touch_us
        self._odd = False
        self._chores_us = [0] * len(parts.names)
        self._touched_us = self._now_us()
        self.seen = Seen(parts.names, self._touched_us)
        self._cells = self.seen.cells
        self._rate_mfps = lease.point.fps_mfps
        self.helm = Setpoints(parts.pool, lease, deadline_us, parts.clock, parts.tell, self._set_rate)
        self.tally = Counters()
        self._count = self.tally.frame
        self.health = ReferenceHealth(self.helm, lambda: self.stop(RESTART))
        self._compare = Comparison(
            parts.pool, parts.head, self.helm, self.health, self._cost_us, self._notice_quarantine, self._now_us
        )
        self.running = True
        self.exit_code = 0
        self.busy_since_us = 0

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
        self.settle()
        return self.exit_code

    def turn(self, patience_s: float) -> None:
        """Serve one frame if one comes within ``patience_s``. Orders that came before the frame is begun concern it already."""
        frame, helm = self._take(patience_s), self.helm
        if helm.alarm:
            self.settle()
            helm.heed()
        if frame is not None:
            if not frame.look_only and helm.lease.point.fps_mfps:
                if self._serve(frame, helm):
                    return
            else:
                self._glance(frame)
        self.settle()
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
        if self.health.failures:
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
        if paused and rate_mfps and not self.health.failures:
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
            self.health.failed(str(error))
        self.busy_since_us = 0
        self._notice_quarantine()

    def _time_for(self, cost_us: int, now_us: int) -> bool:
        next_us = self._parts.next_us()
        return next_us is None or next_us - now_us > cost_us

    def _serve(self, frame: Frame, helm: Setpoints) -> bool:
        """Whether the frame gave a result.

        Before the engine starts and after its answer nothing is done that need not be done there: the rest happens in
        ``_meanwhile``, and where another frame waits already the books of this one are kept in that one's.
        """
        if frame.index > helm.until_frame:
            self.settle()
            helm.end_of_credit()
        began_ns = self._now_ns() if self._owed is None else self._owed[-1]
        self.busy_since_us = began_ns // 1000
        try:
            batch = self._prepare(frame.image)
        except ValueError as error:
            self._odd_picture(f"frame {frame.index}: {error}")
            return False
        self._under_way = frame
        try:
            answer = self._answer(self._infer(batch, frame.camera, self._meantime))
        except EngineFault as error:
            self.busy_since_us = 0
            self.health.failed(str(error))
            return False
        done_ns = self._now_ns()
        if self._plain and done_ns < self._soon_ns and self._slot.waiting and self._pool.served_by == helm.variant:
            done_us = done_ns // 1000
            self._publish(frame.index, answer, done_us - frame.at_us, helm.variant, done_us, False, frame.tag)
            self._owed = (frame, answer, began_ns, self._ready_ns, done_ns)
        else:
            self._finish(frame, batch, answer, began_ns, done_ns)
        self.busy_since_us = 0
        return True

    def _meanwhile(self) -> None:
        """While the engine computes: the books of the frame before, and what will have to be known of this one.

        Where frames come faster than they are served, and the processor would only wait for a device, the reading of an answer
        is practised as well: else it meets cold caches, which nearly doubles what a frame costs beside the device.
        """
        ready_ns, pressed = self._now_ns(), self._owed is not None
        self.settle()
        frame, helm, seen = self._under_way, self.helm, self.seen
        order, camera = helm.order, frame.camera
        self._newest, seen.images[camera], self._ready_ns = frame, frame.image, ready_ns
        self._drawn = order.shadow_ppm > 0 and coin.drawn(order.seed, frame.index, order.shadow_ppm)
        self._plain = not (self._drawn or seen.scenes[camera])
        self._soon_ns = min(ready_ns // 1000 + self._watches[helm.variant].limit_us, self._chores_us[camera]) * 1000
        if pressed and self._parts.head.quick:
            example = self._pool.example()
            if example is not None:
                self._answer(example)

    def settle(self) -> None:
        """Keep the books that were put off: before anything is decided, and before another frame's."""
        owed, self._owed = self._owed, None
        if owed is not None:
            frame, answer, began_ns, ready_ns, done_ns = owed
            done_us, variant = done_ns // 1000, self.helm.variant
            last = (frame.index, answer, done_us - frame.at_us, variant, done_us)
            self._book(frame.camera, last, variant, ((done_ns - began_ns) // 1000, (done_ns - ready_ns) // 1000))

    def _finish(self, frame: Frame, batch: Batch, answer: Answer, began_ns: int, done_ns: int) -> None:
        """Publish an answer, keep its books, and do what is due between frames."""
        helm, camera, drawn = self.helm, frame.camera, self._drawn
        done_us, served_by = done_ns // 1000, self._pool.served_by
        efficient, given_by = None, served_by
        if drawn and served_by != helm.reference:
            both = self._compare.reference_first(frame, batch, done_us)
            if both is not None:
                answer, efficient, given_by, done_us = both, answer, helm.reference, self._now_us()
        latency_us = done_us - frame.at_us
        tag = frame.tag + self.seen.take_scene(camera) if self.seen.scenes[camera] else frame.tag
        self._publish(frame.index, answer, latency_us, given_by, done_us, drawn, tag)
        took_us = (done_ns - began_ns) // 1000, (done_ns - self._ready_ns) // 1000
        last = (frame.index, answer, latency_us, given_by, done_us)
        self._book(camera, last, served_by, took_us, (frame, batch, efficient) if drawn else None)
        if done_us >= self._chores_us[camera]:
            self.busy_since_us = 0
            self._between_frames(frame, done_us)

    def _book(self, camera: int, last: Result, served_by: str, took_us: tuple[int, int], drawn: Drawn | None = None) -> None:
        """Count a frame that was answered, and first compare it where the coin fell on it."""
        helm, order = self.helm, self.helm.order
        band = order.band + self._cells[camera]
        helm.frame, self.seen.results[camera] = last[0], last
        if served_by != helm.variant:
            self._notice_quarantine()
        elif self._watches[served_by].slow(took_us[1]):
            self._set_slow(served_by)
        loss_ppm, late = None, True
        if drawn is not None:
            frame, batch, efficient = drawn
            late = efficient is None
            if efficient is None:
                loss_ppm = self._compare.shadow(self.tally, frame, batch, last[1], served_by, band, took_us[0] - took_us[1])
            else:
                loss_ppm = self._compare.loss(self.tally, band, served_by, last[1], efficient)
        key, in_time = (band, served_by, order.shadow_ppm), last[2] <= helm.deadline_us
        self._count(key, last[0], took_us[0], in_time, drawn is not None, loss_ppm, late)

    def _odd_picture(self, text: str) -> None:
        """A picture that cannot be served; the first of a row is told."""
        if not self._odd:
            self.helm.tell_fault("source", text, "")
        self._odd, self.busy_since_us = True, 0

    def _between_frames(self, frame: Frame, now_us: int) -> None:
        """What need not happen on every frame: lease, picture statistics, and keeping idle engines warm where there is time."""
        if self._pool.served_by == self.helm.reference:
            self.health.answered()
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
            self.health.failed(str(error))
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

"""The frame loop on stub engines and a clock that jumps: swaps between frames, leases, broken and crawling engines."""

from typing import Any

import numpy as np
import pytest

from adaptd.base.coin import drawn
from adaptd.engine.base import EngineSpec
from adaptd.engine.pool import WarmPool
from adaptd.engine.stub import Misbehaviour, StubEngine
from adaptd.protocol.messages import Applied, Fault, Swapped
from adaptd.vision.answers import Answer, Classification
from adaptd.vocabulary import Served, Setpoint
from adaptd.worker import lease as leases
from adaptd.worker.comparison import DEAD_AFTER
from adaptd.worker.health import FACTOR, FLOOR_US, WINDOW
from adaptd.worker.latest_frame import Frame, LatestFrame
from adaptd.worker.loop import RESTART, TOUCH_US, FrameLoop
from adaptd.worker.loop_parts import LoopParts
from adaptd.worker.shared_slot import SharedSlot
from tests.worker.fakes import FakeClock

PERIOD_US = 66_667
CLASSES = ("a", "b", "c", "d", "e")


class Bench:
    """A loop with two stub engines, its inputs and everything it said."""

    names: tuple[str, ...] = ("",)

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.engines: dict[str, StubEngine] = {}
        self.delay_us = {"fp16": 0, "int8": 0}
        self.said: list[Any] = []
        self.published: list[tuple[int, str, str]] = []
        self.rates: list[int] = []
        self.told_shadowed: dict[int, bool] = {}
        self.tags: list[str] = []
        self.slot: Any = SharedSlot(self.names) if self.names != ("",) else LatestFrame()
        self.due_us: int | None = None
        self.pool = WarmPool(self._engine, ("int8",), "fp16")
        self.pool.activate()
        parts = LoopParts(
            self.pool,
            self._prepare,
            Classification(CLASSES),
            self.slot,
            self,
            self.clock,
            self.said.append,
            self.rates.append,
            self._next_us,
            self.names,
        )
        self.loop = FrameLoop(parts, leases.start("fp16", 15_000), 66_000, {"fp16": 4_000, "int8": 2_000})
        self.index = 0
        self.odd = False

    def _prepare(self, image: Any) -> Any:
        if self.odd:
            raise ValueError("a picture of float32 (1,): 8-bit with three channels is served")
        return np.full((1, 3, 4, 4), float(image[0, 0, 0]), np.float32)

    def _next_us(self) -> int | None:
        return self.due_us

    def _engine(self, name: str) -> StubEngine:
        def pause() -> None:
            self.clock.us += self.delay_us[name]

        self.engines[name] = StubEngine(EngineSpec(name, "fp32", (1, 3, 4, 4), (1, 5), len(self.names)), pause=pause)
        return self.engines[name]

    def publish(
        self, frame: int, answer: Answer, latency_us: int, variant: str, at_us: int, shadowed: bool, tag: str = ""
    ) -> None:
        """Stands where subscribers are."""
        self.told_shadowed[frame] = shadowed
        self.tags.append(tag)
        self.published.append((frame, answer.label, variant))

    def order(self, variant: str, fps_mfps: int = 15_000, lease_us: int = 10**12, seq: int = 1, **more: Any) -> None:
        """Send a setpoint."""
        words = {"shadow_ppm": 0, "seed": "7", "band": "dim"} | more
        self.loop.offer(Setpoint(seq, variant, fps_mfps, lease_us, **words))

    def frames(self, count: int) -> None:
        """Let ``count`` frames arrive, a period apart, each served before the next."""
        for _ in range(count):
            self.clock.us += PERIOD_US
            self.slot.put(Frame(np.full((4, 4, 3), self.index % 7, np.uint8), self.index, self.clock.us))
            self.index += 1
            self.loop.turn(0)

    def heard(self, kind: type) -> list[Any]:
        """What of one kind was said."""
        return [message for message in self.said if isinstance(message, kind)]

    @property
    def variants(self) -> list[str]:
        """The variant of each published frame."""
        return [variant for _, _, variant in self.published]


@pytest.fixture
def bench() -> Bench:
    """A fresh loop."""
    return Bench()


def test_every_frame_gives_one_result_in_order(bench: Bench) -> None:
    """100 frames, 100 results, none twice; the reference serves until told otherwise."""
    bench.frames(100)
    assert [frame for frame, _, _ in bench.published] == list(range(100))
    assert set(bench.variants) == {"fp16"}
    counts = bench.loop.tally.take()
    assert (counts.delivered, counts.missed, bench.slot.dropped) == (100, 0, 0)


def test_a_swap_falls_between_two_frames(bench: Bench) -> None:
    """Frames before the setpoint ran on the old engine, the frame that comes next on the new one: none is lost or doubled."""
    bench.frames(5)
    bench.order("int8")
    bench.frames(5)
    assert bench.variants == ["fp16"] * 5 + ["int8"] * 5
    (swapped,) = bench.heard(Swapped)
    assert (swapped.old, swapped.new, swapped.reason, swapped.frame) == ("fp16", "int8", "setpoint", 4)
    (applied,) = bench.heard(Applied)
    assert (applied.seq, applied.variant, applied.fps_mfps) == (1, "int8", 15_000)
    assert (bench.loop.helm.variant, bench.loop.helm.lease.point.fps_mfps) == ("int8", 15_000)


def test_a_thousand_swaps_lose_and_double_nothing(bench: Bench) -> None:
    """Alternating setpoints before every frame: each frame once, each on the engine that was asked for."""
    for index in range(1_000):
        bench.order("int8" if index % 2 else "fp16", seq=index + 1)
        bench.frames(1)
    assert [frame for frame, _, _ in bench.published] == list(range(1_000))
    assert bench.variants == ["int8" if index % 2 else "fp16" for index in range(1_000)]
    assert bench.loop.helm.swaps == len(bench.heard(Swapped)) == 999


def test_a_renewal_is_applied_without_a_swap(bench: Bench) -> None:
    """Renewing what holds already is acknowledged and touches no engine."""
    bench.order("int8")
    bench.frames(1)
    bench.order("int8", seq=2)
    bench.frames(1)
    assert [message.seq for message in bench.heard(Applied)] == [1, 2]
    assert len(bench.heard(Swapped)) == 1


def test_a_lease_that_ends_brings_the_reference_back_by_itself(bench: Bench) -> None:
    """Without renewal INT8 at 10 fps becomes the reference at the safe rate, and the daemon can read why."""
    bench.order("int8", 10_000, lease_us=1_000_000)
    bench.frames(30)
    assert bench.variants[:10] == ["int8"] * 10
    assert bench.variants[-10:] == ["fp16"] * 10
    assert bench.heard(Swapped)[-1].reason == "lease"
    assert bench.rates == [10_000, 15_000]
    assert [fault.kind for fault in bench.heard(Fault)] == ["lease"]


def test_a_lease_ends_even_when_no_frame_comes(bench: Bench) -> None:
    """A camera that is away does not keep a relaxed point alive."""
    bench.order("int8", lease_us=1_000_000)
    bench.loop.turn(0)
    assert bench.loop.helm.variant == "int8"
    bench.clock.us += 1_000_001
    bench.loop.turn(0)
    assert (bench.loop.helm.variant, bench.loop.helm.lease.point.fps_mfps) == ("fp16", 15_000)


def test_a_dead_daemon_means_the_reference_at_once(bench: Bench) -> None:
    """Whoever can not renew can not have asked for more: no need to wait for the lease."""
    bench.order("int8", 5_000)
    bench.frames(3)
    bench.loop.orphan()
    bench.frames(3)
    assert bench.variants == ["int8"] * 3 + ["fp16"] * 3
    assert bench.heard(Swapped)[-1].reason == "orphan"
    assert (bench.loop.helm.variant, bench.loop.helm.lease.point.fps_mfps) == ("fp16", 15_000)


@pytest.mark.parametrize("kind", [Misbehaviour.NAN, Misbehaviour.WRONG_SHAPE, Misbehaviour.CRASH])
def test_a_broken_engine_costs_no_frame(bench: Bench, kind: Misbehaviour) -> None:
    """The frame that broke it is served again on the reference; the engine is quarantined and its evidence voided."""
    bench.order("int8", shadow_ppm=1_000_000)
    bench.frames(5)
    bench.engines["int8"].misbehave(kind)
    bench.frames(5)
    assert [frame for frame, _, _ in bench.published] == list(range(10))
    assert set(bench.variants) == {"fp16"}, "every frame was drawn, so the reference's answer went out before and after"
    assert bench.loop.helm.quarantined == ("int8",)
    assert bench.loop.tally.take().shadows == []
    assert bench.heard(Swapped)[-1].reason == "engine"
    (fault,) = bench.heard(Fault)
    assert (fault.kind, fault.variant, "\n" in fault.text) == ("engine", "int8", False)


def test_a_quarantined_engine_is_not_served_again(bench: Bench) -> None:
    """Asking for it is refused in words, and what holds goes on."""
    bench.order("int8")
    bench.frames(1)
    bench.engines["int8"].misbehave(Misbehaviour.NAN)
    bench.frames(1)
    bench.order("int8", seq=2)
    bench.frames(2)
    assert bench.variants[-2:] == ["fp16"] * 2
    assert bench.heard(Fault)[-1].kind == "refused"
    assert [message.seq for message in bench.heard(Applied)] == [1]


def test_an_engine_found_broken_by_a_shadow_frame_is_quarantined(bench: Bench) -> None:
    """The efficient engine is tried beside the reference; when it breaks there, no user's frame was touched."""
    bench.engines["int8"].misbehave(Misbehaviour.NAN)
    bench.order("fp16", shadow_ppm=1_000_000)
    bench.frames(3)
    assert set(bench.variants) == {"fp16"}
    assert bench.loop.helm.quarantined == ("int8",)
    assert bench.heard(Swapped) == []


def test_a_broken_reference_publishes_nothing_and_asks_for_a_restart(bench: Bench) -> None:
    """Garbage is never a result; after a row of failures the process ends, to be started with a fresh context."""
    bench.engines["fp16"].misbehave(Misbehaviour.NAN)
    bench.frames(DEAD_AFTER)
    assert bench.published == []
    assert (bench.loop.running, bench.loop.exit_code) == (False, RESTART)
    assert len(bench.heard(Fault)) == 2


def test_one_failure_of_the_reference_is_survived(bench: Bench) -> None:
    """A single bad answer costs its frame, is told, and nothing else."""
    bench.engines["fp16"].misbehave(Misbehaviour.NAN)
    bench.frames(1)
    bench.engines["fp16"].misbehave(Misbehaviour.NONE)
    bench.frames(20)
    assert bench.loop.running
    assert len(bench.published) == 20


def test_a_crawling_engine_is_set_aside(bench: Bench) -> None:
    """Ten times slower in a row: the reference serves from the next frame, and asking for the crawler is refused."""
    bench.order("int8")
    bench.frames(3)
    bench.delay_us["int8"] = FACTOR * FLOOR_US + 1_000
    bench.frames(WINDOW + 3)
    assert bench.variants == ["int8"] * (3 + WINDOW) + ["fp16"] * 3
    assert bench.loop.helm.slow == ("int8",)
    assert bench.heard(Swapped)[-1].reason == "slow"
    bench.order("int8", seq=2)
    bench.frames(1)
    assert bench.heard(Fault)[-1].kind == "refused"


def test_a_crawler_is_tried_again_later_and_later(bench: Bench) -> None:
    """A hiccup of the machine does not cost INT8 for ever: it may serve again after a minute, then after two."""
    bench.delay_us["int8"] = FACTOR * FLOOR_US + 1_000
    for minutes in (1, 2, 4):
        bench.order("int8")
        bench.frames(WINDOW)
        assert bench.heard(Fault)[-1].text.endswith(f"set aside for {60 * minutes} s")
        bench.clock.us += 60_000_000 * minutes - 1_000_000
        assert bench.loop.helm.slow == ("int8",)
        bench.clock.us += 1_000_000
        assert bench.loop.helm.slow == ()


def test_a_crawling_machine_is_not_the_engines_fault(bench: Bench) -> None:
    """Where the reference crawls as well, the efficient variant is acquitted."""
    bench.order("int8")
    bench.frames(1)
    bench.delay_us = {"fp16": 50_000, "int8": 50_000}
    bench.frames(2 * WINDOW)
    assert bench.loop.helm.slow == ()
    assert [fault.variant for fault in bench.heard(Fault)] == ["int8", "fp16"]


def test_a_variant_set_aside_in_a_shadow_frame_is_still_the_one_that_was_tested(bench: Bench) -> None:
    """The answer of the frame that condemned INT8 is INT8's, and is never mistaken for the reference's."""
    bench.engines["int8"].misbehave(Misbehaviour.WRONG_ANSWER)
    bench.delay_us["int8"] = 100_000
    bench.order("int8", shadow_ppm=1_000_000)
    bench.index = 1
    bench.frames(WINDOW)
    assert bench.loop.helm.slow == ("int8",)
    assert [shadow.loss_ppm for shadow in bench.loop.tally.take().shadows] == [1_000_000] * WINDOW


def test_late_results_are_misses_not_deliveries(bench: Bench) -> None:
    """A frame served after its deadline is counted as missed, and still published."""
    bench.delay_us["fp16"] = 10_000
    bench.frames(2)
    bench.order("fp16", deadline_us=9_000)
    bench.frames(3)
    counts = bench.loop.tally.take()
    assert (counts.delivered, counts.missed, len(bench.published)) == (2, 3, 5)
    assert counts.by_variant()[0].latency_max_us == 10_000


def test_shadow_frames_are_exactly_those_of_the_draw(bench: Bench) -> None:
    """Which frames ran on both engines can be told from seed and share alone, on either engine."""
    bench.order("fp16", shadow_ppm=200_000)
    bench.frames(200)
    bench.order("int8", shadow_ppm=200_000, seq=2)
    bench.frames(200)
    counts = bench.loop.tally.take()
    assert counts.shadow_frames == sum(drawn(7, frame, 200_000) for frame in range(400))
    assert bench.told_shadowed == {frame: drawn(7, frame, 200_000) for frame in range(400)}, "subscribers are told which"
    assert {(shadow.band, shadow.variant, shadow.loss_ppm) for shadow in counts.shadows} == {("dim", "int8", 0)}
    assert bench.engines["fp16"].runs > 200


def test_what_a_frame_would_take_on_an_engine_at_rest_is_told(bench: Bench) -> None:
    """Shadow frames of INT8 while the reference serves are counted with their time; one that INT8 serves is in its own counts."""
    bench.delay_us = {"fp16": 9_000, "int8": 2_500}
    bench.order("fp16", shadow_ppm=1_000_000)
    bench.frames(4)
    counts = bench.loop.tally.take()
    assert counts.by_tested() == (Served("int8", 4, 10_000, 2_500),)
    bench.order("int8", shadow_ppm=1_000_000, seq=2)
    bench.frames(4)
    counts = bench.loop.tally.take()
    assert (counts.by_tested(), counts.shadow_frames) == ((), 4)


def test_a_disagreement_is_a_whole_loss_whichever_engine_serves(bench: Bench) -> None:
    """The loss is always the efficient variant's, from a frame served by either side."""
    bench.engines["int8"].misbehave(Misbehaviour.WRONG_ANSWER)
    bench.order("fp16", shadow_ppm=1_000_000)
    bench.frames(20)
    bench.order("int8", shadow_ppm=1_000_000, seq=2)
    bench.frames(20)
    losses = [shadow.loss_ppm for shadow in bench.loop.tally.take().shadows]
    assert losses == [1_000_000 if frame % 7 else 0 for frame in range(40)]  # a black frame is a tie on both


def test_a_pause_serves_nothing_and_ends_on_order(bench: Bench) -> None:
    """At rate 0 a frame already in the slot is not served; the next order wakes the service."""
    bench.order("fp16", 0, lease_us=0)
    bench.frames(3)
    assert bench.published == []
    bench.order("fp16", 15_000, lease_us=0, seq=2)
    bench.frames(1)
    assert len(bench.published) == 1


@pytest.mark.parametrize("point", [("int8", 15_000), ("fp16", 5_000)])
def test_a_relaxed_setpoint_without_a_lease_is_refused(bench: Bench, point: tuple[str, int]) -> None:
    """The worker keeps what it has and says why."""
    bench.order(*point, lease_us=0)
    bench.frames(2)
    assert bench.variants == ["fp16"] * 2
    assert [fault.kind for fault in bench.heard(Fault)] == ["refused"]
    assert bench.heard(Applied) == []


def test_an_unknown_variant_is_refused(bench: Bench) -> None:
    """A variant the pool does not have changes nothing."""
    bench.order("int4")
    bench.frames(1)
    assert bench.variants == ["fp16"]
    assert "int4" in bench.heard(Fault)[0].text


def test_an_odd_picture_is_skipped_and_told_once(bench: Bench) -> None:
    """A camera that sends nonsense for a while costs those frames and one line, not the worker."""
    bench.odd = True
    bench.frames(10)
    bench.odd = False
    bench.frames(2)
    assert [fault.kind for fault in bench.heard(Fault)] == ["source"]
    assert len(bench.published) == 2
    assert bench.loop.running


def test_a_lease_ends_while_a_camera_sends_nonsense(bench: Bench) -> None:
    """Frames that cannot be served do not keep a relaxed point alive."""
    bench.order("int8", lease_us=1_000_000)
    bench.frames(1)
    bench.odd = True
    bench.frames(20)
    assert (bench.loop.helm.variant, bench.loop.helm.lease.point.fps_mfps) == ("fp16", 15_000)


def test_idle_engines_are_exercised(bench: Bench) -> None:
    """The engine that is not serving runs now and then, so that its first frame after an hour is as fast as any."""
    before = bench.engines["int8"].runs
    bench.frames(3 * TOUCH_US // PERIOD_US)
    assert bench.engines["int8"].runs - before in {2, 3}


@pytest.mark.parametrize("fps_mfps", [0, 15_000])
def test_engines_stay_warm_while_no_frame_is_served(bench: Bench, fps_mfps: int) -> None:
    """In a pause, and while the camera is away, every engine is exercised on the same schedule as in service."""
    bench.order("fp16", fps_mfps, lease_us=0)
    before = {name: engine.runs for name, engine in bench.engines.items()}
    for _ in range(180):
        bench.clock.us += TOUCH_US
        bench.loop.turn(0)
    assert {name: engine.runs - before[name] for name, engine in bench.engines.items()} == {"fp16": 180, "int8": 180}


def test_an_engine_that_breaks_in_a_pause_is_found_before_a_frame_needs_it(bench: Bench) -> None:
    """The exercise of an idle hour compares answers, so a damaged engine is set aside and never serves."""
    bench.order("fp16", 0, lease_us=0)
    bench.engines["int8"].misbehave(Misbehaviour.WRONG_ANSWER)
    bench.clock.us += TOUCH_US
    bench.loop.turn(0)
    assert bench.loop.helm.quarantined == ("int8",)


def test_the_first_order_is_heard_without_a_frame(bench: Bench) -> None:
    """A setpoint is applied while no frame comes: the read-back does not wait for the camera."""
    bench.order("int8")
    bench.loop.turn(0)
    assert bench.heard(Applied)[0].variant == "int8"


def test_stop_ends_the_loop_after_the_frame_in_flight(bench: Bench) -> None:
    """Stop is heard at once and the exit code is the first one given."""
    bench.loop.stop()
    assert bench.loop.run() == 0
    bench.loop.stop(4)
    bench.loop.stop(5)
    assert bench.loop.run() == 4


def test_a_paused_loop_looks_at_the_light_and_serves_nothing(bench: Bench) -> None:
    """At rate 0 a picture updates what the light is estimated from; no engine runs and nothing is published."""
    bench.order("fp16", 0)
    bench.clock.us += PERIOD_US
    bench.slot.put(Frame(np.full((4, 4, 3), 200, np.uint8), 7, bench.clock.us, look_only=True))
    runs = {name: engine.runs for name, engine in bench.engines.items()}
    bench.loop.turn(0)
    assert bench.loop.seen.darkest is not None
    assert bench.loop.seen.darkest.mean_ppm > 700_000
    assert bench.published == []
    assert {name: engine.runs for name, engine in bench.engines.items()} == runs
    bench.order("fp16", 15_000, seq=2)
    bench.slot.put(Frame(np.full((4, 4, 3), 10, np.uint8), 7, bench.clock.us, look_only=True))
    bench.loop.turn(0)
    assert bench.published == []  # a picture taken for its light that arrives late is still no frame


def test_an_odd_picture_in_a_pause_is_told_and_ends_nothing(bench: Bench) -> None:
    """A grey picture without channels cannot be looked at: a fault in one line, and the loop goes on."""
    bench.order("fp16", 0)
    bench.slot.put(Frame(np.zeros((4, 4), np.uint8), 7, bench.clock.us, look_only=True))
    bench.loop.turn(0)
    assert [fault.kind for fault in bench.heard(Fault)] == ["source"]
    bench.order("fp16", 15_000, seq=2)
    bench.frames(3)
    assert len(bench.published) == 3


def test_an_engine_is_run_once_between_the_swap_and_its_first_frame(bench: Bench) -> None:
    """A swap is heard of between two frames: the new engine serves the last picture again, for nobody, and caches are warm."""
    bench.frames(3)
    runs = bench.engines["int8"].runs
    bench.order("int8")
    bench.loop.turn(0)
    assert bench.engines["int8"].runs == runs + 1
    assert len(bench.published) == 3
    bench.loop.turn(0)
    bench.frames(2)
    assert bench.engines["int8"].runs == runs + 3
    assert bench.variants[3:] == ["int8", "int8"]


def test_no_frame_waits_for_the_run_before_it(bench: Bench) -> None:
    """Where the next frame is due before the run would end, or is there already, it is served at once."""
    bench.frames(1)
    bench.due_us = bench.clock.us + 1_000
    runs = bench.engines["int8"].runs
    bench.order("int8")
    bench.loop.turn(0)
    assert bench.engines["int8"].runs == runs
    bench.order("fp16", seq=2)
    bench.order("int8", seq=3)
    bench.frames(1)
    assert bench.engines["int8"].runs == runs + 1


def test_the_engine_is_run_once_before_the_first_frame_after_a_pause(bench: Bench) -> None:
    """The end of a pause warms the caches before the source is asked for frames, the more so as the first is due at once."""
    bench.frames(3)
    bench.order("fp16", 0)
    bench.loop.turn(0)
    runs, served = bench.engines["fp16"].runs, len(bench.published)
    bench.due_us = bench.clock.us
    bench.order("fp16", 15_000, seq=2)
    bench.loop.turn(0)
    assert bench.engines["fp16"].runs == runs + 1
    assert len(bench.published) == served
    assert bench.rates[-2:] == [0, 15_000]
    bench.order("fp16", 10_000, seq=3)
    bench.loop.turn(0)
    assert bench.engines["fp16"].runs == runs + 1  # another rate is no pause


def test_a_pause_from_the_start_is_warmed_up_for_with_a_picture_taken_for_its_light(bench: Bench) -> None:
    """No frame was served yet: what was seen in the pause does, and after a pause and a swap one run is enough."""
    bench.order("fp16", 0)
    bench.loop.turn(0)
    bench.slot.put(Frame(np.full((4, 4, 3), 200, np.uint8), 0, bench.clock.us, look_only=True))
    bench.loop.turn(0)
    runs = {name: engine.runs for name, engine in bench.engines.items()}
    bench.order("int8", 15_000, seq=2)
    bench.loop.turn(0)
    bench.loop.turn(0)
    assert bench.engines["int8"].runs == runs["int8"] + 1
    assert bench.engines["fp16"].runs == runs["fp16"]


def test_an_engine_found_broken_at_the_end_of_a_pause_leaves_before_its_first_frame(bench: Bench) -> None:
    """Read back in order: the setpoint was applied, then the reference took over, and every frame is the reference's."""
    bench.frames(1)
    bench.order("int8", 0)
    bench.loop.turn(0)
    bench.engines["int8"].misbehave(Misbehaviour.NAN)
    bench.said.clear()
    bench.order("int8", 15_000, seq=2)
    bench.frames(3)
    assert bench.variants == ["fp16"] * 4
    assert [type(message).__name__ for message in bench.said] == ["Applied", "Fault", "Swapped"]
    assert bench.said[-1].new == "fp16"
    assert bench.loop.helm.quarantined == ("int8",)

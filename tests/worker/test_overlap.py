"""Books that are put off until the next frame is with its engine: the same books, the same decisions, and none is lost."""

from typing import Any

import numpy as np
import pytest

from adaptd.base.coin import drawn
from adaptd.engine.stub import Misbehaviour
from adaptd.vocabulary import Setpoint
from adaptd.worker.health import FACTOR, FLOOR_US
from adaptd.worker.latest_frame import Frame, LatestFrame
from tests.worker.test_loop import Bench

COUNT = 400
SHARE_PPM = 150_000


class Backlog(LatestFrame):
    """Frames that lie ready one after the other; with ``told`` False the loop does not hear of them before it takes them."""

    def __init__(self, told: bool, count: int = COUNT) -> None:
        super().__init__()
        self.told = told
        self.left = [Frame(np.full((4, 4, 3), index % 7, np.uint8), index, 2_500 * index) for index in range(count)]

    @property
    def waiting(self) -> bool:
        """Whether another one lies ready."""
        return self.told and bool(self.left)

    def take(self, timeout_s: float) -> Frame | None:
        """The next one."""
        return self.left.pop(0) if self.left else None


class Full(Bench):
    """A bench whose loop meets a backlog."""

    told = True

    def __init__(self) -> None:
        super().__init__()
        self.late_books = 0

    def run(self, told: bool, steps: dict[int, Any]) -> dict[str, Any]:
        """Serve all frames, with ``steps`` before some of them; everything that anybody is told of it."""
        self.delay_us = {"fp16": 4_000, "int8": 2_000}
        backlog = Backlog(told)
        self.loop._slot, self.loop._take = backlog, backlog.take
        while backlog.left:
            step = steps.get(backlog.left[0].index)
            if step is not None:
                step(self)
            self.loop.turn(0)
            self.late_books += self.loop._owed is not None
        self.loop.turn(0)
        counts = self.loop.tally.take()
        return {
            "published": self.published,
            "shadowed": self.told_shadowed,
            "said": self.said,
            "counts": (counts.delivered, counts.missed, counts.shadow_frames, counts.shadows),
            "served": counts.by_variant(),
            "stretches": counts.stretches(),
            "at": (self.loop.helm.frame, self.loop.helm.variant, self.loop.seen.newest, self.clock.us),
        }


def order(variant: str, seq: int, **more: Any) -> Any:
    """A step that asks for a variant."""
    words = {"shadow_ppm": SHARE_PPM, "seed": "7", "band": "dim"} | more
    return lambda bench: bench.loop.offer(Setpoint(seq, variant, 15_000, 10**12, **words))


STEPS: dict[str, dict[int, Any]] = {
    "nothing happens": {},
    "swaps with a coin": {50: order("int8", 1), 51: order("fp16", 2), 52: order("int8", 3), 300: order("fp16", 4, band="bright")},
    "the credit ends": {20: order("int8", 1, until_frame=99)},
    "the lease ends": {20: lambda b: b.order("int8", lease_us=150_000)},
    "the engine breaks": {20: order("int8", 1), 70: lambda b: b.engines["int8"].misbehave(Misbehaviour.NAN)},
    "the engine crawls": {20: order("int8", 1), 70: lambda b: b.delay_us.update(int8=200_000)},
    "a pause begins": {60: lambda b: b.order("fp16", 0, lease_us=0), 70: lambda b: b.order("fp16", seq=2, lease_us=0)},
    "the daemon goes": {20: order("int8", 1), 70: lambda b: b.loop.orphan()},
    "pictures are odd": {60: lambda b: setattr(b, "odd", True), 65: lambda b: setattr(b, "odd", False)},
    "deadlines change": {20: order("int8", 1), 40: order("int8", 2, deadline_us=1), 90: order("fp16", 3, deadline_us=10**9)},
}


for start in (70, 78, 86):  # chores are never put off and come every 50 ms: the row ends in another place between them
    crawl = {start: lambda b: b.delay_us.update(int8=FACTOR * FLOOR_US + 1_000)}
    STEPS[f"the engine crawls a little from {start} on"] = {20: order("int8", 1), **crawl}


@pytest.mark.parametrize("name", STEPS)
def test_late_books_are_the_same_books(name: str) -> None:
    """Results, coin, losses, counts, swaps and faults are those of a loop that keeps its books after each frame."""
    at_once, late = Full(), Full()
    assert late.run(True, STEPS[name]) == at_once.run(False, STEPS[name])
    assert at_once.late_books == 0
    assert late.late_books > 50, "the test has met what it is about"
    assert late.loop._owed is None


def test_which_frames_are_drawn_does_not_hang_on_when_it_is_asked() -> None:
    """The coin falls on the frames that seed and share name, whether the books are late or not."""
    bench = Full()
    said = bench.run(True, {0: order("int8", 1)})
    assert [frame for one in said["stretches"] for frame in one.drawn] == [n for n in range(COUNT) if drawn("7", n, SHARE_PPM)]


@pytest.mark.parametrize(("beside", "late"), [(True, True), (True, False), (False, True)])
def test_reading_is_practised_only_while_a_device_computes_and_frames_wait(beside: bool, late: bool) -> None:
    """An engine on this processor loses no time to it, nor does a worker that waits for its camera; and no result is changed."""
    bench, plain, read = Full(), Full(), []
    answer = bench.loop._answer
    bench.loop._answer = lambda output: (read.append(None), answer(output))[1]
    for engine in bench.engines.values():
        engine.beside = beside  # type: ignore[misc]
    assert bench.run(late, STEPS["nothing happens"]) == plain.run(False, STEPS["nothing happens"])
    assert (len(read) > COUNT + 50) == (beside and late)
    assert len(read) >= COUNT


def test_a_report_between_a_frame_and_its_books_parts_nothing() -> None:
    """A report taken at any moment holds whole frames, each in one report, and none beyond the frame that it names."""
    bench = Full()
    bench.order("int8", shadow_ppm=SHARE_PPM)
    backlog = Backlog(True)
    bench.loop._slot, bench.loop._take = backlog, backlog.take
    heard = 0
    while backlog.left:
        bench.loop.turn(0)
        heard += sum(one.frames for one in bench.loop.tally.take().stretches())
        assert heard == bench.loop.helm.frame + 1
        assert len(bench.published) - heard == (bench.loop._owed is not None)
    bench.loop.settle()
    assert heard + sum(one.frames for one in bench.loop.tally.take().stretches()) == COUNT


def test_a_frame_that_is_only_looked_at_keeps_the_books_of_the_one_before() -> None:
    """Where what waited is not to be served, or is gone again, nothing is left open."""
    bench = Full()
    backlog = Backlog(True, count=20)
    bench.loop._slot, bench.loop._take = backlog, backlog.take
    bench.loop.turn(0)
    for what in ("looked at", "gone"):
        bench.loop.turn(0)
        assert bench.loop._owed is not None
        if what == "looked at":
            backlog.left[0].look_only = True
        else:
            backlog.left.clear()
        bench.loop.turn(0)
        assert bench.loop._owed is None
        assert bench.loop.tally.take().delivered > 0
        bench.loop.turn(0)


def test_the_end_of_a_loop_keeps_the_last_books() -> None:
    """Whoever goes on after a loop that was told to end finds every frame counted that was published."""
    bench = Full()
    backlog = Backlog(True)
    bench.loop._slot, bench.loop._take = backlog, backlog.take

    publish = bench.loop._publish

    def until_the_tenth(frame: int, *rest: Any) -> None:
        publish(frame, *rest)
        if frame == 9:
            bench.loop.hand_over()

    bench.loop._publish = until_the_tenth
    bench.loop.run()
    assert bench.loop.tally.take().delivered == len(bench.published) == 10
    assert bench.loop.helm.frame == 9


def test_a_hang_is_seen_while_books_are_put_off() -> None:
    """What the watchdog reads says that a frame is under way, and that none is once the books alone are open."""
    bench = Full()
    backlog = Backlog(True, count=100)
    bench.loop._slot, bench.loop._take = backlog, backlog.take
    seen: list[int] = []
    bench.engines["fp16"]._pause = lambda: seen.append(bench.loop.busy_since_us)
    bench.clock.us = 1_000
    for _ in range(10):
        bench.loop.turn(0)
        assert bench.loop.busy_since_us == 0
    assert seen == [1_000] * 10

"""Several cameras in one worker: one frame loop, one engine for all, each camera's frames counted and told for itself."""

import json

import numpy as np
import pytest

from adaptd.protocol.messages import Picture
from adaptd.worker.latest_frame import Frame
from adaptd.worker.seen import AWAY_US, Seen, darkest
from adaptd.worker.shared_slot import SharedSlot
from tests.worker.test_loop import PERIOD_US, Bench

NAMES = ("front", "rear")


class TwoCameras(Bench):
    """The loop of ``Bench`` with two cameras; ``light`` is how bright each one's pictures are."""

    names = NAMES

    def __init__(self) -> None:
        super().__init__()
        assert isinstance(self.slot, SharedSlot)
        self.shared = self.slot
        self.light = [200, 200]

    def frames(self, count: int) -> None:
        """``count`` frames of each camera, at the same moment, each served before the next come."""
        for _ in range(count):
            self.clock.us += PERIOD_US
            for camera, light in enumerate(self.light):
                self.shared.put(Frame(np.full((4, 4, 3), light, np.uint8), -1, self.clock.us), camera)
            for _ in NAMES:
                self.loop.turn(0)


@pytest.fixture
def bench() -> TwoCameras:
    """A fresh loop with two cameras."""
    return TwoCameras()


def told(bench: Bench) -> list[tuple[str, int]]:
    """Camera and number of its own of every result, in the order of publication."""
    tags = [json.loads(f"{{{tag[1:]}}}") for tag in bench.tags]
    return [(tag["camera"], tag["camera_frame"]) for tag in tags]


def test_a_thousand_swaps_lose_no_frame_of_any_camera(bench: TwoCameras) -> None:
    """With another engine asked for before every frame, each camera has each of its frames once, in order."""
    for index in range(1_000):
        bench.order("int8" if index % 2 else "fp16", seq=index + 1)
        bench.frames(1)
    for name in NAMES:
        assert [number for camera, number in told(bench) if camera == name] == list(range(1_000))
    assert [frame for frame, _, _ in bench.published] == list(range(2_000))
    assert bench.shared.dropped_of == [0, 0]
    assert bench.loop.helm.swaps == 999


def test_each_camera_is_counted_in_its_own_cell_and_run_on_its_own_stream(bench: TwoCameras) -> None:
    """Evidence of one camera never mixes with that of another, and every stream of the engine is used."""
    bench.order("int8", shadow_ppm=500_000, band="dim")
    before = list(bench.engines["int8"].runs_of)
    bench.frames(50)
    counts = bench.loop.tally.take()
    cells = {one.band: one for one in counts.stretches() if one.variant == "int8"}
    assert cells.keys() == {"dim/front", "dim/rear"}
    assert [one.frames for one in cells.values()] == [50, 50]
    assert {shadow.band for shadow in counts.shadows} == {"dim/front", "dim/rear"}
    assert [now - then for now, then in zip(bench.engines["int8"].runs_of, before, strict=True)] == [50, 50]
    assert {frame % 2 for frame in cells["dim/front"].drawn} == {0}, "numbers are shared out in the order of arrival"


def test_a_frame_that_gave_way_is_missing_in_its_cameras_numbers_alone(bench: TwoCameras) -> None:
    """A camera that is too quick drops its own frames; the other one's stay whole."""
    for light in (1, 2, 3):
        bench.shared.put(Frame(np.full((4, 4, 3), light, np.uint8), -1, bench.clock.us), 1)
    bench.shared.put(Frame(np.full((4, 4, 3), 9, np.uint8), -1, bench.clock.us), 0)
    bench.loop.turn(0)
    bench.loop.turn(0)
    assert told(bench) == [("rear", 2), ("front", 0)]
    assert bench.shared.dropped_of == [0, 2]


def test_frames_to_serve_come_before_those_that_are_only_looked_at() -> None:
    """A camera that is only looked at for its light never delays one that serves."""
    slot = SharedSlot(NAMES, first_frame=7)
    slot.put(Frame("light", 0, 0, look_only=True), 0)
    slot.put(Frame("serve", 0, 0), 1)
    first, second = slot.take(0), slot.take(0)
    assert first is not None
    assert second is not None
    assert (first.image, first.index, first.camera) == ("serve", 7, 1)
    assert second.look_only
    assert slot.take(0) is None


def test_the_darkest_camera_says_how_light_it_is(bench: TwoCameras) -> None:
    """One engine serves all cameras, so the band is that of the camera which sees least."""
    bench.light = [200, 20]
    bench.frames(10)
    front, rear = bench.loop.seen.pictures
    assert front is not None
    assert rear is not None
    assert bench.loop.seen.darkest is rear
    assert rear.mean_ppm < front.mean_ppm


def test_exposure_counts_where_every_camera_tells_it() -> None:
    """A picture that is bright because it was exposed for long is darker light than a dim one that was not."""
    long = Picture(0, 0, 500_000, 0, 0, 0, exposure_us=30_000, gain_raw=4)
    short = Picture(0, 0, 300_000, 0, 0, 0, exposure_us=1_000, gain_raw=1)
    assert darkest([long, short]) is long
    assert darkest([Picture(0, 0, 500_000, 0, 0, 0), short]) is short


def test_a_camera_that_is_away_does_not_keep_the_others_in_its_dark() -> None:
    """Nothing of it is served, so its last picture counts for a few seconds only."""
    seen = Seen(NAMES, 0)
    seen.pictures = [Picture(0, AWAY_US + 1, 500_000, 0, 0, 0), Picture(0, 0, 1_000, 0, 0, 0)]
    assert seen.darkest is seen.pictures[0]
    seen.pictures[1] = Picture(0, 1, 1_000, 0, 0, 0)
    assert seen.darkest is seen.pictures[1]

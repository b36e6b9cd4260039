"""The camera: that it was moved is said within minutes, and that the lamp was lit, or a pet came, is not."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from adaptd.apps.feeder.camera_watch import CameraWatch, Grid, correlation_milli, grid_of, read_scenes
from adaptd.apps.feeder.days import local_day
from adaptd.apps.feeder.follow import Follower, Source
from adaptd.apps.feeder.notes import Note, NoteKind, add_note
from adaptd.apps.feeder.settings import SECOND_US
from adaptd.worker.latest_frame import Frame
from adaptd.worker.picture import scene
from tests.apps.streams import BEGIN_US, BERLIN, House
from tests.apps.test_feeder_follow import STATUS, result
from tests.conftest import ROOT

ROOM = bytes((x * 7 + y * 13) % 50 + 40 for y in range(8) for x in range(8))
MOVED = ROOM[19:] + ROOM[:19]


def fed(watch: CameraWatch, grid: bytes, seconds: Iterator[int] | range) -> list[int]:
    """The seconds at which the scene was said to be another one."""
    told = []
    for at in seconds:
        watch.feed(at * SECOND_US, grid_of(grid.hex()))
        told += [at] if watch.moved_since_us is not None else []
    return told


def learnt() -> CameraWatch:
    """A watch that has seen ROOM for five minutes."""
    watch = CameraWatch()
    assert fed(watch, ROOM, range(300)) == []
    assert len(watch.known) == 1
    return watch


def test_a_moved_camera_is_told_after_two_minutes_and_a_dimmed_one_never() -> None:
    """A third of the brightness is the same scene; a shifted one is told two minutes after it came."""
    watch = learnt()
    assert fed(watch, bytes(value // 3 for value in ROOM), range(300, 900)) == []
    assert fed(watch, MOVED, range(900, 1_200))[0] == 1_020
    assert fed(watch, ROOM, range(1_200, 1_300)) == []


def test_a_scene_in_which_a_pet_eats_is_known_from_then_on() -> None:
    """The evening's lamp is asked about once: after a meal in its light it is one of the scenes that are known."""
    watch = learnt()
    assert fed(watch, MOVED, range(300, 600))
    watch.confirm(600 * SECOND_US)
    assert watch.moved_since_us is None
    assert fed(watch, ROOM, range(600, 900)) == []
    assert fed(watch, MOVED, range(900, 1_500)) == []


def test_half_a_minute_of_something_else_is_nothing() -> None:
    """A door that opens, a person who passes: not told; and a dark night between two unlike grids does not add up."""
    watch = learnt()
    assert fed(watch, MOVED, range(300, 400)) == []
    assert fed(watch, ROOM, range(400, 500)) == []
    assert fed(watch, MOVED, range(500, 550)) == []
    assert fed(watch, MOVED, range(40_000, 40_100)) == []


def test_what_is_no_grid_is_no_scene() -> None:
    """Garbage, another length and a flat picture are unlike everything and never learnt as likeness."""
    assert grid_of("zz") == ()
    assert correlation_milli((1, 2), (1, 2, 3)) == 0
    flat: Grid = (5,) * 64
    assert correlation_milli(flat, flat) == 0


def night_and_day() -> list[dict[str, object]]:
    """Ten minutes of an empty room, then ten of the same model looking at another place."""
    grids = [ROOM] * 600 + [MOVED] * 600
    return [result(at, "empty", scene=grid.hex()) for at, grid in enumerate(grids)]


def test_the_owner_gets_one_notice_and_can_say_that_it_is_to_stay(house: House) -> None:
    """From the results of a run: one notice within five minutes; after `feeder note camera-moved` the new scene is learnt."""
    follower = Follower(house.monitor.recorder, house.settings, Source(), lambda: STATUS)
    told_at = []
    for at, one in enumerate(night_and_day()):
        follower.take(one)
        before = len(house.left)
        house.monitor.tick(BEGIN_US + at * SECOND_US)
        told_at += [at] * (len(house.left) - before)
    assert len(told_at) == 1
    assert 600 < told_at[0] < 900
    key, kind, text, _ = house.left[0]
    assert (kind, key.split("-")[:2]) == ("notice", ["scene", "moved"])
    assert "adaptd feeder note camera-moved" in text
    now_us = BEGIN_US + 1_200 * SECOND_US
    add_note(house.store, Note(NoteKind.CAMERA_MOVED, local_day(now_us, BERLIN), None), now_us)
    house.monitor.tick(now_us, force=True)
    for at in range(1_200, 1_700):
        follower.take(result(at, "empty", scene=MOVED.hex()))
        house.monitor.tick(BEGIN_US + at * SECOND_US)
    assert house.monitor.recorder.camera.moved_since_us is None
    assert len(house.left) == 1
    assert len(read_scenes(house.store).known) == 1, "a restart need not learn again"


def test_a_pet_in_view_and_the_dark_are_no_scene(house: House) -> None:
    """Frames with a pet, and frames in light too dim to be believed, are not held against the scene."""
    dark = {**STATUS, "sensors": {"light_mlx": {"value": 900}}}
    for status, label in ((STATUS, "pet_at_bowl"), (dark, "empty")):
        follower = Follower(house.monitor.recorder, house.settings, Source(), lambda status=status: status)
        for at in range(400):
            follower.take(result(at, label, scene=ROOM.hex()))
    assert house.monitor.recorder.camera.known == []


@pytest.mark.parametrize("seed", [1, 4])
def test_a_rendered_room_from_dusk_to_noon_is_one_room(seed: int) -> None:
    """The worker's grid of a rendered room stays the same from 5 to 30,000 lux, and a camera turned by a third is told."""
    sys.path.insert(0, str(ROOT / "engines" / "pet-bowl" / "training"))
    from render_day import Film

    film = Film(seed)
    watch, at = CameraWatch(), 0
    shots = [film.picture(None, 0, lux)[0] for lux in (500, 5, 12, 60, 3_000, 30_000)]
    for shot in shots:
        for _ in range(40):
            watch.feed(at * SECOND_US, grid_of(scene(Frame(shot, 0, at * SECOND_US)).hex()))
            at += 5
        assert watch.moved_since_us is None
    turned = np.roll(shots[0], 42, axis=1)
    for _ in range(40):
        watch.feed(at * SECOND_US, grid_of(scene(Frame(turned, 0, at * SECOND_US)).hex()))
        at += 5
    assert watch.moved_since_us is not None


def test_results_without_a_scene_are_taken_as_before(house: House) -> None:
    """Older workers write no scene: nothing is learnt and nothing is told."""
    follower = Follower(house.monitor.recorder, house.settings, Source(), lambda: STATUS)
    for at in range(100):
        follower.take(result(at, "empty"))
    assert house.monitor.recorder.camera.known == []


def test_a_bowl_that_is_gone_is_told_once_and_its_time_counts_as_unseen(house: House) -> None:
    """A model that names the missing bowl: nothing counts as seen, one notice within a quarter of an hour, none for a minute."""
    follower = Follower(house.monitor.recorder, house.settings, Source(), lambda: STATUS)
    for at in range(3_000):
        hidden = 300 <= at < 360 or at >= 900
        follower.take(result(at, "no_bowl" if hidden else "empty"))
        house.monitor.tick(BEGIN_US + at * SECOND_US)
        if at == 1_800:
            assert house.rules_left() == ["notice"]
    house.monitor.recorder.close()
    assert [text.partition(":")[0][:20] for _, _, text, _ in house.left] == ["No bowl in sight sin"]
    seen = house.store.base.execute("SELECT total(seen_us) FROM windows").fetchone()[0] // SECOND_US
    assert 830 <= seen <= 845

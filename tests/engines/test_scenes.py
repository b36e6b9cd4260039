"""The rendered scenes are what their labels say, and the folders on disk are what was rendered."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import render_set
from pets import in_bowl
from scenes import CLASSES, MIN_VISIBLE_PX, compose, generator, visible_px


@pytest.mark.parametrize("label", CLASSES)
def test_label_is_what_the_picture_shows(label: str) -> None:
    """Empty has no pet, eating has the muzzle inside the rim, and a pet at the bowl keeps its muzzle clear of the rim."""
    for index in range(150):
        scene, layers = compose(generator(1, 50, index), label, 500.0)
        bowl = scene.bowl
        if scene.pet is None:
            assert label == "empty"
            assert visible_px(layers) == 0
            continue
        assert visible_px(layers) >= MIN_VISIBLE_PX
        assert in_bowl(scene.pet, bowl.x, bowl.y, bowl.rx, bowl.ry, 1.0 if label == "eating" else 1.2) == (label == "eating")


def test_bowl_is_never_hidden() -> None:
    """Nothing stands before the bowl but a head: a feeder's camera looks at its bowl."""
    for index in range(200):
        scene, layers = compose(generator(2, 50, index), "empty", 500.0)
        bowl = scene.bowl
        inside = layers.front.cover[int(bowl.y), int(bowl.x - bowl.rx * 0.6) : int(bowl.x + bowl.rx * 0.6)]
        assert inside.max() < 0.05


def test_scenes_vary() -> None:
    """Both sides, both animals, all postures, all floors, occluders and sun patches occur."""
    drawn = [compose(generator(3, 50, index), "pet_at_bowl", 20_000.0)[0] for index in range(120)]
    pets = [scene.pet for scene in drawn if scene.pet is not None]
    assert {pet.side for pet in pets} == {-1, 1}
    assert {pet.kind for pet in pets} == {"cat", "dog"}
    assert {pet.posture for pet in pets} == {"stand", "sit", "lie"}
    assert len({scene.floor for scene in drawn}) == 4
    assert 10 < sum(scene.occluder is not None for scene in drawn) < 60
    assert 30 < sum(scene.sun is not None for scene in drawn) < 80


def test_no_sun_patch_by_night() -> None:
    """The sun does not shine into a room of 20 lux."""
    assert all(compose(generator(4, 50, index), "empty", 20.0)[0].sun is None for index in range(60))


def test_sets_share_no_picture() -> None:
    """The same number in the calibration and in the test set is another scene."""
    pictures = [render_set.sample(split, 1, "bright", 5).picture.tobytes() for split in render_set.SPLITS]
    assert len(set(pictures)) == len(pictures)


def test_written_folder_holds_the_rendered_pictures(tmp_path: Path) -> None:
    """PNG files under band and class, read back to the very pixels, with a table that names class, band and light."""
    count = render_set.write(tmp_path, "calibration", 1, ["night", "bright"], 6)
    with (tmp_path / "labels.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == count == 12
    assert {row["class"] for row in rows} == set(CLASSES)
    for number, row in enumerate(rows):
        one = render_set.sample("calibration", 1, row["band"], number % 6)
        read = cv2.imread(str(tmp_path / row["file"]))[:, :, ::-1]
        assert np.array_equal(read, one.picture)
        assert row["file"].startswith(f"{row['band']}/{row['class']}/")
        assert float(row["lux"]) == pytest.approx(one.lux, abs=1e-3)

"""Boxes as eleven exporters write them give the same box."""

import math

import numpy as np
import pytest

from adaptd.vision import detection
from adaptd.vision.answers import Binary, MultiLabel
from adaptd.vision.box_forms import fits

SIZE = (64, 64)
WANTED = [8.0, 16.0, 24.0, 32.0, 0.9, 1.0]


def _output(form: str) -> np.ndarray:
    box, scores = [16.0, 24.0, 16.0, 16.0], [0.1, 0.9]
    share = [value / 64 for value in box]
    corner = [8.0, 16.0, 24.0, 32.0]
    row = {
        "boxes": [*corner, 0.9, 1.0],
        "yolo": [*box, *scores],
        "yolo-pose": [*box, *scores, *[7.0] * 51],
        "yolo-seg": [*box, *scores, *[7.0] * 32],
        "yolo-obb": [*box, *scores, math.pi / 2],
        "yolov5": [*box, 0.9, 0.1, 1.0],
        "yolox": [0.0, 0.0, math.log(2.0), math.log(2.0), 0.9, 0.1, 1.0],
        "rtdetr": [*share, *scores],
        "corners": [*corner, *scores],
        "corners-share": [value / 64 for value in corner] + scores,
    }[form]
    if form == "yolox":
        rows = np.full((84, 7), -9.0, np.float32)
        rows[:, 4] = 0.0
        rows[3 * 8 + 2] = row  # the cell whose corner is the box's centre
        return rows[None]
    rows = np.zeros((100, len(row)), np.float32)
    rows[3] = row
    return rows.T[None].copy() if form.startswith("yolo") and form != "yolov5" else rows[None]


@pytest.mark.parametrize(
    "form",
    ["boxes", "yolo", "yolo-pose", "yolo-seg", "yolo-obb", "yolov5", "yolox", "rtdetr", "corners", "corners-share"],
)
def test_each_form_gives_the_box(form: str) -> None:
    """Left, top, right, bottom in pixels, score and class, whatever the exporter calls them."""
    output = _output(form)
    assert fits(form, output.shape, 2)
    assert detection.decode(form, output, classes=2, size=SIZE) == pytest.approx(np.array([WANTED]), abs=1e-4)


def test_a_turned_box_becomes_the_upright_one_around_it() -> None:
    """A square turned by 45 degrees is as wide as its diagonal."""
    output = _output("yolo-obb")
    output[0, -1, 3] = math.pi / 4
    box = detection.decode("yolo-obb", output, classes=2, size=SIZE)[0]
    assert box[2] - box[0] == pytest.approx(16 * 2**0.5, rel=1e-4)


def test_suppression_keeps_the_best_of_each_place_and_class() -> None:
    """Of twenty boxes a place the surest stays; another class at the same place stays too."""
    rng = np.random.default_rng(0)
    places = np.array([[10, 10, 30, 30], [50, 50, 90, 90], [10, 60, 30, 80]], np.float32)
    boxes = np.repeat(places, 20, axis=0) + rng.normal(0, 0.5, (60, 4)).astype(np.float32)
    rows = np.column_stack([boxes, rng.uniform(0.3, 1, 60), np.zeros(60)]).astype(np.float32)
    rows = np.vstack([rows, [[10, 10, 30, 30, 0.2, 1]]]).astype(np.float32)
    kept = detection.suppress(rows[np.argsort(-rows[:, 4])])
    assert len(kept) == 4
    assert sorted(kept[:, 5].tolist()) == [0, 0, 0, 1]


def test_one_value_tells_two_classes_apart() -> None:
    """A share over one half, or odds over nothing, is the second class; near the edge it counts as near."""
    share, odds = Binary(("no", "yes")), Binary(("no", "yes"), logit=True)
    assert [share.answer(np.array([[value]], np.float32)).label for value in (0.4, 0.6)] == ["no", "yes"]
    assert odds.answer(np.array([[2.0]], np.float32)).score_ppm == pytest.approx(880_797, abs=2)
    assert share.near(np.array([[0.50001]], np.float32), 100)
    assert not share.near(np.array([[0.51]], np.float32), 100)


def test_several_labels_lose_what_f1_misses() -> None:
    """One of two labels found is an F1 of 2/3; nothing against nothing loses nothing."""
    read = MultiLabel(("a", "b", "c"))
    both, one, none = (read.answer(np.array([row], np.float32)) for row in ([0.9, 0.8, 0.1], [0.9, 0.1, 0.1], [0.1, 0.1, 0.1]))
    assert (both.label, one.label, none.label) == ("a+b", "a", "")
    assert read.loss_ppm(both, one) == 333_333
    assert read.loss_ppm(none, none) == 0
    assert read.loss_ppm(one, none) == 1_000_000

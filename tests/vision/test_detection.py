"""Boxes against cases that can be worked out by hand."""

import numpy as np
import pytest

from adaptd.vision import detection


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    """Rows ``x1 y1 x2 y2 score class`` as the code has them."""
    return np.array(rows, np.float32).reshape(-1, 6)


LEFT = (0, 0, 10, 10, 0.9, 0)
HALF = (0, 5, 10, 15, 0.8, 0)
FAR = (50, 50, 60, 60, 0.7, 0)


def test_overlap_of_known_boxes() -> None:
    """Equal boxes overlap wholly, halves by a third, distant and empty ones not at all."""
    found = detection.iou(boxes(LEFT), boxes(LEFT, HALF, FAR, (3, 3, 3, 9, 1, 0)))[0]
    assert found.tolist() == pytest.approx([1, 1 / 3, 0, 0])


def test_a_missed_box_costs_its_weight_and_the_score_stays_a_share() -> None:
    """With misses weighed fourfold a missed defect costs more than a false reject; at weight 1 both are F1's; always 0 to 1."""
    both, one, none = boxes(LEFT, FAR), boxes(LEFT), boxes()
    assert detection.f_weighted(both, one, 4.0) == pytest.approx(5 / 9)  # one found, one missed
    assert detection.f_weighted(one, both, 4.0) == pytest.approx(5 / 6)  # one found, one added
    assert detection.f_weighted(both, one, 1.0) == detection.f_weighted(one, both, 1.0) == pytest.approx(2 / 3)
    assert [detection.f_weighted(*pair, 100.0) for pair in ((both, none), (none, both), (none, none))] == [0, 0, 1]


def test_missed_and_added_boxes_are_counted_apart() -> None:
    """What was there and not found is missed; what was found and not there is added; another class is both."""
    assert detection.apart(boxes(LEFT, FAR), boxes(LEFT)) == (1, 0)
    assert detection.apart(boxes(LEFT), boxes(LEFT, FAR)) == (0, 1)
    assert detection.apart(boxes(LEFT), boxes((*LEFT[:5], 1))) == (1, 1)


def test_f1_of_known_answers() -> None:
    """All right is 1, nothing for nothing is 1, one of two found is 2/3, another class is 0, nothing for something is 0."""
    none = boxes()
    assert detection.f_weighted(boxes(LEFT, FAR), boxes(LEFT, FAR), 1.0) == 1
    assert detection.f_weighted(none, none, 1.0) == 1
    assert detection.f_weighted(boxes(LEFT, FAR), boxes(LEFT), 1.0) == pytest.approx(2 / 3)
    assert detection.f_weighted(boxes(LEFT), boxes((*LEFT[:5], 1)), 1.0) == 0
    assert detection.f_weighted(boxes(LEFT), none, 1.0) == 0


def test_a_true_box_is_matched_once() -> None:
    """Two answers for one object are one hit and one mistake."""
    assert detection.matches(boxes(LEFT), boxes(LEFT, LEFT)).tolist() == [True, False]


def test_suppression_keeps_the_best_of_each_heap_and_class() -> None:
    """A near copy goes, a distant box and another class stay."""
    near = (1, 0, 11, 10, 0.8, 0)
    other = (1, 0, 11, 10, 0.85, 1)
    kept = detection.suppress(boxes(LEFT, other, near, FAR))
    assert kept[:, 4].tolist() == pytest.approx([0.9, 0.85, 0.7])
    assert len(detection.suppress(boxes())) == 0


@pytest.mark.parametrize("classes", [1, 7])
def test_comparing_neighbours_alone_drops_what_comparing_all_pairs_drops(classes: int) -> None:
    """On heaps of boxes, some without area or turned inside out, the quick way and the plain one keep the same."""
    draw = np.random.default_rng(classes)
    for count in (1, 2, 40, 300):
        start, sides = draw.uniform(0, 300, (count, 2)), draw.uniform(-5, 120, (count, 2))
        scores, labels = np.sort(draw.uniform(0.3, 1, count))[::-1], draw.integers(classes, size=count)
        heap = np.column_stack([start, start + sides, scores, labels]).astype(np.float32)
        kept: list[int] = []
        for at in range(count):
            others = [one for one in kept if heap[one, 5] == heap[at, 5]]
            if not (detection.iou(heap[at : at + 1], heap[others]) > detection.NMS_IOU).any():
                kept.append(at)
        assert np.array_equal(detection.suppress(heap), heap[kept])


def test_average_precision_of_a_hit_a_miss_and_a_hit() -> None:
    """Two objects; answers right, wrong, right by score: half at precision 1 and half at 2/3 are 5/6."""
    truth = boxes(LEFT, FAR)
    found = boxes(LEFT, (20, 20, 30, 30, 0.8, 0), (50, 50, 60, 60, 0.6, 0))
    assert detection.mean_average_precision([truth], [found]) == pytest.approx(5 / 6)


def test_average_precision_averages_the_classes_that_occur() -> None:
    """A class found and a class missed are one half; without any true box there is no number."""
    truth = boxes(LEFT, (*FAR[:5], 1))
    assert detection.mean_average_precision([truth], [boxes(LEFT)]) == pytest.approx(0.5)
    assert detection.mean_average_precision([boxes()], [boxes(LEFT)]) is None


def test_answers_of_all_frames_are_ranked_together() -> None:
    """A surer mistake on another frame lowers the precision of a hit."""
    truths, founds = [boxes(LEFT), boxes()], [boxes(LEFT), boxes((0, 0, 5, 5, 0.95, 0))]
    assert detection.mean_average_precision(truths, founds) == pytest.approx(0.5)


def test_both_layouts_of_the_yolo_form_decode_alike() -> None:
    """Centre, sides and class scores become corners, score and class, whichever axis holds the anchors."""
    rows = np.zeros((20, 6), np.float32)
    rows[3] = (15, 20, 10, 20, 0.1, 0.8)
    rows[7] = (40, 40, 4, 4, 0.2, 0.1)
    wanted = [10, 10, 20, 30, 0.8, 1]
    for output in (rows[None], rows.T[None]):
        assert detection.decode("yolo", output).tolist() == [pytest.approx(wanted)]
        assert len(detection.decode("yolo", output, floor=0.15)) == 2


def test_finished_boxes_are_taken_as_they_are() -> None:
    """The form whose suppression the model did itself is only cut by score and put in order."""
    rows = boxes(FAR, LEFT, (0, 0, 9, 9, 0.1, 0))
    assert detection.decode("boxes", rows[None])[:, 4].tolist() == pytest.approx([0.9, 0.7])

"""Heads: what the network's numbers mean, and what it costs when two variants disagree."""

from typing import Any

import numpy as np
import pytest

from adaptd.config.manifest import Manifest, parse_manifest, seal
from adaptd.vision.answers import Classification, Detection, head_of
from tests.engine.models import plain_manifest

CLASSES = ("empty", "pet_at_bowl", "eating")


def output(*values: float) -> Any:
    """One classifier output."""
    return np.array([values], np.float32)


def manifest(**changes: Any) -> Manifest:
    """A manifest of the tiny bundle with changes."""
    entry = {"file": "a.onnx", "precision_computed": "fp32"}
    plain = plain_manifest({"a.onnx": b"x"}, {"fp16": {"ort": entry}}, **changes)
    return parse_manifest(seal(plain), "manifest.json")


def test_logits_become_a_class_and_its_probability() -> None:
    """The score is the softmax of the top class, in ppm."""
    answer = Classification(CLASSES).answer(output(1.0, 3.0, 2.0))
    expected = 1 / (1 + np.exp(-2.0) + np.exp(-1.0))
    assert answer.label == "pet_at_bowl"
    assert abs(answer.score_ppm - expected * 1e6) <= 1


def test_probabilities_are_taken_as_they_are() -> None:
    """A network that ends in a softmax is not squashed a second time."""
    assert Classification(CLASSES).answer(output(0.1, 0.2, 0.7)).score_ppm == 700_000


def test_huge_logits_do_not_overflow() -> None:
    """Any finite logits give a score from 0 to 1,000,000 ppm."""
    assert Classification(CLASSES).answer(output(3e38, -3e38, 0.0)).score_ppm == 1_000_000


def test_a_tie_goes_to_the_lower_class() -> None:
    """As in qualification: ties are not left to chance."""
    assert Classification(CLASSES).answer(output(2.0, 2.0, 0.0)).label == "empty"


def test_another_top_class_is_a_whole_loss() -> None:
    """Same class: no loss, whatever the scores; another class: one."""
    head = Classification(CLASSES)
    one, same, other = head.answer(output(0, 9, 0)), head.answer(output(0, 1, 0)), head.answer(output(9, 0, 0))
    assert (head.loss_ppm(one, same), head.loss_ppm(one, other)) == (0, 1_000_000)


def boxes(*rows: tuple[float, ...]) -> Any:
    """A finished detector output: left, top, right, bottom, score, class."""
    return np.array([rows], np.float32).reshape(1, -1, 6)


def test_boxes_lose_one_minus_f1() -> None:
    """Of two boxes one is found again and one is not: F1 is 2/3 with one box left, so the loss is a third."""
    head = Detection("boxes", CLASSES)
    reference = head.answer(boxes((0, 0, 10, 10, 0.9, 0), (20, 20, 30, 30, 0.8, 1)))
    efficient = head.answer(boxes((0, 1, 10, 10, 0.9, 0)))
    assert head.loss_ppm(reference, efficient) == 333_333
    assert head.loss_ppm(reference, reference) == 0


def test_no_boxes_on_either_side_is_no_loss() -> None:
    """An empty picture seen as empty by both is agreement."""
    head = Detection("boxes", CLASSES)
    nothing = head.answer(boxes((0, 0, 1, 1, 0.01, 0)))
    assert (nothing.label, head.loss_ppm(nothing, nothing)) == ("", 0)


def test_the_best_box_names_the_frame() -> None:
    """Label and score are those of the box with the highest score."""
    answer = Detection("boxes", CLASSES).answer(boxes((0, 0, 1, 1, 0.4, 0), (5, 5, 9, 9, 0.75, 2)))
    assert (answer.label, answer.score_ppm) == ("eating", 750_000)


def test_the_manifest_chooses_the_head() -> None:
    """Task and output shape decide how outputs are read."""
    assert isinstance(head_of(manifest()), Classification)
    detector = manifest(task="detection", output_shape=[1, 100, 6], classes=["pet"])
    assert isinstance(head_of(detector), Detection)


@pytest.mark.parametrize("changes", [{"output_shape": [1, 7]}, {"task": "detection", "output_shape": [1, 7]}])
def test_an_output_that_no_head_reads_is_refused_before_a_frame_is_served(changes: dict[str, Any]) -> None:
    """A bundle whose output does not fit its classes is refused in one line."""
    with pytest.raises(ValueError, match="output") as caught:
        head_of(manifest(**changes))
    assert "\n" not in str(caught.value)

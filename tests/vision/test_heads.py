"""What an output is, and what a wrong answer costs."""

import numpy as np
import pytest

from adaptd.vision import ModelError
from adaptd.vision.answers import reader
from adaptd.vision.heads import Head, head_for, recognise


@pytest.mark.parametrize(
    ("shape", "wish", "classes", "wanted"),
    [
        ((1, 1000), None, None, Head("classification", 1000)),
        ((1, 7, 1, 1), None, None, Head("classification", 7)),
        ((1, 84, 8400), None, None, Head("yolo", 80)),
        ((1, 8400, 84), None, 80, Head("yolo", 80)),
        ((1, 300, 6), None, 5, Head("boxes", 5)),
        ((1, 8400, 6), "yolo", 2, Head("yolo", 2)),
    ],
)
def test_the_usual_outputs_are_recognised(shape: tuple[int, ...], wish: str | None, classes: int | None, wanted: Head) -> None:
    """Classifiers and the usual detectors are told apart by shape, and found again from the manifest."""
    head = recognise(shape, wish, classes, "m.onnx")
    assert head == wanted
    assert head_for(head.task, shape, head.classes) == wanted


@pytest.mark.parametrize(
    ("shape", "wish", "classes", "words"),
    [
        ((1, 3, 8, 8), None, None, "is not recognised, add --head"),
        ((1, 10), "segmentation", None, "is not known, one of"),
        ((1, 10), None, 9, "has 10 classes, but 9 names"),
        ((1, 1), "classification", None, "leaves no classes"),
        ((1, 300, 6), None, None, "add --labels FILE"),
        ((1, 300, 7), "boxes", 4, "does not fit|no detector"),
    ],
)
def test_an_unclear_output_has_to_be_declared(shape: tuple[int, ...], wish: str | None, classes: int | None, words: str) -> None:
    """What cannot be read off is refused with the flag that declares it."""
    with pytest.raises(ModelError, match=words):
        recognise(shape, wish, classes, "m.onnx")


def test_a_tie_goes_to_the_lower_class_number() -> None:
    """Equal scores are settled the same way for every variant, so that a tie is no disagreement by chance."""
    read = reader(Head("classification", 3), ("x", "y", "z"))
    answer = read.answer(np.array([[1.0, 2.0, 2.0]], np.float32))
    assert answer.label == "y"
    assert read.loss_ppm(answer, read.answer(np.array([[0.0, 9.0, 1.0]], np.float32))) == 0
    assert read.loss_ppm(answer, read.answer(np.array([[9.0, 0.0, 1.0]], np.float32))) == 1_000_000


def test_a_detector_loses_what_f1_misses() -> None:
    """One box of two is an F1 of 2/3, a loss of a third."""
    read = reader(Head("boxes", 1), ("thing",))
    both = np.array([[[0, 0, 10, 10, 0.9, 0], [20, 20, 30, 30, 0.8, 0]]], np.float32)
    assert read.loss_ppm(read.answer(both), read.answer(both[:, :1])) == 333_333

"""The one pass over the pictures, and the labels it is scored against."""

from pathlib import Path

import numpy as np
import pytest

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.data.images import Dataset, scan
from adaptd.bundle_build.data.labels import Labels, labels_of, place
from adaptd.bundle_build.data.pictures import PRESETS, Pictures
from adaptd.bundle_build.qualify.evaluate import ScoreTally, evaluate, quantile_us
from adaptd.bundle_build.qualify.findings import bound_ppm
from adaptd.config.policy import Policy
from adaptd.engine.base import EngineSpec
from adaptd.engine.stub import Misbehaviour, StubEngine
from adaptd.vision.answers import reader
from adaptd.vision.heads import Head
from tests.bundle_build.pictures import fill

WORDS = PRESETS["unit"].words((32, 32))
CLASSES = ("a", "b", "c")


def _engine(name: str) -> StubEngine:
    engine = StubEngine(EngineSpec(name, name, (1, 3, 32, 32), (1, 3)))
    engine.activate()
    return engine


def _run(dataset: Dataset, engines: dict[str, StubEngine]) -> dict[str, dict[str, ScoreTally]]:
    labels, _ = labels_of(dataset, "classification", CLASSES, WORDS)
    return evaluate(engines, "fp16", Pictures(dataset.samples, WORDS), reader(Head("classification", 3), CLASSES), labels)


@pytest.fixture
def dataset(tmp_path: Path, policy: Policy) -> Dataset:
    """Eighteen pictures, six a band."""
    return scan(fill(tmp_path, each=2), policy.bands)


def test_every_variant_sees_every_frame_once(dataset: Dataset) -> None:
    """Equal engines agree everywhere, each band has its own count, and labels are counted where they are given."""
    tallies = _run(dataset, {"fp16": _engine("fp16"), "int8": _engine("int8")})
    assert set(tallies) == {"night", "dim", "bright"}
    for band in tallies.values():
        assert [(tally.n, tally.disagreed, tally.labelled, len(tally.latencies_us)) for tally in band.values()] == [
            (6, 0, 6, 6)
        ] * 2
        assert band["fp16"].right == band["int8"].right


def test_an_engine_that_answers_otherwise_disagrees(dataset: Dataset) -> None:
    """Negated scores name another class on every frame: all of them are losses."""
    wrong = _engine("int8")
    wrong.misbehave(Misbehaviour.WRONG_ANSWER)
    tallies = _run(dataset, {"fp16": _engine("fp16"), "int8": wrong})
    assert [band["int8"].disagreed for band in tallies.values()] == [6, 6, 6]


@pytest.mark.parametrize("kind", [Misbehaviour.NAN, Misbehaviour.WRONG_SHAPE, Misbehaviour.CRASH])
def test_a_frame_that_an_engine_fails_on_is_lost_whole(kind: Misbehaviour, dataset: Dataset) -> None:
    """NaN, a wrong shape and a crash count as disagreement and as a wrong answer; the pass goes on."""
    broken = _engine("int8")
    broken.misbehave(kind, after=9)
    tallies = _run(dataset, {"fp16": _engine("fp16"), "int8": broken})
    assert sum(band["int8"].disagreed for band in tallies.values()) == 9
    assert all(band["int8"].labelled == 6 for band in tallies.values())


def test_without_the_reference_there_is_no_agreement(dataset: Dataset) -> None:
    """A frame on which the reference itself failed proves nothing for anyone."""
    broken = _engine("fp16")
    broken.misbehave(Misbehaviour.NAN)
    tallies = _run(dataset, {"fp16": broken, "int8": _engine("int8")})
    assert sum(band["int8"].disagreed for band in tallies.values()) == 18


def test_fractional_losses_round_up_and_are_bounded_by_betting(policy: Policy) -> None:
    """1.2 frames of loss are stated as 2; the bound is that for losses between 0 and 1."""
    tally = ScoreTally(losses_ppm=[0] * 1997 + [400_000] * 3)
    whole = ScoreTally(losses_ppm=[0] * 1998 + [1_000_000] * 2)
    assert tally.disagreed == whole.disagreed == 2
    assert 0 < bound_ppm(tally, policy) < 10_000
    assert bound_ppm(whole, policy) == pytest.approx(4_192, abs=40)


def test_quantiles_are_values_that_occurred() -> None:
    """Nearest rank: the 99th of 100 values, the only one of one, 0 of none."""
    values = list(range(1, 101))
    assert [quantile_us(values, share) for share in (50, 90, 99)] == [50, 90, 99]
    assert (quantile_us([7], 99), quantile_us([], 50)) == (7, 0)


def test_labels_that_are_no_classes_are_said(dataset: Dataset) -> None:
    """Folders that are not the model's classes give no score and a hint; a single odd one is refused."""
    labels, said = labels_of(dataset, "classification", ("x", "y", "z"), WORDS)
    assert not labels.classes
    assert "labels such as 'a' are not the model's classes (x, y, z)" in said[0]
    with pytest.raises(BuildError, match="label 'c' is no class of the model"):
        labels_of(dataset, "classification", ("a", "b"), WORDS)


def test_boxes_go_where_preprocessing_moves_the_picture() -> None:
    """A box over the left half of a 200 x 100 picture, in a 100 x 100 input: stretched, letterboxed, cropped."""
    left_half = np.array([[1, 0.25, 0.5, 0.5, 1.0]])
    stretch = PRESETS["unit"].words((100, 100))
    letterbox = PRESETS["yolo"].words((100, 100))
    crop = letterbox.model_copy(update={"fit": "centre_crop"})
    assert place(left_half, (100, 200), stretch).tolist() == [[0, 0, 50, 100, 1, 1]]
    assert place(left_half, (100, 200), letterbox).tolist() == [[0, 25, 50, 75, 1, 1]]
    assert place(left_half, (100, 200), crop).tolist() == [[0, 0, 50, 100, 1, 1]]


@pytest.mark.parametrize(
    "text", ["1 0.5 0.5 0.1\n", "2 0.5 0.5 0.1 0.1\n", "0 50 50 10 10\n", "cat 0.5 0.5 0.1 0.1\n", "0 nan 0 0 0\n"]
)
def test_a_box_that_cannot_be_right_is_refused(text: str, dataset: Dataset) -> None:
    """Too few numbers, an unknown class, pixels instead of shares, words and NaN name file and line."""
    sample = dataset.samples[0]
    sample.path.with_suffix(".txt").write_text("\n" + text)
    with pytest.raises(BuildError, match=r"0\.txt:2: is no box"):
        Labels("boxes", 2, WORDS, classes=False).boxes(sample)


def test_detection_is_scored_against_boxes(dataset: Dataset) -> None:
    """A detector that finds the one labelled box has mAP 1, one that finds nothing 0; no labels, no score."""
    sample = dataset.samples[0]
    sample.path.with_suffix(".txt").write_text("0 0.5 0.5 0.5 0.5\n")
    labels = Labels("boxes", 1, WORDS, classes=False)
    truth = labels.boxes(sample)
    assert truth is not None
    assert labels.boxes(dataset.samples[1]) is None
    found = np.array([[8, 8, 24, 24, 0.9, 0]], np.float32)
    assert ScoreTally(truths=[truth], founds=[found]).score_ppm == 1_000_000
    assert ScoreTally(truths=[truth], founds=[found[:0]]).score_ppm == 0
    assert ScoreTally().score_ppm is None

"""How far two answers are apart, against cases that can be worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from adaptd.bundle_build.data.images import scan
from adaptd.bundle_build.data.pictures import PRESETS, Pictures
from adaptd.bundle_build.model.intake import take_in
from adaptd.bundle_build.model.onnx_io import from_bytes
from adaptd.bundle_build.qualify.judge import Distance, Judge, probabilities, relative_error_ppm, variation
from adaptd.config.policy import Policy
from adaptd.vision.answers import reader
from adaptd.vision.heads import Head


def row(*values: float) -> np.ndarray:
    """One output."""
    return np.array([values], np.float32)


def test_soft_disagreement_is_the_share_of_probability_that_moves() -> None:
    """(0.5, 0.5) against (0.9, 0.1) moves 0.4; equal answers move nothing, opposite certainties everything, NaN counts as all."""
    assert variation(row(0.5, 0.5), row(0.9, 0.1)) == pytest.approx(0.4)
    assert variation(row(3, 1), row(13, 11)) == pytest.approx(0)
    assert variation(row(50, -50), row(-50, 50)) == pytest.approx(1)
    assert variation(row(1, 0), row(np.nan, 0)) == 1


def test_scores_become_probabilities_and_probabilities_stay() -> None:
    """Logits go through softmax; an output that sums to one already is taken as it is."""
    assert probabilities(row(0, np.log(3))).tolist() == pytest.approx([0.25, 0.75])
    assert probabilities(row(0.2, 0.8)).tolist() == pytest.approx([0.2, 0.8])


def test_relative_error_is_norm_over_norm() -> None:
    """(3, 4) against (3, 4.5) is 0.5 of 5; nothing against something is everything."""
    assert relative_error_ppm([row(3, 4)], [row(3, 4.5)]) == 100_000
    assert relative_error_ppm([row(0, 0)], [row(1, 1)]) == 1_000_000
    assert relative_error_ppm([row(1, 1)], [row(np.inf, 1)]) == 1_000_000


def test_a_model_is_at_no_distance_from_itself_and_a_broken_one_at_the_largest(
    model_file: Path, pictures: Path, policy: Policy
) -> None:
    """The judge finds equals equal, and a candidate that cannot run infinitely worse than any that does."""
    source = take_in(model_file)
    few = Pictures(scan(pictures, policy.bands).samples[:4], PRESETS["unit"].words((32, 32)))
    judge = Judge(source.data, few, reader(Head("classification", 3), ("a", "b", "c")))
    assert judge.distance(from_bytes(source.data)) == Distance(0, 0, 0, 4)
    broken = from_bytes(source.data)
    broken.graph.node[0].op_type = "NoSuchOperator"
    assert judge.distance(broken) == Distance(1_000_000, 4_000_000, 1_000_000, 4)

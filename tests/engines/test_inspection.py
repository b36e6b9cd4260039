"""The shipped defect detector: small, static, and good on rendered parts that it has never seen, in every light of its policy."""

import sys

import numpy as np
import onnx
import pytest

from adaptd.config.manifest import load_manifest
from adaptd.config.policy import load_policy
from tests.conftest import ROOT

BUNDLE = ROOT / "engines" / "inspection"
sys.path.insert(0, str(BUNDLE / "training"))

import hall  # noqa: E402 - the training scripts are no package
import parts  # noqa: E402
import render_parts  # noqa: E402
import score_detector  # noqa: E402


def test_the_bundle_is_small() -> None:
    """All files that the manifest names are under one and a half megabytes together."""
    manifest = load_manifest(BUNDLE)
    assert sum(entry.bytes for entry in manifest.files.values()) < 1_500_000


def test_the_graph_is_static_and_plain() -> None:
    """Opset 17, one fixed input and output, standard operators only: what every engine builder reads."""
    model = onnx.load(BUNDLE / "inspection.fp32.onnx", load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 17)]
    shapes = [[d.dim_value for d in item.type.tensor_type.shape.dim] for item in (model.graph.input[0], model.graph.output[0])]
    assert shapes == [[1, 3, 128, 128], [1, 7, 256]]


def test_both_engines_are_qualified_in_every_light_of_the_policy() -> None:
    """FP16 and INT8 have an mAP on record in each band of policies/agv.yaml: over 0.85, and within a point of each other."""
    manifest, policy = load_manifest(BUNDLE), load_policy(ROOT / "policies" / "agv.yaml")
    for band in policy.bands:
        rows = {}
        for name in ("fp16", "int8"):
            qualification = manifest.variants[name]["ort"].qualification
            assert qualification is not None
            rows[name] = qualification.bands[band.name]
        scores = [row.score_ppm for row in rows.values()]
        assert all(score is not None and score >= 850_000 for score in scores), band.name
        assert abs(scores[0] - scores[1]) <= 10_000, band.name
        assert all(row.n >= 1000 for row in rows.values())


@pytest.mark.parametrize("band", list(hall.BANDS))
def test_defects_are_found_on_fresh_parts(band: str) -> None:
    """Parts that neither training nor the card has used: mAP at IoU 0.5 of at least 0.85 in the dark, the hall and the sun."""
    session = score_detector.open_model(BUNDLE / "inspection.int8.ort.onnx")
    found = score_detector.figures(session, list(render_parts.samples("spare", 1, band, 40)))
    assert found["map50"] >= 0.85


def test_labels_are_true_by_construction() -> None:
    """A sound part has no label; every box lies on the picture, and a missing screw's box is where the hole is drawn."""
    rng = np.random.default_rng(5)
    assert all(not hall.sample_scene(rng, sound=True)[2] for _ in range(20))
    boxes = [box for _ in range(30) for box in hall.sample_scene(rng, sound=False)[2]]
    assert {box.kind for box in boxes} == {0, 1, 2}
    assert all(-3 <= box.left < box.right <= parts.SIZE + 3 and -3 <= box.top < box.bottom <= parts.SIZE + 3 for box in boxes)


def test_the_same_seed_gives_the_same_picture() -> None:
    """A test set can be rendered again, picture by picture, in any order."""
    first, again = (render_parts.draw("test", 1, "hall", 17) for _ in range(2))
    assert np.array_equal(first.picture, again.picture)
    assert first.defects == again.defects


def test_vibration_blurs_and_darkness_is_noisy() -> None:
    """What makes parts hard is there: a shaken picture has less fine detail, a dark one more grain, than one in good light."""
    rng = np.random.default_rng(3)
    _, reflectance, _ = hall.sample_scene(rng, sound=True)
    rate = (reflectance * 1000).astype(np.float32)
    still = np.abs(np.diff(rate, axis=1)).mean()
    shaken = np.mean([np.abs(np.diff(hall.shaken(np.random.default_rng(i), rate, 0.012), axis=1)).mean() for i in range(8)])
    assert shaken < 0.95 * still
    grey, seeds = reflectance * 0 + 0.3, (np.random.default_rng(1) for _ in range(2))
    dark, bright = (hall.photograph(rng, grey, lux).astype(np.float32) for rng, lux in zip(seeds, (0.1, 50_000), strict=True))
    assert np.std(np.diff(dark, axis=0)) > 2 * np.std(np.diff(bright, axis=0))

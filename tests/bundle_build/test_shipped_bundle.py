"""The bundle that ships: it loads, verifies, and is what its manifest says it is; and the guide's words exist."""

import argparse
import re
from pathlib import Path

import pytest

from adaptd.bundle_build.model.checks import check_ort, check_trt
from adaptd.bundle_build.model.intake import take_in
from adaptd.bundle_build.model.onnx_io import from_bytes
from adaptd.bundle_build.model.precision import computed
from adaptd.cli.engine import register
from adaptd.config.manifest import facts
from adaptd.config.policy import Policy
from adaptd.engine.bundle import Bundle
from tests.conftest import ROOT

BUNDLES = sorted(path.parent for path in (ROOT / "engines").glob("*/manifest.json"))

KEPT_IN_FLOAT = {"pet-bowl": 0, "inspection": 2}  # layers


@pytest.fixture(params=BUNDLES, ids=lambda path: path.name)
def shipped(request: pytest.FixtureRequest) -> Bundle:
    """Each shipped bundle, verified."""
    return Bundle.open(request.param)


def test_there_is_a_shipped_bundle() -> None:
    """`adaptd run` with nothing given has something to serve."""
    assert [path.name for path in BUNDLES] == ["inspection", "pet-bowl"]


def test_every_shipped_file_verifies_and_is_small(shipped: Bundle) -> None:
    """All files match the manifest, and none is over 2 MB."""
    assert all(fact.bytes <= 2_000_000 for fact in shipped.manifest.files.values())


def test_the_shipped_int8_file_runs_on_integer_kernels(shipped: Bundle) -> None:
    """No convolution or product is computed in float by the runtime that is installed here, but the two that a detector keeps."""
    data = shipped.model_bytes("int8", "ort")
    check_ort(from_bytes(data))
    kinds, counts = computed(data)
    kept = KEPT_IN_FLOAT[shipped.manifest.model]
    assert kinds == shipped.entry("int8", "ort").precision_computed == ("int8-fp32" if kept else "int8")
    assert counts.get("fp32", 0) == kept
    assert counts["int8"] > 3 * kept


def test_the_shipped_file_for_tensorrt_has_zero_points_of_zero(shipped: Bundle) -> None:
    """Symmetric int8, FP16 outside, opset 19: what TensorRT's parser takes as it is meant."""
    check_trt(from_bytes(shipped.model_bytes("int8", "tensorrt")))


def test_the_shipped_source_is_clean(shipped: Bundle) -> None:
    """The float32 file passes the intake that every user's model passes, unchanged."""
    path = shipped.folder / f"{shipped.manifest.model}.fp32.onnx"
    assert take_in(path).data == path.read_bytes()


def test_the_shipped_evidence_covers_the_bands_of_the_policy(policy: Policy) -> None:
    """Night, dim and bright are qualified, bright and dim on 3,000 frames or more, with an energy that says how it is known."""
    shipped = Bundle.open(ROOT / "engines" / "pet-bowl")
    reference, efficient = facts(shipped.manifest, "ort")
    assert (reference.name, efficient.name) == (policy.reference, *policy.efficient)
    counts = {prior.band: prior.n for prior in efficient.priors}
    assert set(counts) == {band.name for band in policy.bands}
    assert min(counts["bright"], counts["dim"]) >= 3000
    measured = shipped.entry("int8", "ort").qualification
    assert measured is not None
    assert measured.energy_method.startswith(("estimated: ", "measured: "))
    scores = {band: seen.score_ppm or 0 for band, seen in measured.bands.items()}
    assert scores["bright"] >= 970_000


def test_the_shipped_swap_is_worth_it(shipped: Bundle) -> None:
    """INT8 takes less energy and less time than the reference on the machine that qualified it."""
    reference, efficient = facts(shipped.manifest, "ort")
    assert not efficient.no_gain
    assert efficient.energy_uj < reference.energy_uj
    assert efficient.latency_us < reference.latency_us


def test_every_flag_in_the_guide_exists() -> None:
    """docs/engines.md names no option that the command does not take."""
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    known: set[str] = set()
    waiting: list[argparse.ArgumentParser] = [parser]
    while waiting:
        for action in waiting.pop()._actions:
            known |= set(action.option_strings)
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
    text = Path(ROOT / "docs" / "engines.md").read_text()
    others = ("render_set.py", "adaptd run", "every_cpu")
    lines = [line for line in text.splitlines() if not any(other in line for other in others)]
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", "\n".join(lines))) <= known

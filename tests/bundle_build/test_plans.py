"""TensorRT plans entered into a bundle, with fakes of the versions at both ends."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.make import Built
from adaptd.bundle_build.model.onnx_io import from_bytes
from adaptd.bundle_build.model.plans import PlanOrder, build_plans, weak_graph
from adaptd.config.manifest import load_manifest
from adaptd.engine.bundle import Bundle
from tests.gpu.fake_cuda import FakeGpu
from tests.gpu.fake_trt import make


class Steer(dict[str, Any]):
    """Steers the fake builder: from the second model on, every way fails."""

    def get(self, key: str, default: Any = None) -> Any:
        if key == "refuse":
            return ("strong", "flags") if len(super().get("seen", [])) > 1 else ()
        return super().get(key, default)


def _build(folder: Path, version: str, steer: dict[str, Any] | None = None, **options: Any) -> tuple[str, ...]:
    gpu = FakeGpu()
    steer = {} if steer is None else steer
    steer["input"] = (1, 3, 32, 32)
    notes = build_plans(PlanOrder(folder, **options), trt=make(version, gpu, steer), gpu=gpu)
    assert not gpu.leaks()
    return notes


@pytest.fixture
def bundle(made: tuple[Built, Path], tmp_path: Path) -> Path:
    """A copy of the small bundle."""
    return Path(shutil.copytree(made[1], tmp_path / "tiny"))


def test_every_variant_gets_its_plan_for_this_device(bundle: Path) -> None:
    """Plans are named by GPU and version, made from the symmetric file, entered with their origin, and not yet qualified."""
    assert _build(bundle, "10.3.0") == ()
    manifest = Bundle.open(bundle).manifest
    entry = manifest.variants["int8"]["tensorrt"]
    assert entry.file == "tiny.int8.fake-gpu-1.sm87.trt10.3.0.plan"
    assert entry.plan is not None
    assert (entry.plan.source, entry.plan.built_with) == ("tiny.int8.trt.onnx", "strong")
    assert (entry.precision_computed, entry.qualification) == ("int8-fp16", None)
    assert manifest.variants["fp16"]["tensorrt"].precision_computed == "fp16"
    assert "fake-gpu-1.sm87.trt10.3.0.timing" in manifest.files


def test_a_plan_is_built_anew_from_its_source(bundle: Path) -> None:
    """After an update of TensorRT the same command builds again, from the ONNX file and not from the old plan."""
    _build(bundle, "10.3.0")
    _build(bundle, "11.4.0", layers=True, level=1)
    entry = load_manifest(bundle).variants["fp16"]["tensorrt"]
    assert entry.plan is not None
    assert (entry.plan.tensorrt, entry.plan.source) == ("11.4.0", "tiny.fp16.onnx")
    assert f"{entry.file}.layers.json" in load_manifest(bundle).files
    assert not list(bundle.glob("*trt10.3.0.plan*"))
    Bundle.open(bundle)


def test_an_int8_plan_that_fails_leaves_fp16_and_a_record(bundle: Path) -> None:
    """The reference serves alone on this device; the manifest and the message both say so."""
    notes = _build(bundle, "10.3.0", Steer())
    assert notes[0].startswith("int8: no plan on this device, fp16 serves alone: ")
    manifest = Bundle.open(bundle).manifest
    reference = manifest.variants["fp16"]["tensorrt"].plan
    assert reference is not None
    assert reference.built_with == "strong-fp16-only"
    assert manifest.variants["int8"]["tensorrt"].plan is None


def test_a_reference_that_fails_changes_nothing(bundle: Path) -> None:
    """Without a reference there is nothing to serve: one line, and the bundle as it was."""
    before = (bundle / "manifest.json").read_bytes()
    with pytest.raises(BuildError, match=r"TensorRT 10\.3\.0 cannot build it"):
        _build(bundle, "10.3.0", {"refuse": ("strong", "flags")})
    assert (bundle / "manifest.json").read_bytes() == before


def test_without_tensorrt_the_remedy_is_named(bundle: Path) -> None:
    """On a machine without TensorRT the command says what to install."""
    with pytest.raises(BuildError, match="TensorRT cannot be imported"):
        build_plans(PlanOrder(bundle))


def test_versions_before_10_get_a_float32_graph(bundle: Path) -> None:
    """The graph for the flags way has float32 scales at opset 17, computes the same, and a float file is left as it is."""
    import onnxruntime

    data = (bundle / "tiny.int8.trt.onnx").read_bytes()
    weak = weak_graph(data)
    model = from_bytes(weak)
    assert model.opset_import[0].version == 17
    assert not [item.name for item in model.graph.initializer if item.data_type == onnx.TensorProto.FLOAT16]
    assert all(not numpy_helper.to_array(item).any() for item in model.graph.initializer if item.name.endswith("_zero_point"))
    picture = np.linspace(-1, 1, 3 * 32 * 32, dtype=np.float32).reshape(1, 3, 32, 32)
    answers = [
        onnxruntime.InferenceSession(form, providers=["CPUExecutionProvider"]).run(None, {"input": picture})[0]
        for form in (data, weak)
    ]
    assert np.allclose(answers[0], answers[1], atol=0.05 * np.abs(answers[0]).max())
    fp16 = (bundle / "tiny.fp16.onnx").read_bytes()
    assert weak_graph(fp16) == fp16

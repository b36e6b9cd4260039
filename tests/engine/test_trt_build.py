"""Building a plan: which way is taken on which version, what is refused, and what is kept beside the plan."""

import json
import logging
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from adaptd.engine.errors import BundleError
from adaptd.engine.plan import Device, plan_name, timing_cache_name
from adaptd.engine.trt_build import BuildFailed, BuildOptions, BuiltPlan, build_plan
from tests.engine.models import INPUT, classifier
from tests.gpu import fake_trt
from tests.gpu.fake_cuda import FakeGpu


def quantized(kind: type = np.int8) -> bytes:
    """The tiny classifier behind a Q/DQ pair."""
    model = onnx.load_from_string(classifier())
    zero = numpy_helper.from_array(np.array(0, kind), "zero")
    model.graph.initializer.extend([zero, numpy_helper.from_array(np.array(0.1, np.float32), "scale")])
    pair = [
        helper.make_node("QuantizeLinear", ["picture", "scale", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["dq"]),
    ]
    model.graph.node[0].input[0] = "dq"
    for node in reversed(pair):
        model.graph.node.insert(0, node)
    return bytes(model.SerializeToString())


def build(version: str, model: bytes, steer: dict[str, Any] | None = None, **options: Any) -> BuiltPlan:
    """Build on the fake of one version."""
    weak = options.pop("weak_model", None)
    return build_plan(fake_trt.make(version, FakeGpu(), steer), "tiny", model, INPUT, BuildOptions(**options), weak_model=weak)


@pytest.mark.parametrize(
    ("version", "way", "flags"),
    [("8.6.1", "flags", ("FP16", "INT8")), ("10.3.0", "strong", ()), ("11.4.0.106", "strong", ())],
)
def test_the_way_follows_what_the_version_has(version: str, way: str, flags: tuple[str, ...]) -> None:
    """Strong typing where it exists, precision flags where it does not, and the plan says which."""
    steer: dict[str, Any] = {}
    built = build(version, quantized(), steer)
    assert (built.built_with, built.quantized, built.notes) == (way, True, ())
    assert steer["seen"][0][:2] == (way, flags)


def test_a_float_model_is_built_without_the_int8_flag() -> None:
    """INT8 is asked for only where the graph holds Q/DQ."""
    steer: dict[str, Any] = {}
    assert not build("8.6.1", classifier(), steer).quantized
    assert steer["seen"][0][1] == ("FP16",)


def test_strong_typing_that_fails_falls_back_to_flags_and_says_why() -> None:
    """On 10.x both ways exist; the reason of the first stays with the plan."""
    steer = {"refuse": ("strong",)}
    built = build("10.3.0", quantized(), steer, weak_model=quantized())
    assert built.built_with == "flags"
    assert built.notes == ("strong: no implementation for node /conv (strong)",)


def test_an_int8_build_that_fails_every_way_says_every_reason() -> None:
    """The line names version and both reasons, so that FP16-only can be recorded with it."""
    with pytest.raises(BuildFailed, match=r"TensorRT 10\.16\.2\.10.*strong: .*flags: ") as caught:
        build("10.16.2.10", quantized(), {"refuse": ("strong", "flags")})
    assert "\n" not in str(caught.value)


def test_every_parser_error_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """The line joins them and the log has one line each."""
    errors = ["unsupported", "bad\nshape"]
    with caplog.at_level(logging.ERROR), pytest.raises(BuildFailed, match=r"node 0: unsupported \| node 1: bad shape"):
        build("8.6.1", classifier(), {"parser_errors": errors})
    assert [record.getMessage().split("parser: ")[1] for record in caplog.records] == ["node 0: unsupported", "node 1: bad shape"]
    with pytest.raises(BuildFailed, match=r"node 0 /conv \(Odd\): unsupported"):
        build("11.4.0.106", classifier(), {"parser_errors": errors})


def test_an_unsigned_file_is_refused_before_tensorrt_sees_it() -> None:
    """The x86 file would be misread without a warning."""
    steer: dict[str, Any] = {}
    with pytest.raises(BundleError, match="uint8 zero points"):
        build("10.3.0", quantized(np.uint8), steer)
    assert "seen" not in steer


def test_an_old_opset_is_refused() -> None:
    """Below 13 there is no per-channel quantisation."""
    with pytest.raises(BundleError, match="opset 12"):
        build("10.3.0", classifier(opset=12))


def test_free_axes_are_fixed_and_wrong_sizes_refused() -> None:
    """The plan has exactly the manifest's input."""
    assert json.loads(build("8.6.1", classifier(), {"input": (-1, 3, -1, -1)}).plan)["input"] == list(INPUT)
    with pytest.raises(BuildFailed, match="the manifest says"):
        build("8.6.1", classifier(), {"input": (1, 3, 9, 9)})
    with pytest.raises(BuildFailed, match="2 inputs"):
        build("8.6.1", classifier(), {"inputs": 2})


def test_level_and_workspace_are_settable() -> None:
    """What the user asks for reaches the builder; None leaves TensorRT's own level."""
    steer: dict[str, Any] = {}
    build("10.3.0", classifier(), steer, optimization_level=1, workspace_mb=64)
    config = steer["seen"][0][2]
    assert (config.builder_optimization_level, config.limits["WORKSPACE"]) == (1, 64 << 20)
    build("10.3.0", classifier(), steer)
    assert steer["seen"][1][2].builder_optimization_level == 3


def test_the_timing_cache_goes_in_and_comes_out() -> None:
    """The next build starts from it; one that TensorRT does not know is replaced by an empty one."""
    first = build("8.6.1", classifier())
    assert first.timing_cache == b"cache"
    assert build("8.6.1", classifier(), timing_cache=first.timing_cache).timing_cache == b"cachecache"
    assert build("8.6.1", classifier(), timing_cache=b"damaged").timing_cache == b"cache"


def test_progress_is_reported_where_the_version_can_and_cancels() -> None:
    """10.x counts its steps; False ends the build."""
    seen: list[tuple[str, int, int]] = []
    build("10.3.0", classifier(), progress=lambda *step: seen.append(step) is None)
    assert seen[0] == ("Building Engine", 0, 3)
    assert seen[-1] == ("Building Engine", 3, 3)
    with pytest.raises(BuildFailed):
        build("11.4.0.106", classifier(), progress=lambda _phase, step, _steps: step < 2)
    build("8.6.1", classifier(), progress=lambda *_: False)


def test_the_layer_report_is_made_on_request() -> None:
    """Fusion and precision as TensorRT's JSON, with detailed profiling only when it was asked for."""
    steer: dict[str, Any] = {}
    report = build("10.3.0", classifier(), steer, layer_report=True).layer_report
    assert json.loads(report or "") == {"Layers": ["fused"], "form": "JSON"}
    assert steer["seen"][0][2].profiling_verbosity.name == "DETAILED"
    assert build("10.3.0", classifier()).layer_report is None


def test_names_say_gpu_capability_and_version() -> None:
    """A plan's name tells where it runs, in characters that every file system takes."""
    device = Device("NVIDIA H200", "9.0", "8.6.0")
    assert plan_name("pet-bowl", "int8", device) == "pet-bowl.int8.nvidia-h200.sm90.trt8.6.0.plan"
    assert timing_cache_name(device) == "nvidia-h200.sm90.trt8.6.0.timing"

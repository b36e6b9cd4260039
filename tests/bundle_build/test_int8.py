"""Two INT8 files from one calibration, the FP16 file, and the checks that stand before shipping."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.checks import check_distance, check_ort, check_trt
from adaptd.bundle_build.model.floats import folded
from adaptd.bundle_build.model.fp16 import overflowing, to_fp16
from adaptd.bundle_build.model.int8 import named_layers, ort_int8, trt_int8, weighted_nodes
from adaptd.bundle_build.model.intake import take_in
from adaptd.bundle_build.model.onnx_io import from_bytes, to_bytes
from adaptd.bundle_build.model.precision import computed
from adaptd.bundle_build.model.ranges import Range
from adaptd.bundle_build.qualify.judge import Distance
from tests.bundle_build.nets import classifier, mobile, save


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The small classifier, folded."""
    folder = tmp_path_factory.mktemp("graph")
    return folded(take_in(save(classifier(), folder / "m.onnx")).data)


@pytest.fixture(scope="module")
def ranges(graph: Any) -> dict[str, Range]:
    """Wide ranges for every tensor."""
    names = [name for node in graph.graph.node for name in node.output]
    return {name: Range(-8.0, 8.0) for name in ["input", *names]}


def _zero_points(model: Any) -> list[Any]:
    stored = {item.name: item for item in model.graph.initializer}
    return [stored[node.input[2]] for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]


def test_the_file_for_tensorrt_is_symmetric_with_zero_points_of_zero(graph: Any, ranges: dict[str, Range]) -> None:
    """Every zero point is int8 zero, scales and biases are FP16, the opset is 19, input and output stay float32."""
    model = trt_int8(graph, ranges)
    check_trt(model)
    assert all(zero.data_type == onnx.TensorProto.INT8 and not numpy_helper.to_array(zero).any() for zero in _zero_points(model))
    assert model.opset_import[0].version == 19
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert model.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_only_inputs_of_products_are_quantized_for_tensorrt(graph: Any, ranges: dict[str, Range]) -> None:
    """A residual sum takes one branch raw from its convolution, the other through the next one's pair, so they fuse."""
    model = trt_int8(graph, ranges)
    made_by = {name: node.op_type for node in model.graph.node for name in node.output}
    total = next(node for node in model.graph.node if node.op_type == "Add")
    assert sorted(made_by[name] for name in total.input) == ["Conv", "DequantizeLinear"]


def test_the_file_for_onnx_runtime_runs_on_integer_kernels(graph: Any, ranges: dict[str, Range]) -> None:
    """Unsigned activations, and every convolution and product really computed in 8 bits by the runtime that is installed."""
    model = ort_int8(graph, ranges)
    check_ort(model)
    kinds, counts = computed(to_bytes(model))
    assert (kinds, counts["fp32"]) == ("int8", 0)
    assert counts["int8"] == len(weighted_nodes(graph)) == 5


def test_final_scores_are_not_rounded_to_8_bits(graph: Any, ranges: dict[str, Range]) -> None:
    """The last product hands out float scores: 8-bit scores tie, and a tie would count as a disagreement."""
    model = ort_int8(graph, ranges)
    last = next(node for node in model.graph.node if model.graph.output[0].name in node.output)
    assert last.op_type == "Gemm"


def test_a_kept_layer_stays_in_float(graph: Any, ranges: dict[str, Range]) -> None:
    """A layer named by hand, or as first or last, has no integer kernel; an unknown name lists near ones."""
    kept = named_layers(graph, ["first", "last", "auto"])
    assert kept == ["stem", "logits"]
    assert computed(to_bytes(ort_int8(graph, ranges, kept))) == ("int8-fp32", {"int8": 3, "fp32": 2})
    with pytest.raises(BuildError, match="--keep-fp16 ste: the model has no such node, near it: stem"):
        named_layers(graph, ["ste"])


def test_a_model_without_products_has_nothing_to_quantize(graph: Any) -> None:
    """A graph without stored weights is refused with that reason."""
    bare = onnx.ModelProto()
    bare.CopyFrom(graph)
    del bare.graph.node[:]
    with pytest.raises(BuildError, match="nothing to quantize"):
        named_layers(bare, [])


def test_fp16_is_computed_in_fp32_on_an_x86_processor(graph: Any) -> None:
    """The precision that is recorded is read off the running graph, not off the file's name."""
    import platform

    kinds, _ = computed(to_bytes(to_fp16(graph)))
    assert kinds == "fp32" if platform.machine() == "x86_64" else kinds in ("fp16", "fp32", "fp16-fp32")


def test_layers_too_large_for_fp16_stay_in_fp32(graph: Any, ranges: dict[str, Range]) -> None:
    """A tensor beyond half of 65,504 keeps the nodes around it in float32."""
    wide = ranges | {"a.y": Range(0.0, 50_000.0)}
    assert overflowing(graph, wide) == ["a", "a.out"]
    half = to_fp16(graph, wide)
    kinds = {item.name: item.data_type for item in half.graph.initializer}
    kernels = {node.name: kinds[node.input[1]] for node in half.graph.node if node.op_type == "Conv"}
    assert kernels["a"] == onnx.TensorProto.FLOAT
    assert kernels["b"] == onnx.TensorProto.FLOAT16


def _spoil(model: Any, kind: int, value: Any) -> None:
    stored = {item.name: item for item in model.graph.initializer}
    node = next(node for node in model.graph.node if node.op_type == "QuantizeLinear")
    item = stored[node.input[kind]]
    item.CopyFrom(numpy_helper.from_array(np.full_like(numpy_helper.to_array(item), 1).astype(value), item.name))


def test_a_file_that_tensorrt_would_misread_is_not_shipped(graph: Any, ranges: dict[str, Range]) -> None:
    """uint8 or non-zero zero points, float32 scales, absent zero points and an old opset are each refused by name."""
    for kind, value, words in ((2, np.uint8, "int8 zero"), (2, np.int8, "int8 zero"), (1, np.float32, "scale is not FP16")):
        model = trt_int8(graph, ranges)
        _spoil(model, kind, value)
        with pytest.raises(BuildError, match=words):
            check_trt(model)
    model = trt_int8(graph, ranges)
    del next(node for node in model.graph.node if node.op_type == "QuantizeLinear").input[2]
    with pytest.raises(BuildError, match="no stored zero point"):
        check_trt(model)
    model = trt_int8(graph, ranges)
    model.opset_import[0].version = 17
    with pytest.raises(BuildError, match="is opset 17"):
        check_trt(model)
    with pytest.raises(BuildError, match="holds no quantized layer"):
        check_trt(graph)
    with pytest.raises(BuildError, match="holds no quantized layer"):
        check_ort(graph)
    with pytest.raises(BuildError, match="not uint8"):
        check_ort(trt_int8(graph, ranges))


def test_a_file_far_from_the_reference_is_not_shipped() -> None:
    """An error of 25 % of the answers' size or a soft disagreement of 20 % is refused, one of 5 % is told."""
    assert check_distance(Distance(50_000, 0, 250_000, 9), "int8.ort") == []
    with pytest.raises(BuildError, match=r"int8.ort: answers differ by 26 %.*--keep-fp16 auto"):
        check_distance(Distance(0, 0, 260_000, 9), "int8.ort")
    with pytest.raises(BuildError, match=r"fp16: soft disagreement with the float model is 25.0 %.*smaller constants"):
        check_distance(Distance(250_000, 0, 0, 9), "fp16")
    (said,) = check_distance(Distance(60_000, 0, 0, 9), "int8.ort")
    assert "6.0 %" in said


def test_batch_norms_are_folded_before_calibration(tmp_path: Path) -> None:
    """What is quantized has no batch norm left, and computes the same as the source."""
    source = take_in(save(mobile(size=64), tmp_path / "m.onnx"))
    graph = folded(source.data)
    assert "BatchNormalization" not in {node.op_type for node in graph.graph.node}
    assert "BatchNormalization" in {node.op_type for node in from_bytes(source.data).graph.node}

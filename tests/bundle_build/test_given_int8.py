"""Models that somebody else has quantized: taken as INT8 beside their float twin, or refused in one line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.int8 import _codes, for_ort, symmetric_int8, take_twin
from adaptd.bundle_build.model.intake import Wishes, take_in
from adaptd.bundle_build.model.make import Order, assemble
from adaptd.bundle_build.model.onnx_io import from_bytes, to_bytes
from adaptd.bundle_build.model.ranges import Range
from tests.bundle_build.nets import classifier, save


@pytest.fixture(scope="session")
def qat(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small classifier as ModelOpt would leave it: symmetric Q/DQ around every convolution, weights in float."""
    source = from_bytes(take_in(model_file).data)
    names = [item.name for item in [*source.graph.input, *source.graph.value_info, *source.graph.output]]
    model = symmetric_int8(source, {name: Range(-4.0, 4.0) for name in names})
    path = tmp_path_factory.mktemp("qat") / "tiny-int8.onnx"
    path.write_bytes(to_bytes(model))
    return path


def test_a_given_model_becomes_both_int8_files(order: Order, qat: Path) -> None:
    """Its own scales serve, its weights are stored as integers, and the reference is that of its twin."""
    built = assemble(replace(order, qdq=qat))
    assert {name.split(".", 1)[1] for name in built.files} >= {"fp32.onnx", "fp16.onnx", "int8.ort.onnx", "int8.trt.onnx"}
    given = {numpy_helper.to_array(item).tobytes() for item in onnx.load(qat).graph.initializer if item.data_type == 1}
    served = from_bytes(built.files["tiny.int8.ort.onnx"])
    scales = {node.input[1] for node in served.graph.node if node.op_type == "QuantizeLinear"}
    stored = {item.name: numpy_helper.to_array(item) for item in served.graph.initializer}
    assert scales
    assert all(stored[name].tobytes() in given for name in scales)
    assert not any(node.op_type == "QuantizeLinear" and node.input[0] in stored for node in served.graph.node)


def test_a_given_model_whose_float_part_is_fp16_is_left_out_and_named(order: Order, qat: Path, tmp_path: Path) -> None:
    """Our own TensorRT file given back with --qdq: no traceback; the bundle says why that form is missing, and what would do."""
    given = tmp_path / "tiny-int8.trt.onnx"
    given.write_bytes(assemble(replace(order, qdq=qat)).files["tiny.int8.trt.onnx"])
    built = assemble(replace(order, qdq=given))
    assert "tiny.int8.trt.onnx" not in built.files
    (said,) = [one for one in built.warnings if one.startswith("int8.trt: not built")]
    assert "cannot be converted to FP16" in said
    assert said.endswith("give the model with its float part in FP32")


def test_codes_are_what_the_operator_gives(qat: Path, model_file: Path) -> None:
    """Weights folded into integers: the same answers as the file as it came."""
    import onnxruntime as ort

    twin = take_twin(qat, Wishes(), take_in(model_file))
    entry = twin.graph.input[0].name
    batch = np.random.default_rng(0).uniform(-1, 1, take_in(model_file).input_shape).astype(np.float32)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    first, second = (
        ort.InferenceSession(to_bytes(model), options, providers=["CPUExecutionProvider"]).run(None, {entry: batch})[0]
        for model in (twin, for_ort(twin))
    )
    assert np.array_equal(first, second)
    node = helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])
    values = [np.array([0.5, 1.5, 400.0], np.float32), np.array(1.0, np.float32), np.array(0, np.int8)]
    assert _codes(node, values).tolist() == [0, 2, 127]


def test_what_is_no_twin_is_refused_in_one_line(order: Order, qat: Path, model_file: Path, tmp_path: Path) -> None:
    """A float model, one of another size, and a quantized one in the place of the float one, each with what to do."""
    with pytest.raises(BuildError, match=r"holds no QuantizeLinear, so it is no Q/DQ model; give it as MODEL.onnx"):
        assemble(replace(order, qdq=model_file))
    with pytest.raises(BuildError, match=r"is quantized already: give the float32 model .* with --qdq"):
        assemble(replace(order, model=qat))
    other = save(classifier(size=16), tmp_path / "other.onnx")
    with pytest.raises(BuildError, match=r"its input is \(1, 3, 32, 32\), that of other is \(1, 3, 16, 16\)"):
        take_twin(qat, Wishes(), take_in(other))

"""INT8 is the same model on every processor: what saturates is found, re-encoded, and the shipped file needs none of it."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from adaptd.engine.base import EngineSpec, probe_batch
from adaptd.engine.onnx_parts import take_apart
from adaptd.engine.ort import OrtEngine
from adaptd.engine.pairs import restored, rows_of, worst_pair
from adaptd.engine.saturation import reencoded, unsafe_layers
from tests.conftest import ROOT
from tests.engine.every_cpu import QEMU, answer, emulated

SHIPPED = ROOT / "engines" / "pet-bowl"


def full_range(*, raw: bool = True) -> bytes:
    """A quantized convolution as other tools make it: full 8-bit weights, all positive, so that pairs saturate."""
    weights = np.full((4, 4, 3, 3), 127, np.int8)
    stored = {"xs": 0.01, "ws": 0.002, "ys": 0.5}
    constants = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in stored.items()]
    zeros = {"xz": np.uint8, "wz": np.int8, "yz": np.uint8}
    constants += [numpy_helper.from_array(np.array(0, kind), name) for name, kind in zeros.items()]
    kernel = numpy_helper.from_array(weights, "w")
    if not raw:
        kernel = helper.make_tensor("w", TensorProto.INT8, weights.shape, weights.reshape(-1).tolist())
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"]),
        helper.make_node("Conv", ["xd", "wd"], ["c"], name="conv"),
        helper.make_node("QuantizeLinear", ["c", "ys", "yz"], ["cq"]),
        helper.make_node("DequantizeLinear", ["cq", "ys", "yz"], ["y"]),
    ]
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 8, 8])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 6, 6])
    graph = helper.make_graph(nodes, "other", [entry], [out], [*constants, kernel])
    data: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    return data


@pytest.mark.parametrize("raw", [True, False])
def test_a_file_of_others_is_found_and_re_encoded_without_another_number(raw: bool) -> None:
    """The layer is named; re-encoded, the graph is valid, has none left, and dequantizes to the very same weights."""
    data = full_range(raw=raw)
    assert unsafe_layers(data) == ("conv",)
    other = reencoded(data)
    assert unsafe_layers(other) == ()
    assert reencoded(other) == other
    model = onnx.ModelProto.FromString(other)
    onnx.checker.check_model(model, full_check=True)
    stored = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    assert (stored["w"].astype(int) - 128 == 127).all()


def test_here_both_encodings_answer_alike() -> None:
    """Where nothing saturates both encodings give the same bytes; where something does, loading has chosen the exact one."""
    spec, batch = EngineSpec("m", "", (1, 4, 8, 8), (1, 4, 6, 6)), np.abs(probe_batch((1, 4, 8, 8))) * 2.5
    with OrtEngine(spec, full_range(), threads=1) as first, OrtEngine(spec, reencoded(full_range()), threads=1) as second:
        assert first.infer(batch).tobytes() == second.infer(batch).tobytes()


def test_taking_a_model_apart_loses_nothing() -> None:
    """The shipped file, taken apart and put together again, is the same model."""
    data = (SHIPPED / "pet-bowl.int8.ort.onnx").read_bytes()
    assert onnx.ModelProto.FromString(take_apart(data).to_bytes()) == onnx.ModelProto.FromString(data)


def test_the_shipped_int8_saturates_nowhere() -> None:
    """No pair of its weights can, by arithmetic."""
    assert unsafe_layers((SHIPPED / "pet-bowl.int8.ort.onnx").read_bytes()) == ()


def test_a_pair_counts_in_the_order_of_the_kernel() -> None:
    """Two large weights saturate as neighbours along the channels, not two rows apart; an odd channel count pairs both ways."""
    weights = np.zeros((1, 3, 1, 2), np.int8)
    weights[0, 2, 0, 0] = weights[0, 0, 0, 1] = 100  # last channel of one place, first of the next
    rows, channels = rows_of(weights, "Conv")
    assert worst_pair(rows.astype(np.int8), channels).tolist() == [200]
    assert np.array_equal(restored(rows, weights.shape, "Conv"), weights)
    apart = np.array([[100, 0, 100, 0]], np.int8)
    assert worst_pair(apart).tolist() == [100]


@pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed (Debian: qemu-user-static)")
def test_int8_answers_the_same_bytes_on_a_processor_without_vnni(tmp_path: Path) -> None:
    """An emulated Haswell saturates, and yet both the shipped INT8 and a full-range file of others answer as here."""
    other = tmp_path / "other.int8.onnx"
    other.write_bytes(full_range())
    files = [SHIPPED / "pet-bowl.int8.ort.onnx", other]
    there = emulated("Haswell", files)
    assert all(line["saturates"] for line in there)
    assert [line["digest"] for line in there] == [answer(path)["digest"] for path in files]

"""TensorRT's own chatter while a plan is built, and what this project does so that there is less of it."""

import logging

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from adaptd.bundle_build.model.onnx_io import from_bytes
from adaptd.bundle_build.model.plans import weak_graph
from adaptd.bundle_build.model.trt_lines import LOGGER, MOST_OTHERS, explained, gathered


def test_lines_are_kept_from_the_terminal_and_told_once_with_their_meaning(caplog: pytest.LogCaptureFixture) -> None:
    """Nineteen clipped weights are one line; what nobody knows is shown as it is, bounded."""
    with gathered() as lines:
        for _ in range(19):
            logging.getLogger(f"{LOGGER}.tensorrt").warning("Detected values outside of int8_t range, clipped")
        logging.getLogger(f"{LOGGER}.tensorrt").error("myelinGraph: the timing cache will not be used!")
        for at in range(MOST_OTHERS + 2):
            logging.getLogger(LOGGER).warning("something new %d", at)
    assert caplog.records == []
    told = explained(lines)
    assert sum("clipped" in line for line in told) == 1
    assert "(19 lines)" in told[0]
    assert any("measured times of an earlier build were not used" in line for line in told)
    assert sum("something new" in line for line in told) == MOST_OTHERS
    assert told[-1] == "TensorRT said 2 more lines"
    logging.getLogger(LOGGER).warning("heard again")
    assert len(caplog.records) == 1


def test_no_stored_weight_passes_its_range_in_the_graph_for_older_parsers() -> None:
    """A scale that FP16 rounded down puts the largest weight at 127.06 steps, which TensorRT 8.6 clips and says so."""
    weights = np.array([[0.36, -0.1], [0.2932, 0.1]], np.float16)
    scales = (np.abs(weights.astype(np.float64)).max(1) / 127 * (1 - 4e-4)).astype(np.float16)
    assert (np.abs(weights.astype(np.float64)).max(1) / scales.astype(np.float64) > 127).any()
    graph = helper.make_graph(
        [
            helper.make_node("QuantizeLinear", ["w", "s", "z"], ["q"], axis=0),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], axis=0),
            helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
            helper.make_node("MatMul", ["h", "d"], ["m"]),
            helper.make_node("Cast", ["m"], ["y"], to=TensorProto.FLOAT),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(scales, "s"),
            numpy_helper.from_array(np.zeros(2, np.int8), "z"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    kept = {
        item.name: numpy_helper.to_array(item) for item in from_bytes(weak_graph(model.SerializeToString())).graph.initializer
    }
    steps = np.abs(kept["w"].astype(np.float64)).max(1) / kept["s"].astype(np.float64)
    assert kept["s"].dtype == np.float32
    assert (steps <= 127).all()
    assert (steps > 126.9).all()

"""Tiny models and bundles that the tests of this room share; made with the onnx package, so nothing here is a mock."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from adaptd.config.manifest import seal

INPUT = (1, 3, 8, 8)
OUTPUT = (1, 5)


def classifier(seed: int = 0, *, bias: float = 0.0, opset: int = 17) -> bytes:
    """Mean over the picture, one linear layer, five logits: the smallest classifier that a runtime accepts."""
    rng = np.random.default_rng(seed)
    weights = numpy_helper.from_array(rng.normal(size=(3, 5)).astype(np.float32), "weights")
    offset = numpy_helper.from_array(np.full(5, bias, np.float32), "offset")
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "offset"], ["logits"]),
    ]
    return _model(nodes, [weights, offset], opset)


def division_by_first_pixel() -> bytes:
    """Finite on the warm-up's input, infinite where the first pixel of a frame is zero."""
    start = numpy_helper.from_array(np.array([0, 0, 0, 0], np.int64), "start")
    stop = numpy_helper.from_array(np.array([1, 1, 1, 1], np.int64), "stop")
    ones = numpy_helper.from_array(np.ones(OUTPUT, np.float32), "ones")
    flat = numpy_helper.from_array(np.array([1, 1], np.int64), "flat")
    nodes = [
        helper.make_node("Slice", ["picture", "start", "stop"], ["corner"]),
        helper.make_node("Reshape", ["corner", "flat"], ["pixel"]),
        helper.make_node("Div", ["ones", "pixel"], ["logits"]),
    ]
    return _model(nodes, [start, stop, ones, flat], 17)


def greedy() -> bytes:
    """A small file that asks for four tebibytes when it runs."""
    sizes = {"huge_size": [1 << 40], "one": [1], "shape": list(OUTPUT)}
    constants = [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in sizes.items()]
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "one"], ["flat"]),
        helper.make_node("Expand", ["flat", "huge_size"], ["huge"]),
        helper.make_node("ReduceMax", ["huge"], ["top"], keepdims=0),
        helper.make_node("Reshape", ["top", "one"], ["single"]),
        helper.make_node("Expand", ["single", "shape"], ["logits"]),
    ]
    return _model(nodes, constants, 17)


def _model(nodes: list[Any], constants: list[Any], opset: int) -> bytes:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, INPUT)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, OUTPUT)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def qualification(**changes: Any) -> dict[str, Any]:
    """A plausible qualification of one variant in one band."""
    band = {
        "n": 3000,
        "score_ppm": 910_000,
        "disagreed": 4,
        "disagreement_bound_ppm": 3_300,
        "latency_p50_us": 900,
        "latency_p90_us": 950,
        "latency_p99_us": 1_200,
    }
    return {
        "device": "test bench",
        "bands": {"bright": band},
        "energy_marginal_uj": 9_000,
        "energy_saturated_uj": 20_000,
        "energy_method": "estimated",
        "idle_power_mw": 5_000,
        "warm_memory_mb": 1,
        "no_gain": {"flag": False, "why": ""},
    } | changes


def plain_manifest(files: dict[str, bytes], variants: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The manifest of a bundle of ``files``, before it is sealed."""
    listed = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    return {
        "schema": 1,
        "model": "tiny",
        "task": "classification",
        "classes": ["a", "b", "c", "d", "e"],
        "reference": "fp16",
        "input_shape": list(INPUT),
        "output_shape": list(OUTPUT),
        "preprocessing": {
            "size": [8, 8],
            "divisor": 255,
            "mean_ppm": [485_000, 456_000, 406_000],
            "std_ppm": [229_000, 224_000, 225_000],
            "colour_order": "rgb",
        },
        "files": listed,
        "variants": variants,
    } | changes


def write_bundle(folder: Path, **changes: Any) -> Path:
    """A whole bundle with two variants on ONNX Runtime, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"tiny.fp16.onnx": classifier(), "tiny.int8.onnx": classifier(bias=0.01)}
    entries = {
        name: {"file": file, "precision_computed": precision, "qualification": qualification()}
        for name, file, precision in (("fp16", "tiny.fp16.onnx", "fp32"), ("int8", "tiny.int8.onnx", "int8"))
    }
    variants = {name: {"ort": entry, "stub": entry} for name, entry in entries.items()}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "manifest.json").write_bytes(seal(plain_manifest(files, variants, **changes)))
    return folder

"""Two INT8 files from one calibration, since one cannot serve both back ends.

``ort``: unsigned 8-bit activations, signed weights per channel, all operators that x86 kernels fuse; what comes after the
last weights stays float: 8-bit scores tie. ``trt``: symmetric signed 8-bit with zero point 0 before convolutions and products
only, biases float, the float part FP16, opset 19. Placement after onnx-tensorrt's parser rules (onnxOpImporters.cpp at 10.1)
and ModelOpt's output for residual networks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.fp16 import to_fp16
from adaptd.bundle_build.model.graphs import WEIGHTED, array, attribute, has_stored_weights, store, stored_in
from adaptd.bundle_build.model.intake import SourceModel, Wishes, take_in
from adaptd.bundle_build.model.onnx_io import check, clone, from_bytes, import_onnx, keep_standard_domain, opset, quiet, refill
from adaptd.bundle_build.model.portable import make_portable
from adaptd.bundle_build.model.ranges import Range
from adaptd.bundle_build.model.rewrites import products_in_full, tail

ORT_OPS = (
    *WEIGHTED, "Add", "Mul", "Sigmoid", "Relu", "Clip", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool",
    "Concat", "Resize", "Pad", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten",
)  # fmt: skip
FLOAT_RESULTS = ("Gemm", "MatMul")
TRT_OPSET = 19


def weighted_nodes(model: Any) -> list[str]:
    """The names of the nodes that multiply by stored weights, in the order they run: what may be quantized or kept in float."""
    stored = stored_in(model)
    return [node.name for node in model.graph.node if has_stored_weights(node, stored)]


def ort_int8(model: Any, ranges: Mapping[str, Range], keep: Sequence[str] = ()) -> Any:
    """The file for ONNX Runtime. ``keep`` names the nodes that stay in float, beside all that come after the last weights.

    Its integers give the same bytes on every processor: see ``portable``.
    """
    options = {"OpTypesToExcludeOutputQuantization": list(FLOAT_RESULTS)}
    graph = _quantized(model, ranges, [*keep, *tail(model)], ORT_OPS, signed=False, options=options)
    make_portable(graph, model)
    return graph


def symmetric_int8(model: Any, ranges: Mapping[str, Range], keep: Sequence[str] = ()) -> Any:
    """The graph for TensorRT while its float part is still float32."""
    model = products_in_full(model)
    names = weighted_nodes(model)
    unweighted = [node.name for node in model.graph.node if node.op_type in WEIGHTED and node.name not in names]
    options = {
        "ActivationSymmetric": True,
        "WeightSymmetric": True,
        "AddQDQPairToWeight": True,
        "QuantizeBias": False,
        "OpTypesToExcludeOutputQuantization": list(WEIGHTED),
    }
    return _quantized(model, ranges, [*keep, *unweighted], WEIGHTED, signed=True, options=options)


def trt_int8(model: Any, ranges: Mapping[str, Range], keep: Sequence[str] = ()) -> Any:
    """The file for TensorRT: opset 19 or later, everything outside Q/DQ in FP16, float32 input and output. Raises BuildError."""
    return for_trt(symmetric_int8(model, ranges, keep), ranges)


def named_layers(model: Any, wishes: Sequence[str]) -> list[str]:
    """The nodes to keep in float: names as given, ``first`` and ``last`` for the outer weighted layers. Raises BuildError."""
    layers = weighted_nodes(model)
    every = {node.name for node in model.graph.node}
    if not layers:
        raise BuildError("the model has no convolution or matrix product with stored weights, there is nothing to quantize")
    short = {"first": layers[0], "last": layers[-1]}
    kept = [short.get(wish, wish) for wish in wishes if wish != "auto"]
    for name in kept:
        if name not in every:
            near = ", ".join(layer for layer in layers if name.lower() in layer.lower()) or ", ".join(layers[:6])
            raise BuildError(f"--keep-fp16 {name}: the model has no such node, near it: {near[:200]}")
    return list(dict.fromkeys(kept))


def _quantized(
    model: Any, ranges: Mapping[str, Range], keep: Sequence[str], ops: Sequence[str], *, signed: bool, options: dict[str, Any]
) -> Any:
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import QuantType

    spans = {name: TensorData(lowest=np.float32(span.low), highest=np.float32(span.high)) for name, span in ranges.items()}
    with quiet():
        quantizer = QDQQuantizer(
            clone(model),
            True,  # per channel
            False,  # full 8 bits; what would saturate is rounded anew afterwards
            QuantType.QInt8,
            QuantType.QInt8 if signed else QuantType.QUInt8,
            TensorsData(CalibrationMethod.MinMax, spans),
            [],
            list(keep),
            list(ops),
            options,
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
    graph = quantizer.model.model
    keep_standard_domain(graph)
    graph.producer_name, graph.producer_version = "adaptd", ""
    return graph


def take_twin(path: Path, wishes: Wishes, source: SourceModel) -> Any:
    """The model at ``path`` that was quantized elsewhere (QAT, ModelOpt), checked as any other, of the shapes of its float twin.

    Nothing of it is calibrated anew. Its weights are stored as the integers that they are, so that it is seen where a processor
    would saturate; whether it answers like its twin is measured as of any other file.

    Raises:
        BuildError: one line: what is wrong with the file, or why it is no twin of ``source``.
    """
    twin = take_in(path, replace(wishes, quantized=True, name=None))
    for what, own, other in (
        ("input", twin.input_shape, source.input_shape),
        ("output", twin.output_shape, source.output_shape),
    ):
        if own != other:
            raise BuildError(f"{path.name}: its {what} is {own}, that of {source.name} is {other}; give its own twin")
    return from_bytes(twin.data)


def for_ort(twin: Any) -> Any:
    """The file for ONNX Runtime: weights stored as integers."""
    model = clone(twin)
    stored, kept = stored_in(model), []
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and all(name in stored for name in node.input):
            store(model, node.output[0], _codes(node, [array(stored[name]) for name in node.input]))
        else:
            kept.append(node)
    refill(model.graph.node, kept)
    check(model)
    return model


def for_trt(quantized: Any, ranges: Mapping[str, Range]) -> Any:
    """The file for TensorRT: opset 19 or later, the float part FP16. Raises BuildError where no such form exists."""
    graph = clone(quantized)
    if opset(graph) < TRT_OPSET:
        try:
            graph = import_onnx().version_converter.convert_version(graph, TRT_OPSET)
        except (RuntimeError, ValueError, IndexError) as error:
            raise BuildError(f"opset {TRT_OPSET} cannot be reached ({str(error)[:160]}); export the model with it") from None
    return to_fp16(graph, ranges)


def _codes(node: Any, values: list[Any]) -> Any:
    """What QuantizeLinear gives: round half to even of value / scale, plus the zero point, within its type's limits."""
    value, scale = values[0].astype(np.float64), values[1].astype(np.float64)
    zero = values[2] if len(values) > 2 else np.zeros(scale.shape, np.uint8)
    shape = [1] * value.ndim
    if scale.size > 1:
        shape[attribute(node, "axis", 1) % value.ndim] = scale.size
    limits = np.iinfo(zero.dtype)
    codes = np.rint(value / scale.reshape(shape)) + zero.astype(np.int64).reshape(shape)
    return codes.clip(limits.min, limits.max).astype(zero.dtype)

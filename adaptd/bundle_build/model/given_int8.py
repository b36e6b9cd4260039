"""An INT8 model that was trained or quantized elsewhere (QAT, ModelOpt) becomes the INT8 variant beside its float twin.

Nothing of it is calibrated anew. Its weights are stored as the integers that they are, so that it is seen where a processor would
saturate; whether it answers like its twin is measured as of any other file.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.fp16 import to_fp16
from adaptd.bundle_build.model.int8 import TRT_OPSET
from adaptd.bundle_build.model.intake import SourceModel, Wishes, take_in
from adaptd.bundle_build.model.onnx_io import check, clone, from_bytes, import_onnx, opset
from adaptd.bundle_build.model.ranges import Range


def take_twin(path: Path, wishes: Wishes, source: SourceModel) -> Any:
    """The quantized model at ``path``, checked and made static as any other, of the same shapes as its float twin.

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
    onnx = import_onnx()
    stored = {item.name: item for item in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and all(name in stored for name in node.input):
            codes = _codes(node, [onnx.numpy_helper.to_array(stored[name]) for name in node.input])
            model.graph.initializer.append(onnx.numpy_helper.from_array(codes, node.output[0]))
        else:
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    check(model)
    return model


def for_trt(twin: Any, ranges: Mapping[str, Range]) -> Any:
    """The file for TensorRT: opset 19 or later, the float part FP16. Raises BuildError where no such form exists."""
    graph = clone(twin)
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
    axis = next((item.i for item in node.attribute if item.name == "axis"), 1)
    if scale.size > 1:
        shape = [1] * value.ndim
        shape[axis % value.ndim] = scale.size
        scale, wide = scale.reshape(shape), zero.astype(np.int64).reshape(shape)
    else:
        scale, wide = scale.reshape(()), zero.astype(np.int64).reshape(())
    limits = np.iinfo(zero.dtype)
    return (np.rint(value / scale) + wide).clip(limits.min, limits.max).astype(zero.dtype)

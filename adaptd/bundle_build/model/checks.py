"""What must hold of an INT8 file before it is shipped; a file that fails is not written."""

from typing import Any

import numpy as np

from adaptd.bundle_build.errors import BuildError
from adaptd.bundle_build.model.int8 import TRT_OPSET
from adaptd.bundle_build.model.onnx_io import import_onnx, opset

LARGEST_ERROR_PPM = 250_000


def check_trt(model: Any) -> None:
    """Every zero point is int8 and zero, biases and scales FP16, opset 19 or later, the checker content. Raises BuildError."""
    onnx = import_onnx()
    stored = {item.name: item for item in model.graph.initializer}
    pairs = [node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    if not pairs:
        raise BuildError("the TensorRT file holds no quantized layer; keep fewer layers in FP16")
    for node in pairs:
        if len(node.input) < 3 or node.input[2] not in stored:
            raise BuildError(f"{node.name}: has no stored zero point; TensorRT would take it for uint8")
        zero, scale = stored[node.input[2]], stored[node.input[1]]
        if zero.data_type != onnx.TensorProto.INT8 or np.any(onnx.numpy_helper.to_array(zero)):
            raise BuildError(f"{node.name}: zero point is not int8 zero; TensorRT misreads or refuses it")
        if scale.data_type != onnx.TensorProto.FLOAT16:
            raise BuildError(f"{node.name}: scale is not FP16; the engine would compute in FP32 around it")
    _check_biases(model, stored)
    if opset(model) < TRT_OPSET:
        raise BuildError(f"the TensorRT file is opset {opset(model)}; FP16 scales need {TRT_OPSET}")
    onnx.checker.check_model(model, full_check=True)


def check_ort(model: Any) -> None:
    """Activations are uint8, weights int8 with zero point 0, the checker content. Raises BuildError."""
    onnx = import_onnx()
    stored = {item.name: item for item in model.graph.initializer}
    pairs = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    if not pairs:
        raise BuildError("the ONNX Runtime file holds no quantized layer; keep fewer layers in FP16")
    for node in pairs:
        if stored[node.input[2]].data_type != onnx.TensorProto.UINT8:
            raise BuildError(f"{node.name}: activations are not uint8; x86 kernels would be slow")
    onnx.checker.check_model(model, full_check=True)


def check_error(error_ppm: int, what: str) -> None:
    """Refuse a file so far from the reference that the graph, not the rounding, must be wrong. Raises BuildError."""
    if error_ppm > LARGEST_ERROR_PPM:
        share = error_ppm / 10_000
        raise BuildError(
            f"{what}: answers differ by {share:.0f} % of their size, at most {LARGEST_ERROR_PPM // 10_000} % is shipped; "
            "try --keep-fp16 auto, --method percentile, or more calibration pictures"
        )


def _check_biases(model: Any, stored: dict[str, Any]) -> None:
    half = import_onnx().TensorProto.FLOAT16
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose", "Gemm") and len(node.input) > 2:
            bias = stored.get(node.input[2])
            if bias is not None and bias.data_type != half:
                raise BuildError(f"{node.name}: bias is not FP16; TensorRT would not fuse it")

"""What must hold of an INT8 file before it is shipped; a file that fails is not written."""

from typing import Any

import numpy as np

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.graphs import array, stored_in
from adaptd.bundle_build.model.int8 import TRT_OPSET
from adaptd.bundle_build.model.onnx_io import check, import_onnx, opset, to_bytes
from adaptd.bundle_build.qualify.judge import Distance
from adaptd.engine.saturation import unsafe_layers

LARGEST_ERROR_PPM = 250_000
ADVICE = {"fp16": "the model's numbers do not fit FP16, export it with smaller constants and activations"}
LARGEST_SOFT_PPM = 200_000
LOUD_SOFT_PPM = 50_000


def check_trt(model: Any) -> None:
    """Every zero point is int8 and zero, biases and scales FP16, opset 19 or later, the checker content. Raises BuildError."""
    kinds, stored = import_onnx().TensorProto, stored_in(model)
    pairs = [node for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    if not pairs:
        raise BuildError("the TensorRT file holds no quantized layer; keep fewer layers in FP16")
    for node in pairs:
        if len(node.input) < 3 or node.input[2] not in stored:
            raise BuildError(f"{node.name}: has no stored zero point; TensorRT would take it for uint8")
        zero, scale = stored[node.input[2]], stored[node.input[1]]
        if zero.data_type != kinds.INT8 or np.any(array(zero)):
            raise BuildError(f"{node.name}: zero point is not int8 zero; TensorRT misreads or refuses it")
        if scale.data_type != kinds.FLOAT16:
            raise BuildError(f"{node.name}: scale is not FP16; the engine would compute in FP32 around it")
    for node in model.graph.node:
        bias = stored.get(node.input[2]) if node.op_type in ("Conv", "ConvTranspose", "Gemm") and len(node.input) > 2 else None
        if bias is not None and bias.data_type != kinds.FLOAT16:
            raise BuildError(f"{node.name}: bias is not FP16; TensorRT would not fuse it")
    if opset(model) < TRT_OPSET:
        raise BuildError(f"the TensorRT file is opset {opset(model)}; FP16 scales need {TRT_OPSET}")
    check(model)


def check_ort(model: Any) -> None:
    """Activations are uint8, weights int8 with zero point 0 that no processor saturates on, the checker content.

    Raises:
        BuildError: one line.
    """
    stored = stored_in(model)
    pairs = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    if not pairs:
        raise BuildError("the ONNX Runtime file holds no quantized layer; keep fewer layers in FP16")
    for node in pairs:
        if stored[node.input[2]].data_type != import_onnx().TensorProto.UINT8:
            raise BuildError(f"{node.name}: activations are not uint8; x86 kernels would be slow")
    unsafe = unsafe_layers(to_bytes(model))
    if unsafe:
        raise BuildError(f"{unsafe[0]}: its 8-bit weights would saturate on processors without VNNI; keep it with --keep-fp16")
    check(model)


def check_distance(distance: Distance, what: str) -> list[str]:
    """Refuse a file that is useless for the task, warn of one that is far off. Raises BuildError.

    An error of a quarter of the answers' size says that the graph is wrong, not the rounding; a soft disagreement of a fifth,
    that the file answers another question.
    """
    error, soft = distance.error_ppm, distance.soft_ppm
    advice = ADVICE.get(what, "try --keep-fp16 auto, --method percentile, or more calibration pictures")
    if error > LARGEST_ERROR_PPM:
        share, most = error / 10_000, LARGEST_ERROR_PPM // 10_000
        raise BuildError(f"{what}: answers differ by {share:.0f} % of their size, at most {most} % is shipped; {advice}")
    if soft > LARGEST_SOFT_PPM:
        share, most = soft / 10_000, LARGEST_SOFT_PPM // 10_000
        raise BuildError(
            f"{what}: soft disagreement with the float model is {share:.1f} %, at most {most} % is shipped; {advice}"
        )
    if soft > LOUD_SOFT_PPM:
        return [f"{what}: soft disagreement with the float model is {soft / 10_000:.1f} %: it may never be admitted; {advice}"]
    return []

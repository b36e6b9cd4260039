"""What a model file really does: the precision computed, read off the graph as the runtime rewrote it, and how many operations.

FP16 on an x86 CPU is the case in point: the runtime inserts casts and computes in float32.
"""

from collections import Counter
from math import prod
from typing import Any

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.floats import optimised
from adaptd.bundle_build.model.graphs import WEIGHTED, attribute
from adaptd.bundle_build.model.onnx_io import from_bytes, import_onnx, inferred

INTEGER = (
    "QLinearConv", "QGemm", "QLinearMatMul", "MatMulInteger", "MatMulIntegerToFloat", "ConvInteger", "QLinearConvTranspose",
)  # fmt: skip
FLOAT = ("Conv", "FusedConv", "NhwcFusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul")


def computed(model: bytes) -> tuple[str, Counter[str]]:
    """``int8``, ``fp16``, ``fp32`` or a mixture (``int8-fp32``), and how many convolutions and products run in each."""
    graph = optimised(model).graph
    counts = Counter(kind for node in graph.node if (kind := _kind(graph, node)))
    order = [kind for kind in ("int8", "fp16", "fp32") if counts[kind]]
    return "-".join(order) or "fp32", counts


def _kind(graph: Any, node: Any) -> str | None:
    if node.op_type in INTEGER:
        return "int8"
    if node.op_type not in FLOAT:
        return None
    kinds = import_onnx().TensorProto
    half = {item.name for item in graph.initializer if item.data_type == kinds.FLOAT16}
    return "fp16" if half.intersection(node.input[1:2]) else "fp32"


def operations(data: bytes) -> int | None:
    """Operations of one inference, None where the shapes do not tell.

    A convolution: 2 x values of its output x kernel x channels it reads; a product: 2 x values of its output x the inner side.
    """
    try:
        model = inferred(from_bytes(data))
    except BuildError:
        return None
    shapes = {item.name: tuple(item.dims) for item in model.graph.initializer}
    for item in (*model.graph.value_info, *model.graph.output):
        shapes[item.name] = tuple(axis.dim_value for axis in item.type.tensor_type.shape.dim)
    counted = [_of(node, shapes) for node in model.graph.node if node.op_type in WEIGHTED]
    return None if None in counted else sum(count for count in counted if count is not None)


def _of(node: Any, shapes: dict[str, tuple[int, ...]]) -> int | None:
    weight, answer = shapes.get(node.input[1]), shapes.get(node.output[0])
    if not answer or 0 in answer:
        return None
    if weight is None:
        return 0 if node.op_type == "MatMul" else None  # two activations: attention, not weights
    if node.op_type == "Conv":
        return 2 * prod(answer) * prod(weight[1:])
    if node.op_type == "ConvTranspose":
        return 2 * prod(answer) * weight[0] * prod(weight[2:]) // int(prod(attribute(node, "strides", [1])))
    return 2 * prod(answer) * (weight[-1] if attribute(node, "transB", 0) else weight[-2] if len(weight) > 1 else weight[0])

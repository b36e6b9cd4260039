"""How much a network computes: two operations for each product that a layer with stored weights adds up."""

from math import prod
from typing import Any

from adaptd.bundle_build.errors import BuildError
from adaptd.bundle_build.model.onnx_io import from_bytes, inferred


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
    counted = [_of(node, shapes) for node in model.graph.node if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul")]
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
        return 2 * prod(answer) * weight[0] * prod(weight[2:]) // _strides(node)
    turned = any(item.name == "transB" and item.i for item in node.attribute)
    return 2 * prod(answer) * (weight[-1] if turned else weight[-2] if len(weight) > 1 else weight[0])


def _strides(node: Any) -> int:
    return prod(next((list(item.ints) for item in node.attribute if item.name == "strides"), [1]))

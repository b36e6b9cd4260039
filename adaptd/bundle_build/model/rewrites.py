"""Other words for the same function, where one back end has no integer kernel or no parser for the first."""

from typing import Any

import numpy as np

from adaptd.bundle_build.model.graphs import array, attribute, has_stored_weights, store, stored_in
from adaptd.bundle_build.model.onnx_io import clone, import_onnx, inferred, refill

OPSET = 17
REDUCTIONS = (
    "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
    "ReduceSumSquare",
)  # fmt: skip
NEW_ATTRIBUTES = {
    "Split": ("num_outputs",),
    "Cast": ("saturate", "round_mode"),
    "QuantizeLinear": ("saturate", "block_size", "output_dtype", "precision"),
    "DequantizeLinear": ("block_size", "output_dtype"),
    "Resize": ("antialias", "axes", "keep_aspect_ratio_policy"),
    "AveragePool": ("dilations",),
}


def tail(model: Any) -> list[str]:
    """The nodes after the last weighted layer: from none of them can a convolution or product with stored weights be reached.

    They stay in float: a detector's export ends in one tensor of pixels and shares, and one 8-bit scale cannot hold both.
    """
    stored = stored_in(model)
    wanted: set[str] = set()
    names = []
    for node in reversed(model.graph.node):
        if has_stored_weights(node, stored) or wanted & set(node.output):
            wanted |= set(node.input)
        else:
            names.append(node.name)
    return names


def without_hardswish(model: Any) -> Any:
    """HardSwish as Add, Clip and two Mul, which have integer kernels: x * clip(x + 3, 0, 6) / 6. Tensor names stay."""
    if not any(node.op_type in ("HardSwish", "HardSigmoid") for node in model.graph.node):
        return model
    copy = clone(model)
    refill(copy.graph.node, [one for node in copy.graph.node for one in (_spelt_out(node, copy) if _is_usual(node) else [node])])
    return inferred(copy)


def _is_usual(node: Any) -> bool:
    """HardSwish, or HardSigmoid with a slope of 1/6 as torch exports it."""
    usual = bool(abs(attribute(node, "alpha", 0.2) - 1 / 6) < 1e-6 and attribute(node, "beta", 0.5) == 0.5)
    return node.op_type == "HardSwish" or (node.op_type == "HardSigmoid" and usual)


def _spelt_out(node: Any, model: Any) -> list[Any]:
    make, name = import_onnx().helper.make_node, node.output[0]
    three, zero, six, sixth = (
        _constant(model, f"adaptd.hard.{word}", value)
        for word, value in (("three", 3.0), ("zero", 0.0), ("six", 6.0), ("sixth", 1 / 6))
    )
    plus, gate = f"{name}.plus", f"{name}.gate"
    first = [
        make("Add", [node.input[0], three], [plus], name=f"{name}.add"),
        make("Clip", [plus, zero, six], [gate], name=f"{name}.clip"),
    ]
    if node.op_type == "HardSigmoid":
        return [*first, make("Mul", [gate, sixth], [node.output[0]], name=name)]
    product = f"{name}.product"
    return [
        *first,
        make("Mul", [node.input[0], gate], [product], name=f"{name}.mul"),
        make("Mul", [product, sixth], [node.output[0]], name=name),
    ]


def _constant(model: Any, name: str, value: float) -> str:
    return name if name in stored_in(model) else store(model, name, np.array(value, np.float32))


def products_in_full(model: Any) -> Any:
    """Gemm over more than two axes, or between two reshapes as ONNX Runtime folds it, as MatMul and Add: what parsers take."""
    copy = clone(model)
    stored = stored_in(copy)
    known = {item.name: len(item.type.tensor_type.shape.dim) for item in [*copy.graph.value_info, *copy.graph.input]}
    maker = {name: node for node in copy.graph.node for name in node.output}
    takers: dict[str, list[Any]] = {}
    for node in copy.graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    swaps: dict[str, list[Any]] = {}
    for node in copy.graph.node:
        if node.op_type != "Gemm" or not _plain(node, stored):
            continue
        before, after = maker.get(node.input[0]), takers.get(node.output[0], [])
        folded = before is not None and before.name.startswith("gemm_input_reshape") and len(after) == 1
        if before is not None and folded and after[0].op_type == "Reshape" and len(takers[before.output[0]]) == 1:
            swaps[before.name] = []
            swaps[after[0].name] = []
            swaps[node.name] = _product(copy, node, before.input[0], after[0].output[0], stored)
        elif known.get(node.input[0], 2) != 2:
            swaps[node.name] = _product(copy, node, node.input[0], node.output[0], stored)
    if not swaps:
        return model
    refill(copy.graph.node, [one for node in copy.graph.node for one in swaps.get(node.name, [node])])
    return inferred(copy)


def _plain(node: Any, stored: dict[str, Any]) -> bool:
    scaled = any(attribute(node, name, 1.0) != 1.0 for name in ("alpha", "beta"))
    return not scaled and not attribute(node, "transA", 0) and node.input[1] in stored


def _product(model: Any, node: Any, entry: str, answer: str, stored: dict[str, Any]) -> list[Any]:
    make, weight = import_onnx().helper.make_node, node.input[1]
    if attribute(node, "transB", 0):
        weight = store(model, f"{weight}.turned", np.ascontiguousarray(array(stored[weight]).T))
    if len(node.input) < 3 or not node.input[2]:
        return [make("MatMul", [entry, weight], [answer], name=node.name)]
    plain = f"{node.name}.product"
    return [
        make("MatMul", [entry, weight], [plain], name=node.name),
        make("Add", [plain, node.input[2]], [answer], name=f"{node.name}.bias"),
    ]


def to_opset17(model: Any) -> None:
    """Put a graph of opset 18 to 21, in place, into the words of opset 17: before TensorRT 10 its parser reads scales in float32
    only there. Axes of reductions were attributes, and some attributes did not exist.

    Raises:
        ValueError: axes that are worked out while running have no older form.
    """
    stored = stored_in(model)
    for node in model.graph.node:
        new = NEW_ATTRIBUTES.get(node.op_type, ())
        if node.op_type in REDUCTIONS and len(node.input) > 1:
            new = ("noop_with_empty_axes",)
            if node.input[1] and node.input[1] not in stored:
                raise ValueError(f"{node.op_type} {node.name}: its axes are no constant")
            if node.input[1]:
                axes = array(stored[node.input[1]]).reshape(-1).tolist()
                node.attribute.append(import_onnx().helper.make_attribute("axes", axes))
            del node.input[1:]
        if node.op_type == "Pad" and len(node.input) > 3:
            raise ValueError(f"Pad {node.name}: pads some axes only, which opset {OPSET} cannot say")
        refill(node.attribute, [item for item in node.attribute if item.name not in new])
    for item in model.opset_import:
        item.version = OPSET

"""Other words for the same function, where one back end has no integer kernel or no parser for the first."""

from typing import Any

import numpy as np

from adaptd.bundle_build.model.onnx_io import clone, import_onnx, inferred

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
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
    stored = {item.name for item in model.graph.initializer}
    wanted: set[str] = set()
    names = []
    for node in reversed(model.graph.node):
        weighted = node.op_type in WEIGHTED and len(node.input) > 1 and node.input[1] in stored
        if weighted or wanted & set(node.output):
            wanted |= set(node.input)
        else:
            names.append(node.name)
    return names


def without_hardswish(model: Any) -> Any:
    """HardSwish as Add, Clip and two Mul, which have integer kernels: x * clip(x + 3, 0, 6) / 6. Tensor names stay."""
    if not any(node.op_type in ("HardSwish", "HardSigmoid") for node in model.graph.node):
        return model
    copy = clone(model)
    nodes = list(copy.graph.node)
    del copy.graph.node[:]
    for node in nodes:
        copy.graph.node.extend(_spelt_out(node, copy) if _is_usual(node) else [node])
    return inferred(copy)


def _is_usual(node: Any) -> bool:
    """HardSwish, or HardSigmoid with a slope of 1/6 as torch exports it."""
    facts = {item.name: float(item.f) for item in node.attribute}
    hard = node.op_type == "HardSigmoid" and abs(facts.get("alpha", 0.2) - 1 / 6) < 1e-6 and facts.get("beta", 0.5) == 0.5
    return hard or node.op_type == "HardSwish"


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
    if not any(item.name == name for item in model.graph.initializer):
        model.graph.initializer.append(import_onnx().numpy_helper.from_array(np.array(value, np.float32), name))
    return name


def products_in_full(model: Any) -> Any:
    """Gemm over more than two axes, or between two reshapes as ONNX Runtime folds it, as MatMul and Add: what parsers take."""
    copy = clone(model)
    stored = {item.name: item for item in copy.graph.initializer}
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
    nodes = list(copy.graph.node)
    del copy.graph.node[:]
    for node in nodes:
        copy.graph.node.extend(swaps.get(node.name, [node]))
    return inferred(copy)


def _plain(node: Any, stored: dict[str, Any]) -> bool:
    facts = {item.name: item for item in node.attribute}
    scaled = any(name in facts and facts[name].f != 1.0 for name in ("alpha", "beta"))
    return not scaled and not ("transA" in facts and facts["transA"].i) and node.input[1] in stored


def _product(model: Any, node: Any, entry: str, answer: str, stored: dict[str, Any]) -> list[Any]:
    onnx = import_onnx()
    weight = node.input[1]
    if any(item.name == "transB" and item.i for item in node.attribute):
        value = np.ascontiguousarray(onnx.numpy_helper.to_array(stored[weight]).T)
        weight = f"{weight}.turned"
        model.graph.initializer.append(onnx.numpy_helper.from_array(value, weight))
    if len(node.input) < 3 or not node.input[2]:
        return [onnx.helper.make_node("MatMul", [entry, weight], [answer], name=node.name)]
    plain = f"{node.name}.product"
    return [
        onnx.helper.make_node("MatMul", [entry, weight], [plain], name=node.name),
        onnx.helper.make_node("Add", [plain, node.input[2]], [answer], name=f"{node.name}.bias"),
    ]


def to_opset17(model: Any) -> None:
    """Put a graph of opset 18 to 21, in place, into the words of opset 17: before TensorRT 10 its parser reads scales in float32
    only there. Axes of reductions were attributes, and some attributes did not exist.

    Raises:
        ValueError: axes that are worked out while running have no older form.
    """
    onnx = import_onnx()
    stored = {item.name: item for item in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type in REDUCTIONS and len(node.input) > 1:
            if node.input[1] and node.input[1] not in stored:
                raise ValueError(f"{node.op_type} {node.name}: its axes are no constant")
            if node.input[1]:
                axes = onnx.numpy_helper.to_array(stored[node.input[1]]).reshape(-1).tolist()
                node.attribute.append(onnx.helper.make_attribute("axes", axes))
            del node.input[1:]
            _drop(node, ("noop_with_empty_axes",))
        if node.op_type == "Pad" and len(node.input) > 3:
            raise ValueError(f"Pad {node.name}: pads some axes only, which opset {OPSET} cannot say")
        _drop(node, NEW_ATTRIBUTES.get(node.op_type, ()))
    for item in model.opset_import:
        item.version = OPSET


def _drop(node: Any, names: tuple[str, ...]) -> None:
    kept = [item for item in node.attribute if item.name not in names]
    if len(kept) != len(node.attribute):
        del node.attribute[:]
        node.attribute.extend(kept)

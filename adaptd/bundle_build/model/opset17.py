"""A graph of opset 18 to 21 in the words of opset 17, for TensorRT before 10: its parser reads scales in float32 only there."""

from typing import Any

from adaptd.bundle_build.model.onnx_io import import_onnx

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


def to_opset17(model: Any) -> None:
    """Rewrite in place what changed its form since: axes of reductions were attributes, and some attributes did not exist.

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

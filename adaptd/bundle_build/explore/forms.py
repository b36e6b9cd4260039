"""The same graph for another form of input: channels last, or the pictures of several cameras at once."""

from typing import Any

import numpy as np

from adaptd.bundle_build.errors import BuildError
from adaptd.bundle_build.explore.space import NHWC, Form
from adaptd.bundle_build.model.onnx_io import clone, import_onnx, inferred


def in_form(model: Any, form: Form) -> Any:
    """A copy that takes this layout and so many pictures. Raises BuildError where the graph fixes a batch of one."""
    if form.cameras > 1:
        model = with_batch(model, form.cameras)
    return channels_last(model) if form.layout == NHWC else model


def channels_last(model: Any) -> Any:
    """A copy whose input is (batch, height, width, channels): one Transpose in front, which a runtime may fold away."""
    onnx, copy = import_onnx(), clone(model)
    entry = copy.graph.input[0]
    inner = f"{entry.name}_nchw"
    for node in copy.graph.node:
        for at, name in enumerate(node.input):
            if name == entry.name:
                node.input[at] = inner
    turn = onnx.helper.make_node("Transpose", [entry.name], [inner], name=f"{inner}_turn", perm=[0, 3, 1, 2])
    copy.graph.node.insert(0, turn)
    axes = entry.type.tensor_type.shape.dim
    batch, channels, height, width = (int(axis.dim_value) for axis in axes)
    for axis, value in zip(axes, (batch, height, width, channels), strict=True):
        axis.dim_value = value
    return inferred(copy)


def with_batch(model: Any, count: int) -> Any:
    """A copy that takes ``count`` pictures; a reshape to one picture becomes one to as many as come in."""
    copy = clone(model)
    copy.graph.input[0].type.tensor_type.shape.dim[0].dim_value = count
    for answer in copy.graph.output:
        answer.type.tensor_type.ClearField("shape")
    _free_reshapes(copy)
    copy = inferred(copy)
    axes = copy.graph.output[0].type.tensor_type.shape.dim
    if not axes or int(axes[0].dim_value) != count:
        raise BuildError(f"the graph fixes a batch of one, it cannot take the pictures of {count} cameras at once")
    return copy


def _free_reshapes(model: Any) -> None:
    """0 in a Reshape's target means: as it came in."""
    onnx = import_onnx()
    stored = {item.name: item for item in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "Reshape" or node.input[1] not in stored or any(a.name == "allowzero" and a.i for a in node.attribute):
            continue
        target = onnx.numpy_helper.to_array(stored[node.input[1]]).copy()
        if target.size and target[0] == 1:
            target[0] = 0
            name = f"{node.name or node.output[0]}_target"
            model.graph.initializer.append(onnx.numpy_helper.from_array(target.astype(np.int64), name))
            node.input[1] = name

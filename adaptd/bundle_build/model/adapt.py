"""Models as people export them, made into the one form that is served: float32 pictures, channels first, one float32 answer.

What is added (a cast, a transpose, channels in one) is part of the bundle's graph, so worker and TensorRT need to know nothing.
"""

from typing import Any

import numpy as np

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.graphs import store
from adaptd.bundle_build.model.onnx_io import import_onnx, refill

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601
INPUT = "adaptd.picture"
JOINED = "adaptd.joined"


def adapt_input(model: Any, notes: list[str]) -> None:
    """Let the graph take float32 (batch, 3, height, width), in place; anything else is turned by nodes in front.

    Values keep their meaning: a uint8 input gets 0 to 255 (preset ``raw``), whatever the preset's numbers say.
    """
    if len(model.graph.input) != 1:
        return
    onnx = import_onnx()
    kinds, entry = onnx.TensorProto, model.graph.input[0]
    kind, axes = entry.type.tensor_type.elem_type, entry.type.tensor_type.shape.dim
    if len(axes) != 4:
        return
    sizes = [int(axis.dim_value) for axis in axes]
    last = sizes[1] not in (1, 3) and sizes[3] in (1, 3)
    channels = sizes[3] if last else sizes[1]
    castable = (kinds.UINT8, kinds.FLOAT16)
    if kind not in (kinds.FLOAT, *castable) or not (last or channels == 1 or kind in castable):
        return
    inner: list[Any] = []
    current = INPUT
    if channels == 1:
        weights = store(model, "adaptd.grey.weight", np.array(GREY, np.float32).reshape(1, 3, 1, 1))
        current = _add(inner, "Conv", [current, weights], "adaptd.grey")
        notes.append(
            "grey input: the three channels are weighed into one by ITU-R BT.601; preprocessing is that of red, green, blue"
        )
    if last:
        current = _add(inner, "Transpose", [current], "adaptd.last", perm=[0, 2, 3, 1])
        notes.append("channels last: a transpose was put in front")
    if kind in castable:
        if kind == kinds.UINT8:
            current = _add(inner, "Round", [current], "adaptd.round")
        _add(inner, "Cast", [current], "adaptd.cast", to=kind)
        word = kinds.DataType.Name(kind).lower()
        notes.append(f"{word} input: a cast was put in front" + ("; give --preset raw" if kind == kinds.UINT8 else ""))
    inner[-1].output[0] = entry.name
    refill(model.graph.node, [*inner, *model.graph.node])
    sides = [sizes[place] or axes[place].dim_param or f"side{place}" for place in ((1, 2) if last else (2, 3))]
    shape = [axes[0].dim_param or sizes[0] or "N", 3, *sides]
    refill(model.graph.input, [onnx.helper.make_tensor_value_info(INPUT, kinds.FLOAT, shape)])


def adapt_output(model: Any, notes: list[str]) -> None:
    """A float16 answer is cast to float32, in place."""
    kinds, answer = import_onnx().TensorProto, model.graph.output[0]
    if answer.type.tensor_type.elem_type != kinds.FLOAT16:
        return
    answer.name = _add(model.graph.node, "Cast", [answer.name], "adaptd.answer", to=kinds.FLOAT)
    answer.type.tensor_type.elem_type = kinds.FLOAT
    notes.append("float16 output: a cast was put behind")


def join_outputs(model: Any, names: list[str], where: str, notes: list[str]) -> None:
    """Boxes, scores and perhaps class numbers as one output, in place: (1, N, 4) and (1, N, C), or (1, N) and (1, N).

    Raises:
        BuildError: the shapes are not those of a pair.
    """
    onnx = import_onnx()
    known = {item.name: item for item in model.graph.output}
    missing = [name for name in names if name not in known]
    if missing:
        raise BuildError(f"{where}: has no output {missing[0]!r}, it has {', '.join(list(known)[:6])}")
    parts = []
    for name in names:
        item = known[name]
        current, rank = name, len(item.type.tensor_type.shape.dim)
        if item.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
            current = _add(model.graph.node, "Cast", [current], f"{name}.float", to=onnx.TensorProto.FLOAT)
        if rank == 2:
            axis = store(model, f"{name}.axis", np.array([2], np.int64))
            current = _add(model.graph.node, "Unsqueeze", [current, axis], f"{name}.wide")
        elif rank != 3:
            raise BuildError(f"{where}: output {name} has {rank} axes; boxes are (1, N, 4), scores (1, N, C) or (1, N)")
        parts.append(current)
    _add(model.graph.node, "Concat", parts, JOINED, axis=2)
    refill(model.graph.output, [onnx.helper.make_tensor_value_info(JOINED, onnx.TensorProto.FLOAT, None)])
    notes.append(f"outputs {', '.join(names)} joined into one")


def _add(nodes: Any, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
    """A node behind ``nodes`` that is called like its one result; gives the name."""
    nodes.append(import_onnx().helper.make_node(op, inputs, [name], name=name, **attributes))
    return name

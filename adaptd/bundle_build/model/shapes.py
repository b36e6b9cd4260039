"""Operator sets and shapes: old models are converted, dynamic axes are pinned to one picture."""

from typing import Any

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.onnx_io import import_onnx, opset

OLDEST, BASE, NEWEST = 7, 17, 22
SMALLEST_SIDE, LARGEST_SIDE = 8, 4096


def convert_opset(model: Any, where: str, notes: list[str]) -> Any:
    """The model at opset 17 to 21; older ones are converted up to 17. Raises BuildError where that cannot be done."""
    found = opset(model)
    if not OLDEST <= found <= NEWEST:
        raise BuildError(f"{where}: is opset {found}, {OLDEST} to {NEWEST} are read; export it with opset_version={BASE}")
    if found < BASE:
        # before IR 4 weights were inputs too, and the converter would look them up there
        model.ir_version = max(int(model.ir_version), 4)
        try:
            model = import_onnx().version_converter.convert_version(model, BASE)
        except (RuntimeError, ValueError, IndexError) as error:
            raise BuildError(
                f"{where}: opset {found} cannot be converted ({str(error)[:160]}); export it with opset_version={BASE}"
            ) from None
        notes.append(f"converted from opset {found} to {BASE}")
    model.ir_version = max(int(model.ir_version), 8)
    return model


def static_shape(item: Any) -> tuple[int, ...] | None:
    """The whole shape of a graph input or output, None where any axis is free."""
    axes = item.type.tensor_type.shape.dim
    sizes = tuple(int(axis.dim_value) for axis in axes)
    return sizes if sizes and all(size > 0 for size in sizes) else None


def make_static(model: Any, size: tuple[int, int] | None, where: str, notes: list[str]) -> None:
    """Pin the input to (1, channels, height, width), in place; the output's batch follows.

    Raises:
        BuildError: not one float32 picture of 3 channels, a fixed batch above 1, free sides without ``size``.
    """
    if len(model.graph.input) != 1:
        names = ", ".join(item.name for item in model.graph.input) or "none"
        raise BuildError(
            f"{where}: has {len(model.graph.input)} inputs ({names}), one picture is served; export it with one input"
        )
    entry = model.graph.input[0]
    refuse_other_types(entry, where, "input")
    axes = entry.type.tensor_type.shape.dim
    if len(axes) != 4:
        raise BuildError(f"{where}: input {entry.name} has {len(axes)} axes, (batch, channels, height, width) is needed")
    wanted = _wanted(axes, size, where)
    if tuple(int(axis.dim_value) for axis in axes) != wanted:
        notes.append(f"input made static: {'x'.join(map(str, wanted))}")
    for axis, value in zip(axes, wanted, strict=True):
        axis.dim_value = value
    for answer in model.graph.output:
        answer.type.tensor_type.ClearField("shape")


def _wanted(axes: Any, size: tuple[int, int] | None, where: str) -> tuple[int, int, int, int]:
    batch, channels, height, width = (int(axis.dim_value) for axis in axes)
    if batch > 1:
        raise BuildError(f"{where}: has a fixed batch of {batch}, export it with batch 1 or a dynamic batch axis")
    if channels != 3:
        hint = "channels come last: export it as NCHW" if width == 3 else "colour pictures of 3 channels are served"
        raise BuildError(f"{where}: input has {channels or 'a free number of'} channels ({hint})")
    if size is not None:
        for side, wish in ((height, size[0]), (width, size[1])):
            if side and side != wish:
                raise BuildError(f"{where}: has a fixed picture size of {height}x{width}, leave --size away")
        height, width = size
    if not height or not width:
        raise BuildError(f"{where}: leaves the picture size free, add --size HEIGHTxWIDTH")
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (height, width)):
        raise BuildError(f"{where}: picture size {height}x{width} is outside {SMALLEST_SIDE} to {LARGEST_SIDE} pixels a side")
    return 1, channels, height, width


def refuse_other_types(item: Any, where: str, what: str) -> None:
    """Raises BuildError where ``item``, an input or an output, is not of float32."""
    kinds, kind = import_onnx().TensorProto, item.type.tensor_type.elem_type
    if kind != kinds.FLOAT:
        found = kinds.DataType.Name(kind).lower()
        raise BuildError(f"{where}: {what} {item.name} is {found}, float32 is needed; export the model in float32")

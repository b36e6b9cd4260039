"""The stored tensors, nodes and attributes of a graph: what every change of one asks for and puts back."""

from collections.abc import Container
from typing import Any

import numpy.typing as npt

from adaptd.bundle_build.model.onnx_io import import_onnx

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def stored_in(model: Any) -> dict[str, Any]:
    """The stored tensors of a graph by name."""
    return {item.name: item for item in model.graph.initializer}


def array(item: Any) -> npt.NDArray[Any]:
    """The values of a stored tensor."""
    values: npt.NDArray[Any] = import_onnx().numpy_helper.to_array(item)
    return values


def store(model: Any, name: str, value: npt.NDArray[Any]) -> str:
    """Add a stored tensor; gives its name."""
    model.graph.initializer.append(import_onnx().numpy_helper.from_array(value, name))
    return name


def attribute(node: Any, name: str, default: Any) -> Any:
    """The value of a node's attribute, ``default`` where it is not written."""
    helper = import_onnx().helper
    return next((helper.get_attribute_value(item) for item in node.attribute if item.name == name), default)


def has_stored_weights(node: Any, stored: Container[str]) -> bool:
    """Whether a node multiplies by stored weights: only these are stored as 8-bit integers."""
    return node.op_type in WEIGHTED and len(node.input) > 1 and node.input[1] in stored

"""Graphs as values: the same model gives the same bytes, and a copy is a copy."""

import contextlib
import hashlib
import logging
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from adaptd.bundle_build import BuildError

INTERNAL_DOMAINS = ("", "ai.onnx")


def import_onnx() -> Any:
    """The ``onnx`` package with the parts this room uses. Raises BuildError naming the extra to install."""
    try:
        import onnx
        import onnx.checker
        import onnx.shape_inference
        import onnx.version_converter
    except ImportError as error:
        raise BuildError(f"building needs the onnx package ({error}); pip install 'adaptd[build]'") from None
    return onnx


def to_bytes(model: Any) -> bytes:
    """The model serialised deterministically: map fields sorted, so equal models give equal bytes."""
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def from_bytes(data: bytes) -> Any:
    """The ModelProto in ``data``, which this room wrote itself."""
    return import_onnx().ModelProto.FromString(data)


def refill(field: Any, items: Iterable[Any]) -> None:
    """Let a repeated field hold ``items``, which may be its own, and nothing else."""
    kept = list(items)
    del field[:]
    field.extend(kept)


def clone(model: Any) -> Any:
    """A copy of the model that may be changed."""
    copy = type(model)()
    copy.CopyFrom(model)
    return copy


def digest(data: bytes) -> str:
    """sha256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def opset(model: Any) -> int:
    """The version of the default operator set, 0 when none is named."""
    return max((int(item.version) for item in model.opset_import if item.domain in INTERNAL_DOMAINS), default=0)


def keep_standard_domain(model: Any) -> None:
    """Drop the operator sets that a runtime adds to every model it writes but that no node uses."""
    refill(model.opset_import, [item for item in model.opset_import if item.domain in INTERNAL_DOMAINS])


def inferred(model: Any) -> Any:
    """A copy with the shape of every tensor worked out anew, none left over from before a change. Raises BuildError."""
    onnx = import_onnx()
    copy = clone(model)
    del copy.graph.value_info[:]
    try:
        return onnx.shape_inference.infer_shapes(copy, check_type=True, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise BuildError(_refusal(error)) from None


def check(model: Any) -> None:
    """Let ONNX's own checker look at every node, type and shape. Raises BuildError: one line."""
    onnx = import_onnx()
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise BuildError(_refusal(error)) from None


def _refusal(error: Exception) -> str:
    return f"the ONNX checker refuses it: {' '.join(str(error).split())[:300]}"


def name_nodes(model: Any) -> None:
    """Every node gets a name of its own: layers are kept in float by name."""
    seen: set[str] = set()
    for index, node in enumerate(model.graph.node):
        name = node.name or f"{node.op_type}_{index}"
        node.name = name if name not in seen else f"{name}_{index}"
        seen.add(node.name)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The converters warn about every constant they round; what matters is measured afterwards."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)

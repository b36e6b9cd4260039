"""Makes a quantized graph compute the same bytes on every processor: weights that cannot saturate, sums that never tie.

Activations' scales are settled first (``even_rounding``), then weights are rounded anew from the float graph (``pair_safe``),
then biases, whose scale is the product of both.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from adaptd.bundle_build.model.even_rounding import Sum, settle
from adaptd.bundle_build.model.graphs import array, attribute, stored_in
from adaptd.bundle_build.model.onnx_io import import_onnx
from adaptd.bundle_build.model.pair_safe import pair_safe

WEIGHTED = ("Conv", "Gemm", "MatMul")
MOST_STEPS = 3
Values = npt.NDArray[Any]


class Tables:
    """The stored tensors of a model, and which node makes or takes each."""

    def __init__(self, model: Any) -> None:
        self.stored = stored_in(model)
        self.maker = {name: node for node in model.graph.node for name in node.output}
        self.takers: dict[str, list[Any]] = {}
        for node in model.graph.node:
            for name in node.input:
                self.takers.setdefault(name, []).append(node)

    def value(self, name: str) -> Values:
        return array(self.stored[name])

    def first(self, name: str) -> float:
        """The one value of a scale or a zero point."""
        return float(self.value(name).reshape(-1)[0])

    def put(self, name: str, value: Values) -> None:
        shape = self.value(name).shape
        self.stored[name].CopyFrom(import_onnx().numpy_helper.from_array(np.ascontiguousarray(value).reshape(shape), name))

    def pair(self, name: str) -> Any | None:
        """The DequantizeLinear that makes ``name``."""
        node = self.maker.get(name)
        return node if node is not None and node.op_type == "DequantizeLinear" else None


def make_portable(model: Any, source: Any) -> list[str]:
    """Change the quantized ``model`` in place; ``source`` is the float graph. Gives the sums that may round otherwise on Arm."""
    tables = Tables(model)
    floats = stored_in(source)
    loose = _settle_sums(model, tables, floats)
    done: set[str] = set()
    for node in model.graph.node:
        if node.op_type in WEIGHTED and len(node.input) > 1:
            _settle_weights(node, tables, floats, done)
    return loose


def _settle_sums(model: Any, tables: Tables, floats: dict[str, Any]) -> list[str]:
    found = [(_sum_of(node, tables), node.name) for node in model.graph.node if node.op_type == "Add"]
    sums = [one for one, _ in found if one is not None]
    used = {name for one in sums for name in (one.first, one.second, one.result)}
    settled, loose = settle(sums, {name: tables.first(name) for name in used})
    for name, scale in settled.items():
        tables.put(name, np.asarray(scale, np.float32))
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in tables.stored and node.input[1] in settled:
            _round_constant(node, tables, floats)
    return [name for one, name in found if one in loose]


def _sum_of(node: Any, tables: Tables) -> Sum | None:
    first, second = tables.pair(node.input[0]), tables.pair(node.input[1])
    after = _quantizer(node.output[0], tables)
    if first is None or second is None or after is None:
        return None
    x, y, z = (int(tables.first(pair.input[2])) for pair in (first, second, after))
    return Sum(first.input[1], second.input[1], after.input[1], (x, y, z))


def _quantizer(name: str, tables: Tables) -> Any | None:
    """The QuantizeLinear that a result runs into, through an activation that it absorbs."""
    for _ in range(MOST_STEPS):
        takers = tables.takers.get(name, [])
        found = next((node for node in takers if node.op_type == "QuantizeLinear"), None)
        if found is not None:
            return found
        if len(takers) != 1 or takers[0].op_type not in ("Relu", "Clip"):
            return None
        name = takers[0].output[0]
    return None


def _round_constant(node: Any, tables: Tables, floats: dict[str, Any]) -> None:
    name = node.input[0]
    plain = floats.get(name.removesuffix("_quantized"))
    if plain is None:
        return
    codes = tables.value(name)
    limits = np.iinfo(codes.dtype)
    values = array(plain).astype(np.float64) / tables.first(node.input[1])
    tables.put(name, (np.rint(values) + tables.first(node.input[2])).clip(limits.min, limits.max).astype(codes.dtype))


def _settle_weights(node: Any, tables: Tables, floats: dict[str, Any], done: set[str]) -> None:
    entry, weight = tables.pair(node.input[0]), tables.pair(node.input[1])
    if entry is None or weight is None or weight.input[0] not in tables.stored:
        return
    name = weight.input[0]
    plain = floats.get(name.removesuffix("_quantized"))
    if plain is not None and name not in done and tables.value(name).dtype == np.int8:
        per_tensor = tables.value(weight.input[1]).size == 1
        values = array(plain).astype(np.float32)
        codes, scales = pair_safe(values, node.op_type, transposed=bool(attribute(node, "transB", 0)), per_tensor=per_tensor)
        tables.put(name, codes)
        tables.put(weight.input[1], scales)
        done.add(name)
    _settle_bias(node, tables, floats, entry, weight)


def _settle_bias(node: Any, tables: Tables, floats: dict[str, Any], entry: Any, weight: Any) -> None:
    bias = tables.pair(node.input[2]) if len(node.input) > 2 else None
    if bias is None or bias.input[0] not in tables.stored:
        return
    plain = floats.get(bias.input[0].removesuffix("_quantized"))
    if plain is None:
        return
    scales = (tables.value(weight.input[1]) * np.float32(tables.first(entry.input[1]))).astype(np.float32)
    values = array(plain).astype(np.float64)
    limits = np.iinfo(np.int32)
    tables.put(bias.input[0], np.rint(values / scales.reshape(-1)).clip(limits.min, limits.max).astype(np.int32))
    tables.put(bias.input[1], scales)

"""INT8 files of others on a processor that saturates: found before they are loaded, and re-encoded so that they compute exactly.

A file built here cannot saturate anywhere (``pairs``). One with full-range signed weights does so where the runtime adds byte
products in 16 bits; there the same integers are stored as unsigned bytes with zero point 128, for which the runtime has an
exact, slower kernel.
"""

from functools import cache

import numpy as np

from adaptd.engine.onnx_parts import Node, Parts, take_apart
from adaptd.engine.pairs import LARGEST_PAIR, rows_of, worst_pair

PRODUCTS = ("Conv", "Gemm", "MatMul")
EXACT = 2 * 255 * 127
# An ONNX model of one MatMulInteger: four unsigned bytes by weights of 4 x 16, all 127.
PROBE = (
    bytes.fromhex("080812003a94010a180a01780a0177120179220d4d61744d756c496e74656765721201702a4b0804081010034201774a40")
    + b"\x7f" * 64
    + bytes.fromhex("5a130a0178120e0a0c080212080a0208010a02080462130a0179120e0a0c080612080a0208010a02081042040a001011")
)


def unsafe_layers(model: bytes) -> tuple[str, ...]:
    """The layers whose 8-bit weights saturate on some processors, by name; none of a float model. Raises ValueError."""
    parts = take_apart(model)
    return tuple(node.name or node.op for node, _ in _unsafe(parts))


def reencoded(model: bytes) -> bytes:
    """The model with the weights of unsafe layers as unsigned bytes around 128: the same numbers, kernels that are exact."""
    parts = take_apart(model)
    changed: set[str] = set()
    for _, pair in _unsafe(parts):
        weights, scale = parts.value(pair.inputs[0]), parts.value(pair.inputs[1])
        if pair.inputs[0] in changed or weights is None or scale is None:
            continue
        changed.add(pair.inputs[0])
        parts.put(pair.inputs[0], (weights.astype(np.int16) + 128).astype(np.uint8))
        zero = f"{pair.inputs[0]}.around128"
        parts.put(zero, np.full(scale.shape, 128, np.uint8))
        for node in parts.nodes:
            if node.op == "DequantizeLinear" and node.inputs[0] == pair.inputs[0] and len(node.inputs) == 3:
                parts.rename_input(node, 2, zero)
    return parts.to_bytes() if changed else model


def _unsafe(parts: Parts) -> list[tuple[Node, Node]]:
    """Each product with unsafe weights, and the DequantizeLinear of these."""
    makers = {name: node for node in parts.nodes for name in node.outputs}
    found = []
    for node in parts.nodes:
        pair = makers.get(node.inputs[1]) if node.op in PRODUCTS and len(node.inputs) > 1 else None
        if pair is None or pair.op != "DequantizeLinear" or len(pair.inputs) != 3:
            continue
        weights = parts.value(pair.inputs[0])
        if weights is None or weights.dtype != np.int8 or weights.ndim < 2:
            continue
        rows, channels = rows_of(weights, node.op, transposed=bool(node.flags.get("transB")))
        if worst_pair(rows.astype(np.int8), channels).max(initial=0) > LARGEST_PAIR:
            found.append((node, pair))
    return found


@cache
def saturates() -> bool:
    """Whether the runtime's kernel on this processor saturates, asked of the kernel itself: 255 x 127 twice is 64,770."""
    from adaptd.engine.ort import import_onnxruntime, session_options  # it imports this room: late

    ort = import_onnxruntime()
    session = ort.InferenceSession(PROBE, session_options(ort, 1), providers=["CPUExecutionProvider"])
    answer = session.run(None, {"x": np.full((1, 4), 255, np.uint8)})[0]
    return bool((answer != 2 * EXACT).any())

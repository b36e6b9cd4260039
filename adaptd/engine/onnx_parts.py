"""A serialised ONNX graph as nodes and stored tensors, and back, without the onnx package: the runtime install has none.

Field numbers are those of ``onnx/onnx.proto``. Only what the weights of a quantized file need is read; all else keeps its bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from adaptd.engine.onnx_scan import BYTES, INT8, UINT8, VARINT, Piece, pieces, text

FLOAT, INT32 = 1, 6
KINDS: dict[int, str] = {FLOAT: "<f4", UINT8: "u1", INT8: "i1"}
Value = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Node:
    """One node; ``flags`` are its integer attributes. ``at`` counts the graph's pieces."""

    at: int
    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    flags: dict[str, int]


@dataclass(slots=True)
class Parts:
    """A model's graph taken apart. ``tensors``: name to (piece, value) of the stored tensors that are of a kind read here."""

    model: list[Piece]
    graph_at: int
    graph: list[Piece]
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, tuple[int, Value]] = field(default_factory=dict)

    def value(self, name: str) -> Value | None:
        found = self.tensors.get(name)
        return None if found is None else found[1]

    def put(self, name: str, value: Value) -> None:
        """Replace a stored tensor, or store a new one."""
        piece: Piece = (5, BYTES, memoryview(_tensor_bytes(name, value)))
        if name in self.tensors:
            self.graph[self.tensors[name][0]] = piece
        else:
            self.graph.append(piece)

    def rename_input(self, node: Node, position: int, name: str) -> None:
        """Let ``node`` take another tensor at ``position``."""
        message = self.graph[node.at][2]
        assert isinstance(message, memoryview)
        out, seen = [], 0
        for number, wire, value in pieces(message):
            if number == 1:
                kept = memoryview(name.encode()) if seen == position else value
                seen += 1
            else:
                kept = value
            out.append((number, wire, kept))
        self.graph[node.at] = (1, BYTES, memoryview(_message(out)))

    def to_bytes(self) -> bytes:
        """The model with what was put into it."""
        model = list(self.model)
        model[self.graph_at] = (7, BYTES, memoryview(_message(self.graph)))
        return _message(model)


def take_apart(model: bytes) -> Parts:
    """The parts of a model that ``onnx_scan.scan`` has found whole. Raises ValueError or IndexError on other bytes."""
    outer = list(pieces(memoryview(model)))
    at = next(index for index, (number, _, _) in enumerate(outer) if number == 7)
    message = outer[at][2]
    if not isinstance(message, memoryview):
        raise ValueError("the graph is no message")  # noqa: TRY004 - a fault of the bytes, not of a caller
    parts = Parts(outer, at, list(pieces(message)))
    for index, (number, _, value) in enumerate(parts.graph):
        if number == 1 and isinstance(value, memoryview):
            parts.nodes.append(_node(index, value))
        elif number == 5 and isinstance(value, memoryview):
            name, tensor = _tensor(value)
            if tensor is not None:
                parts.tensors[name] = (index, tensor)
    return parts


def _node(at: int, data: memoryview) -> Node:
    inputs, outputs, op, name = [], [], "", ""
    flags: dict[str, int] = {}
    for number, _, value in pieces(data):
        if not isinstance(value, memoryview):
            continue
        if number == 1:
            inputs.append(text(value))
        elif number == 2:
            outputs.append(text(value))
        elif number == 3:
            name = text(value)
        elif number == 4:
            op = text(value)
        elif number == 5:
            flags.update(_flag(value))
    return Node(at, op, name, tuple(inputs), tuple(outputs), flags)


def _flag(data: memoryview) -> dict[str, int]:
    name, whole = "", None
    for number, wire, value in pieces(data):
        if number == 1 and isinstance(value, memoryview):
            name = text(value)
        elif number == 3 and wire == VARINT and isinstance(value, int):
            whole = value - (1 << 64) if value >> 63 else value
    return {} if whole is None else {name: whole}


def _tensor(data: memoryview) -> tuple[str, Value | None]:
    """Name and value of a TensorProto: raw bytes, float_data or int32_data."""
    name, kind, dims = "", 0, []
    raw: bytes | None = None
    words: list[int] = []
    for number, wire, value in pieces(data):
        if number == 1:
            dims += [value] if isinstance(value, int) else list(_varints(value))
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8 and isinstance(value, memoryview):
            name = text(value)
        elif number == 9 and isinstance(value, memoryview):
            raw = bytes(value)
        elif number == 4 and isinstance(value, memoryview):
            raw = (raw or b"") + bytes(value)  # packed floats, or one alone: the same four bytes each
        elif number == 5:
            words += [value] if wire == VARINT and isinstance(value, int) else list(_varints(value))
    if kind not in KINDS:
        return name, None
    flat: Value
    if raw is None:
        low = [word & 0xFF for word in words]
        flat = np.array(low, np.uint8).view(KINDS[kind]) if kind != FLOAT else np.zeros(0, np.float32)
    else:
        flat = np.frombuffer(raw, KINDS[kind])
    return (name, flat.reshape(dims)) if flat.size == int(np.prod(dims)) else (name, None)


def _varints(data: memoryview | int) -> Iterable[int]:
    if isinstance(data, int):
        return
    at = 0
    while at < len(data):
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield value


def _tensor_bytes(name: str, value: Value) -> bytes:
    kind = next(number for number, word in KINDS.items() if np.dtype(word) == value.dtype)
    fields: list[Piece] = [(1, VARINT, size) for size in value.shape]
    fields += [(2, VARINT, kind), (8, BYTES, memoryview(name.encode())), (9, BYTES, memoryview(value.tobytes()))]
    return _message(fields)


def _message(fields: list[Piece]) -> bytes:
    out = bytearray()
    for number, wire, value in fields:
        out += _varint(number << 3 | wire)
        if isinstance(value, int):
            out += _varint(value)
        else:
            if wire == BYTES:
                out += _varint(len(value))
            out += value
    return bytes(out)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)

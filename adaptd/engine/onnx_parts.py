"""A serialised ONNX graph as nodes and stored tensors, and back, without the onnx package: the runtime install has none.

Field numbers are those of ``onnx/onnx.proto``. Only what the weights of a quantized file need is read; all else keeps its bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from adaptd.engine.onnx_scan import BYTES, INT8, UINT8, VARINT, Piece, fields, last, last_text, pieces, text, varint

FLOAT = 1
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
        out = list(pieces(message))
        at = [index for index, (number, _, _) in enumerate(out) if number == 1][position]
        out[at] = (1, BYTES, memoryview(name.encode()))
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
    messages, _ = fields(data)
    inputs, outputs = tuple(map(text, messages[1])), tuple(map(text, messages[2]))
    flags = dict(flag for value in messages[5] for flag in _flag(value))
    return Node(at, last_text(messages[4]), last_text(messages[3]), inputs, outputs, flags)


def _flag(data: memoryview) -> list[tuple[str, int]]:
    """Name and value of an integer attribute, nothing of another one."""
    messages, numbers = fields(data)
    return [(last_text(messages[1]), value - (1 << 64) if value >> 63 else value) for value in numbers[3][-1:]]


def _tensor(data: memoryview) -> tuple[str, Value | None]:
    """Name and value of a TensorProto: raw bytes, float_data or int32_data."""
    messages, numbers = fields(data)
    name, kind = last_text(messages[8]), last(numbers[2])
    if kind not in KINDS:
        return name, None
    dims = [*numbers[1], *_varints(messages[1])]
    raw = [*messages[9][-1:], *messages[4]]  # packed floats, or one alone: the same four bytes each
    flat: Value
    if raw or kind == FLOAT:
        flat = np.frombuffer(b"".join(raw), KINDS[kind])
    else:
        low = [word & 0xFF for word in (*numbers[5], *_varints(messages[5]))]
        flat = np.array(low, np.uint8).view(KINDS[kind])
    return (name, flat.reshape(dims)) if flat.size == int(np.prod(dims)) else (name, None)


def _varints(packed: list[memoryview]) -> Iterator[int]:
    for data in packed:
        at = 0
        while at < len(data):
            value, at = varint(data, at)
            yield value


def _tensor_bytes(name: str, value: Value) -> bytes:
    kind = next(number for number, word in KINDS.items() if np.dtype(word) == value.dtype)
    parts: list[Piece] = [(1, VARINT, size) for size in value.shape]
    parts += [(2, VARINT, kind), (8, BYTES, memoryview(name.encode())), (9, BYTES, memoryview(value.tobytes()))]
    return _message(parts)


def _message(parts: list[Piece]) -> bytes:
    out = bytearray()
    for number, wire, value in parts:
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

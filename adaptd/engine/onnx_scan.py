"""Reads from ONNX bytes, without the onnx package, what decides whether a runtime may have them.

Field numbers are those of ``onnx/onnx.proto``. The runtimes resolve external data against the working directory when they are
handed bytes, so a model that names other files is refused before any runtime sees it.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from adaptd.engine.errors import BundleError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
UINT8, INT8 = 2, 3
MAX_DEPTH = 32

Piece = tuple[int, int, memoryview | int]


@dataclass(slots=True)
class OnnxScan:
    """What was found: opset of the default domain, tensors kept in other files, and Q/DQ nodes with their zero points."""

    opset: int = 0
    external: list[str] = field(default_factory=list)
    quantized: bool = False
    _zero_points: set[str] = field(default_factory=set)
    _unsigned: set[str] = field(default_factory=set)

    @property
    def unsigned(self) -> bool:
        """Whether a zero point is uint8: TensorRT would silently read it as int8."""
        return not self._zero_points.isdisjoint(self._unsigned)


def scan(model: bytes, name: str) -> OnnxScan:
    """Walks a serialised ModelProto.

    Raises:
        BundleError: the bytes are not a whole ONNX model.
    """
    found = OnnxScan()
    try:
        _model(memoryview(model), found)
    except (ValueError, IndexError) as error:
        raise BundleError(f"{name}: not an ONNX model ({error}); export it again") from None
    if not found.opset:
        raise BundleError(f"{name}: not an ONNX model (no opset); export it again")
    return found


def refuse_external(found: OnnxScan, name: str) -> None:
    """Raises BundleError when a tensor of the model lives in another file."""
    if found.external:
        raise BundleError(
            f"{name}: keeps tensor {found.external[0]!r} in another file (external data); export it with all weights inside"
        )


def _model(data: memoryview, found: OnnxScan) -> None:
    messages, _ = fields(data)
    for value in messages[8]:
        _opset(value, found)
    for value in messages[7]:
        _graph(value, found, 0)
    for function in messages[25]:
        for value in fields(function)[0][7]:
            _node(value, found, 1)


def _opset(data: memoryview, found: OnnxScan) -> None:
    messages, numbers = fields(data)
    if last_text(messages[1]) in ("", "ai.onnx"):
        found.opset = last(numbers[2])


def _graph(data: memoryview, found: OnnxScan, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("graphs nested too deep")
    messages, _ = fields(data)
    for value in messages[1]:
        _node(value, found, depth)
    for value in messages[5]:
        _tensor(value, found)
    for value in messages[15]:
        _sparse(value, found)


def _node(data: memoryview, found: OnnxScan, depth: int) -> None:
    messages, _ = fields(data)
    constants = [kind for value in messages[5] for kind in _attribute(value, found, depth)]
    kind = last_text(messages[4])
    if kind in ("QuantizeLinear", "DequantizeLinear"):
        found.quantized = True
        found._zero_points.update(map(text, messages[1][2:3]))
    if kind == "Constant" and messages[2] and constants[:1] == [UINT8]:
        found._unsigned.add(text(messages[2][0]))


def _attribute(data: memoryview, found: OnnxScan, depth: int) -> list[int]:
    """The types of the tensors that an attribute holds."""
    messages, _ = fields(data)
    for value in (*messages[6], *messages[11]):
        _graph(value, found, depth + 1)
    for value in (*messages[22], *messages[23]):
        _sparse(value, found)
    return [_tensor(value, found) for value in (*messages[5], *messages[10])]


def _sparse(data: memoryview, found: OnnxScan) -> None:
    messages, _ = fields(data)
    for value in (*messages[1], *messages[2]):
        _tensor(value, found)


def _tensor(data: memoryview, found: OnnxScan) -> int:
    messages, numbers = fields(data)
    name, kind = last_text(messages[8]), last(numbers[2])
    if messages[13] or numbers[13] or 1 in numbers[14]:
        found.external.append(name)
    if kind == UINT8:
        found._unsigned.add(name)
    return kind


def fields(data: memoryview) -> tuple[dict[int, list[memoryview]], dict[int, list[int]]]:
    """What one protobuf message holds, by field number: byte strings (texts, messages), and whole numbers."""
    messages: dict[int, list[memoryview]] = defaultdict(list)
    numbers: dict[int, list[int]] = defaultdict(list)
    for number, _, value in pieces(data):
        if isinstance(value, int):
            numbers[number].append(value)
        else:
            messages[number].append(value)
    return messages, numbers


def last(values: list[int]) -> int:
    """The value of a field that counts once: the last one wins, none is 0."""
    return values[-1] if values else 0


def last_text(values: list[memoryview]) -> str:
    """The text of a field that counts once."""
    return text(values[-1]) if values else ""


def text(data: memoryview) -> str:
    return bytes(data).decode("utf-8")


def pieces(data: memoryview) -> Iterator[Piece]:
    """The fields of one protobuf message: number, wire type, value; refuses what does not add up."""
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = varint(data, at)
            yield number, wire, value
            continue
        if wire == BYTES:
            size, at = varint(data, at)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
        else:
            raise ValueError("unknown wire type")
        if at + size > end:
            raise ValueError("cut short")
        yield number, wire, data[at : at + size]
        at += size


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at ``at``, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("number too long")

"""Reads from ONNX bytes, without the onnx package, what decides whether a runtime may have them.

Field numbers are those of ``onnx/onnx.proto``. The runtimes resolve external data against the working directory when they are
handed bytes, so a model that names other files is refused before any runtime sees it.
"""

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
    _tensor_types: dict[str, int] = field(default_factory=dict)

    @property
    def unsigned(self) -> bool:
        """Whether a zero point is uint8: TensorRT would silently read it as int8."""
        return any(self._tensor_types.get(name) == UINT8 for name in self._zero_points)


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
    for number, _, value in pieces(data):
        if number == 8 and isinstance(value, memoryview):
            _opset(value, found)
        elif number == 7 and isinstance(value, memoryview):
            _graph(value, found, 0)
        elif number == 25 and isinstance(value, memoryview):
            _function(value, found)


def _opset(data: memoryview, found: OnnxScan) -> None:
    domain, version = "", 0
    for number, _, value in pieces(data):
        if number == 1 and isinstance(value, memoryview):
            domain = text(value)
        elif number == 2 and isinstance(value, int):
            version = value
    if domain in ("", "ai.onnx"):
        found.opset = version


def _function(data: memoryview, found: OnnxScan) -> None:
    for number, _, value in pieces(data):
        if number == 7 and isinstance(value, memoryview):
            _node(value, found, 1)


def _graph(data: memoryview, found: OnnxScan, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("graphs nested too deep")
    for number, _, value in pieces(data):
        if not isinstance(value, memoryview):
            continue
        if number == 1:
            _node(value, found, depth)
        elif number == 5:
            _tensor(value, found)
        elif number == 15:
            _sparse(value, found)


def _node(data: memoryview, found: OnnxScan, depth: int) -> None:
    inputs: list[str] = []
    outputs: list[str] = []
    kind = ""
    constants: list[int] = []
    for number, _, value in pieces(data):
        if not isinstance(value, memoryview):
            continue
        if number == 1:
            inputs.append(text(value))
        elif number == 2:
            outputs.append(text(value))
        elif number == 4:
            kind = text(value)
        elif number == 5:
            constants += _attribute(value, found, depth)
    if kind in ("QuantizeLinear", "DequantizeLinear"):
        found.quantized = True
        found._zero_points.update(inputs[2:3])
    if kind == "Constant" and outputs and constants:
        found._tensor_types[outputs[0]] = constants[0]


def _attribute(data: memoryview, found: OnnxScan, depth: int) -> list[int]:
    types = []
    for number, _, value in pieces(data):
        if not isinstance(value, memoryview):
            continue
        if number in (5, 10):
            types.append(_tensor(value, found))
        elif number in (6, 11):
            _graph(value, found, depth + 1)
        elif number in (22, 23):
            _sparse(value, found)
    return types


def _sparse(data: memoryview, found: OnnxScan) -> None:
    for number, _, value in pieces(data):
        if number in (1, 2) and isinstance(value, memoryview):
            _tensor(value, found)


def _tensor(data: memoryview, found: OnnxScan) -> int:
    name, kind, outside = "", 0, False
    for number, _, value in pieces(data):
        if number == 2 and isinstance(value, int):
            kind = value
        elif number == 8 and isinstance(value, memoryview):
            name = text(value)
        elif (number == 14 and value == 1) or number == 13:
            outside = True
    if outside:
        found.external.append(name)
    found._tensor_types[name] = kind
    return kind


def text(data: memoryview) -> str:
    return bytes(data).decode("utf-8")


def pieces(data: memoryview) -> Iterator[Piece]:
    """The fields of one protobuf message: number, wire type, value; refuses what does not add up."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == BYTES:
            size, at = _varint(data, at)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
        else:
            raise ValueError("unknown wire type")
        if at + size > end:
            raise ValueError("cut short")
        yield number, wire, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
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

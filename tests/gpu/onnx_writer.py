"""Writes ONNX files with numpy and nothing else, so that the GPU tests run where no onnx package is.

Just enough of ``onnx.proto``: one graph, one float32 input, one float32 output. Checked against the onnx package and ONNX Runtime
in ``tests/engine/test_zoo.py``.
"""

import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int64": 7, "float16": 10}


def node(kind: str, inputs: Iterable[str], output: str, **attributes: Any) -> bytes:
    """One operator with one output, named by it."""
    parts = [_text(1, name) for name in inputs] + [_text(2, output), _text(3, output), _text(4, kind)]
    return b"".join([*parts, *(_bytes(5, _attribute(name, value)) for name, value in attributes.items())])


def tensor(name: str, value: npt.NDArray[Any]) -> bytes:
    """One constant of the graph."""
    dims = b"".join(_number(1, size) for size in value.shape)
    return dims + _number(2, TYPES[value.dtype.name]) + _text(8, name) + _bytes(9, np.ascontiguousarray(value).tobytes())


def model(
    nodes: list[bytes],
    tensors: list[bytes],
    picture: tuple[str, tuple[int, ...]],
    answer: tuple[str, tuple[int, ...]],
    opset: int,
) -> bytes:
    """A whole file; ``picture`` and ``answer`` are the name and shape of input and output."""
    graph = b"".join(_bytes(1, one) for one in nodes) + _text(2, "made") + b"".join(_bytes(5, one) for one in tensors)
    graph += _bytes(11, _value(*picture)) + _bytes(12, _value(*answer))
    return _number(1, 8) + _text(2, "adaptd") + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, opset))


def _attribute(name: str, value: Any) -> bytes:
    if isinstance(value, float):
        return _text(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    return _text(1, name) + b"".join(_number(8, one) for one in value) + _number(20, 7)


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_bytes(1, _number(1, size) if size > 0 else _text(2, "free")) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, sizes)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)

"""The networks that the GPU tests and benchmarks build: classifiers with made-up weights, in every precision.

``kind`` is ``fp32``, ``fp16`` (float16 inside, float32 at both ends), ``int8`` (Q/DQ in a float32 graph, for the weakly typed
way) or ``int8-fp16`` (Q/DQ in a float16 graph, for the strongly typed way). Quantisation is symmetric int8, zero point 0, per
channel for weights; every convolution's input has a pair of its own.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.gpu import onnx_writer as w

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Shape:
    """A residual network: bottleneck blocks in stages that halve the picture and double the width, as in ResNet."""

    size: int
    width: int
    blocks: tuple[int, ...]
    classes: int = 10
    expansion: int = 4

    @property
    def input(self) -> tuple[int, ...]:
        return (1, 3, self.size, self.size)

    @property
    def output(self) -> tuple[int, ...]:
        return (1, self.classes)


@dataclass(frozen=True)
class Mobile(Shape):
    """Inverted residuals with depthwise convolutions, as in MobileNetV2: rows of (expansion, channels, blocks, stride)."""

    rows: tuple[tuple[int, int, int, int], ...] = ()


TINY = Shape(size=32, width=8, blocks=(1, 1))
RESNET50 = Shape(size=224, width=64, blocks=(3, 4, 6, 3), classes=1000)
MOBILENET = Mobile(
    size=224,
    width=32,
    blocks=(),
    classes=1000,
    rows=((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)
TINY_MOBILE = Mobile(size=32, width=8, blocks=(), rows=((1, 8, 1, 1), (2, 16, 2, 2)))


def build(shape: Shape, kind: str, seed: int = 0) -> bytes:
    """The ONNX file of one network in one precision; equal seeds give equal weights."""
    return _Writer(shape, kind, seed).build()


@dataclass
class _Writer:
    shape: Shape
    kind: str
    seed: int
    nodes: list[bytes] = field(default_factory=list)
    tensors: list[bytes] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.half = self.kind in ("fp16", "int8-fp16")
        self.quantized = self.kind.startswith("int8")
        self.float: type = np.float16 if self.half else np.float32

    def build(self) -> bytes:
        shape, width = self.shape, self.shape.width
        value = self.cast("picture", np.float16) if self.half else "picture"
        value = self.conv(value, 3, width, 7 if shape.size > 64 else 3, 2, relu=True)
        if shape.size > 64 and shape.blocks:
            value = self.add("MaxPool", [value], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        value, channels = self.inverted(value, shape) if isinstance(shape, Mobile) else self.residual(value)
        value = self.add("Flatten", [self.add("GlobalAveragePool", [value])])
        value = self.add(
            "Gemm", [value, self.normal((channels, shape.classes), channels), self.constant(np.zeros(shape.classes))]
        )
        if self.half:
            value = self.cast(value, np.float32)
        opset = 19 if self.kind == "int8-fp16" else 17
        return w.model(self.nodes, self.tensors, ("picture", shape.input), (value, shape.output), opset)

    def residual(self, value: str) -> tuple[str, int]:
        width, channels = self.shape.width, self.shape.width
        for stage, blocks in enumerate(self.shape.blocks):
            for block in range(blocks):
                value = self.bottleneck(value, channels, width << stage, 2 if stage and not block else 1)
                channels = (width << stage) * self.shape.expansion
        return value, channels

    def inverted(self, value: str, shape: Mobile) -> tuple[str, int]:
        channels = shape.width
        for expansion, filters, blocks, stride in shape.rows:
            for block in range(blocks):
                step, wide, before = 1 if block else stride, channels * expansion, value
                inner = self.conv(value, channels, wide, 1, 1, relu=True) if expansion > 1 else value
                inner = self.conv(inner, wide, wide, 3, step, relu=True, groups=wide)
                value = self.conv(inner, wide, filters, 1, 1, relu=False, scale=0.3)
                if step == 1 and channels == filters:
                    value = self.add("Add", [value, before])
                channels = filters
        return self.conv(value, channels, 4 * channels, 1, 1, relu=True), 4 * channels

    def bottleneck(self, value: str, channels: int, width: int, stride: int) -> str:
        wide = width * self.shape.expansion
        inner = self.conv(value, channels, width, 1, 1, relu=True)
        inner = self.conv(inner, width, width, 3, stride, relu=True)
        inner = self.conv(inner, width, wide, 1, 1, relu=False, scale=0.3)
        if channels != wide or stride != 1:
            value = self.conv(value, channels, wide, 1, stride, relu=False)
        return self.add("Relu", [self.add("Add", [inner, value])])

    def conv(
        self, value: str, channels: int, filters: int, size: int, stride: int, *, relu: bool, scale: float = 1.0, groups: int = 1
    ) -> str:
        fan_in = channels // groups * size * size
        weights = self.rng.normal(size=(filters, channels // groups, size, size)) * scale * np.sqrt(2.0 / fan_in)
        name = self.constant(weights)
        if self.quantized:
            value = self.pair(value, np.array(6.0 / 127), None)
            name = self.pair(name, np.abs(weights).reshape(filters, -1).max(axis=1) / 127, 0)
        edge = size // 2
        shaped = {"kernel_shape": [size, size], "strides": [stride, stride], "pads": [edge] * 4, "group": groups}
        out = self.add("Conv", [value, name], **shaped)
        return self.add("Relu", [out]) if relu else out

    def pair(self, value: str, scale: Array, axis: int | None) -> str:
        names = [self.constant(scale), self.constant(np.zeros(scale.shape, np.int8), np.int8)]
        where = {} if axis is None else {"axis": axis}
        quantized = self.add("QuantizeLinear", [value, *names], **where)
        return self.add("DequantizeLinear", [quantized, *names], **where)

    def normal(self, size: tuple[int, ...], fan_in: int) -> str:
        return self.constant(self.rng.normal(size=size) / np.sqrt(fan_in))

    def constant(self, value: Array, kind: type | None = None) -> str:
        name = self.fresh("c")
        self.tensors.append(w.tensor(name, np.asarray(value).astype(kind or self.float)))
        return name

    def cast(self, value: str, kind: type) -> str:
        return self.add("Cast", [value], to=w.TYPES[np.dtype(kind).name])

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = self.fresh(kind.lower())
        self.nodes.append(w.node(kind, inputs, name, **attributes))
        return name

    def fresh(self, word: str) -> str:
        self.count += 1
        return f"{word}_{self.count}"

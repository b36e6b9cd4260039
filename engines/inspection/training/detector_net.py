"""The detector: a small residual network with one head at stride 8, and its way into an ONNX file, batch norms folded.

Input `input`: float32 1x3x128x128, RGB, pixel / 255. Output `boxes`: float32 1x7x256, Ultralytics' form: centre x, centre y,
width and height in pixels, then a share of each of `defects.CLASSES`; one anchor a cell of 8x8 pixels, rows of cells from
the top.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from defects import CLASSES
from onnx import TensorProto, helper, numpy_helper
from parts import SIZE
from torch import Tensor, nn

STRIDE = 8
CELLS = SIZE // STRIDE
SIDE = 16.0  # a side is SIDE * exp(raw)
WIDTHS = (16, 32, 48)
OPSET, IR_VERSION = 17, 8


def conv(channels_in: int, channels: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution and batch norm."""
    return nn.Sequential(nn.Conv2d(channels_in, channels, 3, stride, dilation, dilation, bias=False), nn.BatchNorm2d(channels))


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the second may look further."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.a, self.b = conv(channels, channels), conv(channels, channels, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """NCHW in and out."""
        return torch.relu(x + self.b(torch.relu(self.a(x))))


class DefectNet(nn.Module):
    """float32 Nx3x128x128 of 0 to 1 to raw Nx7x16x16: offsets of the centre, logarithms of the sides, class logits."""

    def __init__(self) -> None:
        super().__init__()
        small, middle, wide = WIDTHS
        self.downs = nn.ModuleList([conv(3, small, 2), conv(small, middle, 2), conv(middle, wide, 2)])
        self.blocks = nn.ModuleList([Residual(middle), Residual(wide), Residual(wide, 2)])
        self.head = nn.Conv2d(wide, 4 + len(CLASSES), 1)
        nn.init.constant_(self.head.bias[4:], -4.0)  # most cells hold nothing

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = torch.relu(self.downs[1](torch.relu(self.downs[0](x))))
        x = torch.relu(self.downs[2](self.blocks[0](x)))
        raw: Tensor = self.head(self.blocks[2](self.blocks[1](x)))
        return raw


def centres(device: torch.device | str = "cpu") -> Tensor:
    """Centres of the cells, 2x256 pixels (x, y)."""
    along = (torch.arange(CELLS, device=device, dtype=torch.float32) + 0.5) * STRIDE
    y, x = torch.meshgrid(along, along, indexing="ij")
    return torch.stack([x.reshape(-1), y.reshape(-1)])


def boxes_of(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Raw Nx7x16x16 as centre and sides Nx4x256 in pixels, and class logits NxCx256."""
    flat = raw.flatten(2)
    centre = centres(raw.device) + flat[:, :2] * STRIDE
    sides = SIDE * torch.exp(flat[:, 2:4].clamp(-3.0, 3.0))
    return torch.cat([centre, sides], 1), flat[:, 4:]


class _Graph:
    """Collects ONNX nodes and weights."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name: str, value: np.ndarray, kind: type = np.float32) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value, kind), name))
        return name

    def conv(self, x: str, module: nn.Sequential, name: str, *, relu: bool = True) -> str:
        """A convolution with its batch norm folded into weight and bias (in double precision)."""
        convolution, norm = module[0], module[1]
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_var is not None
        assert norm.running_mean is not None
        gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        kernel = (convolution.weight.double() * gain[:, None, None, None]).detach().numpy()
        bias = (norm.bias.double() - norm.running_mean.double() * gain).detach().numpy()
        far = convolution.dilation[0]
        inputs = [x, self.weight(f"{name}.weight", kernel), self.weight(f"{name}.bias", bias)]
        words = {"kernel_shape": [3, 3], "strides": list(convolution.stride), "pads": [far] * 4, "dilations": [far, far]}
        out = self.add("Conv", inputs, name, **words)
        return self.add("Relu", [out], f"{name}.relu") if relu else out

    def residual(self, x: str, block: Residual, name: str) -> str:
        y = self.conv(self.conv(x, block.a, f"{name}.a"), block.b, f"{name}.b", relu=False)
        return self.add("Relu", [self.add("Add", [y, x], f"{name}.add")], f"{name}.out")

    def part(self, x: str, name: str, first: int, last: int) -> str:
        ends = [
            self.weight(f"{name}.{word}", np.array([value]), np.int64)
            for word, value in (("from", first), ("to", last), ("axis", 1))
        ]
        return self.add("Slice", [x, *ends], name)


def _decode(graph: _Graph, raw: str) -> None:
    """From raw cells to Ultralytics' rows, in float: nothing here is quantized."""
    shape = graph.weight("flat.shape", np.array([1, 4 + len(CLASSES), CELLS * CELLS]), np.int64)
    flat = graph.add("Reshape", [raw, shape], "flat")
    stride, side = graph.weight("stride", np.array(float(STRIDE))), graph.weight("side", np.array(SIDE))
    offset = graph.add("Mul", [graph.part(flat, "offset", 0, 2), stride], "offset.px")
    centre = graph.add("Add", [offset, graph.weight("cells", centres().numpy()[None])], "centre")
    low, high = graph.weight("least", np.array(-3.0)), graph.weight("most", np.array(3.0))
    bounded = graph.add("Clip", [graph.part(flat, "sides.log", 2, 4), low, high], "sides.clip")
    sides = graph.add("Mul", [graph.add("Exp", [bounded], "sides.exp"), side], "sides")
    shares = graph.add("Sigmoid", [graph.part(flat, "logits", 4, 4 + len(CLASSES))], "shares")
    graph.add("Concat", [centre, sides, shares], "boxes", axis=1)


def to_onnx(net: DefectNet, path: Path) -> None:
    """Write ``net`` as a static-shape ONNX file; the same weights give the same bytes."""
    graph = _Graph()
    x = graph.conv(graph.conv("input", net.downs[0], "down0"), net.downs[1], "down1")
    x = graph.conv(graph.residual(x, net.blocks[0], "block0"), net.downs[2], "down2")
    x = graph.residual(graph.residual(x, net.blocks[1], "block1"), net.blocks[2], "block2")
    kernel, bias = (graph.weight(f"head.{name}", value.detach().numpy()) for name, value in net.head.named_parameters())
    _decode(graph, graph.add("Conv", [x, kernel, bias], "head", kernel_shape=[1, 1]))
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIZE, SIZE])
    boxes = helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 4 + len(CLASSES), CELLS * CELLS])
    proto = helper.make_graph(graph.nodes, "inspection", [picture], [boxes], graph.weights)
    model = helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="inspection"
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))

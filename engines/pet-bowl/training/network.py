"""The classifier: a stem and four residual stages, 0.4 million weights; and its way into an ONNX file, batch norms folded.

Input `input`: float32 1x3x128x128, RGB, pixel / 255. Output `logits`: float32 1x3 in the order of `scenes.CLASSES`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from shapes import SIZE
from torch import Tensor, nn

STEM = 32
STAGES = ((32, 1), (64, 2), (96, 2), (96, 2))  # channels, stride
CLASS_COUNT = 3
OPSET, IR_VERSION = 17, 8


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut (1x1 where the shape changes)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.a_norm = nn.BatchNorm2d(channels)
        self.b = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.b_norm = nn.BatchNorm2d(channels)
        same = channels_in == channels and stride == 1
        self.short = None if same else nn.Conv2d(channels_in, channels, 1, stride, bias=False)
        self.short_norm = None if same else nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """NCHW in, NCHW out, spatial size divided by the stride."""
        y = self.b_norm(self.b(torch.relu(self.a_norm(self.a(x)))))
        if self.short is not None and self.short_norm is not None:
            x = self.short_norm(self.short(x))
        return torch.relu(y + x)


class PetBowlNet(nn.Module):
    """float32 Nx3x128x128 of 0 to 1 to Nx3 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, STEM, 3, 2, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(STEM)
        widths = [STEM, *(channels for channels, _ in STAGES)]
        self.blocks = nn.ModuleList(Block(widths[i], channels, stride) for i, (channels, stride) in enumerate(STAGES))
        self.head = nn.Linear(widths[-1], CLASS_COUNT)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = torch.relu(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(dim=(2, 3)))


class _Graph:
    """Collects ONNX nodes and weights."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def conv(self, x: str, conv: nn.Conv2d, norm: nn.BatchNorm2d, name: str, *, relu: bool) -> str:
        """A convolution with its batch norm folded into weight and bias (in double precision)."""
        gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        kernel = (conv.weight.double() * gain[:, None, None, None]).detach().numpy()
        bias = (norm.bias.double() - norm.running_mean.double() * gain).detach().numpy()
        inputs = [x, self.weight(f"{name}.weight", kernel), self.weight(f"{name}.bias", bias)]
        pad = conv.kernel_size[0] // 2
        out = self.add("Conv", inputs, name, kernel_shape=list(conv.kernel_size), strides=list(conv.stride), pads=[pad] * 4)
        return self.add("Relu", [out], f"{name}.relu") if relu else out


def to_onnx(net: PetBowlNet, path: Path) -> None:
    """Write ``net`` as a static-shape ONNX file; the same weights give the same bytes."""
    graph = _Graph()
    x = graph.conv("input", net.stem, net.stem_norm, "stem", relu=True)
    for i, block in enumerate(net.blocks):
        y = graph.conv(x, block.a, block.a_norm, f"block{i}.a", relu=True)
        y = graph.conv(y, block.b, block.b_norm, f"block{i}.b", relu=False)
        if block.short is not None:
            x = graph.conv(x, block.short, block.short_norm, f"block{i}.short", relu=False)
        x = graph.add("Relu", [graph.add("Add", [y, x], f"block{i}.add")], f"block{i}.out")
    x = graph.add("Flatten", [graph.add("GlobalAveragePool", [x], "pool")], "features")
    weight = graph.weight("head.weight", net.head.weight.detach().numpy())
    graph.add("Gemm", [x, weight, graph.weight("head.bias", net.head.bias.detach().numpy())], "logits", transB=1)
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIZE, SIZE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, CLASS_COUNT])
    proto = helper.make_graph(graph.nodes, "pet-bowl", [picture], [logits], graph.weights)
    model = helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="pet-bowl"
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))

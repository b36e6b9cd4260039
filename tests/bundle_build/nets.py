"""Small networks made with the onnx package, untrained and reproducible, for every test of this room."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


class Graph:
    """Collects nodes and weights; every method gives the name of its result."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name: str, value: Any, kind: Any = np.float32) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def conv(self, x: str, name: str, sizes: tuple[int, int, int], *, stride: int = 1, groups: int = 1, act: str = "Relu") -> str:
        """Convolution with bias and activation; ``sizes`` are channels in, channels out, kernel side."""
        into, out, side = sizes
        spread = (2 / (into // groups * side * side)) ** 0.5
        kernel = self.weight(f"{name}.w", self.rng.normal(0, spread, (out, into // groups, side, side)))
        bias = self.weight(f"{name}.b", self.rng.normal(0, 0.1, out))
        plain = f"{name}.y" if act else name
        pads = [side // 2] * 4
        self.nodes.append(
            helper.make_node("Conv", [x, kernel, bias], [plain], name=name, strides=[stride] * 2, pads=pads, group=groups)
        )
        return self.add(act, [plain], f"{name}.out") if act else plain

    def model(
        self, shape: list[Any], out_shape: list[Any], output: str, *, opset: int = OPSET, kind: int = TensorProto.FLOAT
    ) -> Any:
        """The whole model, ``input`` in and ``output`` out."""
        entry = helper.make_tensor_value_info("input", kind, shape)
        answer = helper.make_tensor_value_info(output, TensorProto.FLOAT, out_shape)
        graph = helper.make_graph(self.nodes, "net", [entry], [answer], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def _head(graph: Graph, x: str, width: int, classes: int) -> str:
    """Global average, flatten, product."""
    flat = graph.add("Flatten", [graph.add("GlobalAveragePool", [x], "pool")], "flat")
    weight = graph.weight("fc.w", graph.rng.normal(0, 3 / width**0.5, (classes, width)))
    return graph.add("Gemm", [flat, weight, graph.weight("fc.b", graph.rng.normal(0, 0.1, classes))], "logits", transB=1)


def classifier(classes: int = 3, size: Any = 32, width: int = 8, batch: Any = "N", opset: int = OPSET) -> Any:
    """A stem, a residual block and a second convolution: what every test builds from."""
    graph = Graph()
    x = graph.conv("input", "stem", (3, width, 3), stride=2)
    y = graph.conv(graph.conv(x, "a", (width, width, 3)), "b", (width, width, 3), act="")
    x = graph.add("Relu", [graph.add("Add", [y, x], "sum")], "joined")
    x = graph.conv(x, "c", (width, 2 * width, 3), stride=2)
    return graph.model([batch, 3, size, size], [batch, classes], _head(graph, x, 2 * width, classes), opset=opset)


def mobile(classes: int = 10, size: int = 224) -> Any:
    """In the manner of torchvision's small classifiers: batch norms, depthwise convolutions, bottlenecks, squeeze and excite."""
    graph = Graph(3)
    x = graph.conv("input", "features.0", (3, 16, 3), stride=2, act="HardSwish")
    x = graph.conv(x, "features.twin", (16, 16, 3), act="HardSwish")  # two, as every real one has: runtimes inline them unnamed
    for index, (into, out) in enumerate(((16, 16), (16, 24), (24, 32)), 1):
        name, wide = f"features.{index}", 3 * into
        y = graph.conv(x, f"{name}.expand", (into, wide, 1))
        y = graph.conv(y, f"{name}.depth", (wide, wide, 3), stride=2, groups=wide, act="")
        facts = [graph.weight(f"{name}.norm.{fact}", value) for fact, value in _norm(graph, wide).items()]
        y = graph.add("Relu", [graph.add("BatchNormalization", [y, *facts], f"{name}.norm")], f"{name}.relu")
        gate = graph.conv(
            graph.add("GlobalAveragePool", [y], f"{name}.squeeze"), f"{name}.gate", (wide, wide, 1), act="HardSigmoid"
        )
        x = graph.conv(graph.add("Mul", [y, gate], f"{name}.scaled"), f"{name}.project", (wide, out, 1), act="")
    return graph.model(["batch", 3, size, size], ["batch", classes], _head(graph, x, 32, classes))


def detector(classes: int = 2, size: int = 64, surest: float = 1.0) -> Any:
    """Boxes in the ``yolo`` form: 1 x (4 + classes) x anchors, centres and sides in pixels; no score is above ``surest``."""
    graph = Graph(5)
    x = graph.conv("input", "stem", (3, 8, 3), stride=4)
    sides = graph.conv(x, "sides", (8, 4, 1), act="Sigmoid")
    scores = graph.conv(x, "scores", (8, classes, 1), act="Sigmoid")
    pixels = graph.add("Mul", [sides, graph.weight("pixels", np.full((1, 4, 1, 1), size))], "boxes")
    scores = graph.add("Mul", [scores, graph.weight("surest", np.full((1, 1, 1, 1), surest))], "sure")
    both = graph.add("Concat", [pixels, scores], "both", axis=1)
    shape = graph.weight("shape", [1, 4 + classes, (size // 4) ** 2], np.int64)
    return graph.model([1, 3, size, size], [1, 4 + classes, (size // 4) ** 2], graph.add("Reshape", [both, shape], "rows"))


def save(model: Any, path: Any) -> Any:
    """Write ``model`` and give the path."""
    onnx.save(model, str(path))
    return path


def _norm(graph: Graph, width: int) -> dict[str, Any]:
    near_one, near_zero = graph.rng.uniform(0.8, 1.2, (2, width)), graph.rng.normal(0, 0.1, (2, width))
    return {"scale": near_one[0], "bias": near_zero[0], "mean": near_zero[1], "var": near_one[1]}

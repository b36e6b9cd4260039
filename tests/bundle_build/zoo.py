"""Forty small networks in the forms that people export, made with the onnx package: each under 200 kB."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from adaptd.bundle_build.model.intake import Wishes
from tests.bundle_build.nets import Graph, classifier, detector, mobile


@dataclass(frozen=True)
class Case:
    """A model, what is said of it, and the form it is to be read as, or the words of its refusal."""

    name: str
    make: Callable[[], Any]
    wishes: Wishes = field(default_factory=Wishes)
    form: str = ""
    refused: str = ""
    external: bool = False


def _features(graph: Graph, entry: str = "input", channels: int = 3, stride: int = 4) -> str:
    return graph.conv(graph.conv(entry, "stem", (channels, 8, 3), stride=stride), "body", (8, 8, 3))


def _rows(features: int, *, last: bool = False, size: int = 32, entry: str = "input", extra: Any = None, anchors: int = 0) -> Any:
    """A detector: ``features`` values an anchor, features first or last."""
    graph = Graph(2)
    x = graph.conv(_features(graph, entry), "head", (8, features, 1), act="Sigmoid")
    full = (size // 4) ** 2
    flat = graph.add("Reshape", [x, graph.weight("shape", [1, features, full], np.int64)], "flat")
    if anchors:
        limits = [graph.weight(name, [value], np.int64) for name, value in (("from", 0), ("to", anchors), ("axis", 2))]
        flat = graph.add("Slice", [flat, *limits], "part")
    anchors = anchors or full
    out = graph.add("Transpose", [flat], "rows", perm=[0, 2, 1]) if last else flat
    model = graph.model([1, 3, size, size], [1, anchors, features] if last else [1, features, anchors], out)
    for key, value in (extra or {}).items():
        item = model.metadata_props.add()
        item.key, item.value = key, value
    return model


def _pooled(width: int, *, act: str = "", grey: bool = False, kind: int = TensorProto.FLOAT, last: bool = False) -> Any:
    """A classifier of ``width`` values, with another kind of input."""
    graph = Graph(4)
    channels, entry = (1 if grey else 3), "input"
    if kind != TensorProto.FLOAT:
        entry = graph.add("Cast", [entry], "to_float", to=TensorProto.FLOAT)
    if last:
        entry = graph.add("Transpose", [entry], "first", perm=[0, 3, 1, 2])
    x = _features(graph, entry, channels)
    flat = graph.add("Flatten", [graph.add("GlobalAveragePool", [x], "pool")], "flat")
    weight = graph.weight("w", graph.rng.normal(0, 1, (width, 8)))
    out = graph.add("Gemm", [flat, weight, graph.weight("b", graph.rng.normal(0, 0.1, width))], "logits", transB=1)
    out = graph.add(act, [out], "shares") if act else out
    shape = ["N", 32, 32, channels] if last else ["N", channels, 32, 32]
    return graph.model(shape, ["N", width], out, kind=kind)


def _half() -> Any:
    from onnxconverter_common import float16

    return float16.convert_float_to_float16(classifier(), keep_io_types=False)


def _ir3(opset: int = 9) -> Any:
    """As onnx's own light models: weights among the inputs, IR 3."""
    model = classifier(batch=1, opset=opset)
    model.ir_version = 3
    for item in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(item.name, item.data_type, list(item.dims)))
    return model


def _pair(*, classes: bool = False) -> Any:
    graph = Graph(6)
    x = _features(graph)
    sides, scores = (
        graph.conv(x, "sides", (8, 4, 1), act="Sigmoid"),
        graph.conv(x, "scores", (8, 1 if classes else 3, 1), act="Sigmoid"),
    )
    outs = []
    for name, wide in ((sides, 4), (scores, 1 if classes else 3)):
        flat = graph.add("Reshape", [name, graph.weight(f"{name}.shape", [1, wide, 64], np.int64)], f"{name}.flat")
        outs.append(graph.add("Transpose", [flat], f"{name}.rows", perm=[0, 2, 1]))
    model = graph.model([1, 3, 32, 32], [1, 64, 4], outs[0])
    if classes:
        graph.weights.append(onnx.numpy_helper.from_array(np.array([1, 64], np.int64), "flat2"))
        model.graph.initializer.append(graph.weights[-1])
        model.graph.node.append(helper.make_node("Reshape", [outs[1], "flat2"], ["one"], name="one"))
        model.graph.node.append(helper.make_node("Cast", ["one"], ["kinds"], name="kinds", to=TensorProto.INT64))
        model.graph.output.append(helper.make_tensor_value_info("one", TensorProto.FLOAT, [1, 64]))
        model.graph.output.append(helper.make_tensor_value_info("kinds", TensorProto.INT64, [1, 64]))
    else:
        model.graph.output.append(helper.make_tensor_value_info(outs[1], TensorProto.FLOAT, [1, 64, 3]))
    return model


def _attention(opset: int = 18) -> Any:
    """A small ViT: patches, products over three axes, softmax, ReduceMean in its form of opset 18."""
    graph = Graph(7)
    x = graph.conv("input", "patch", (3, 16, 8), stride=8, act="")
    x = f"{'patch'}" if x == "patch" else x
    flat = graph.add("Reshape", [x, graph.weight("s", [1, 16, -1], np.int64)], "tokens0")
    x = graph.add("Transpose", [flat], "tokens", perm=[0, 2, 1])
    parts = []
    for name in "qkv":
        product = graph.add("MatMul", [x, graph.weight(f"{name}.w", graph.rng.normal(0, 0.25, (16, 16)))], f"{name}.p")
        parts.append(graph.add("Add", [product, graph.weight(f"{name}.b", graph.rng.normal(0, 0.1, 16))], name))
    score = graph.add("MatMul", [parts[0], graph.add("Transpose", [parts[1]], "kt", perm=[0, 2, 1])], "score")
    x = graph.add("MatMul", [graph.add("Softmax", [score], "soft", axis=-1), parts[2]], "mixed")
    axes = [graph.weight("axes", [1], np.int64)] if opset >= 18 else []
    more = {} if opset >= 18 else {"axes": [1]}
    pooled = graph.add("ReduceMean", [x, *axes], "mean", keepdims=0, **more)
    out = graph.add("Gemm", [pooled, graph.weight("hw", graph.rng.normal(0, 1, (16, 3)))], "logits")
    return graph.model([1, 3, 32, 32], [1, 3], out, opset=opset)


def _lost_shape() -> Any:
    """The declared output is static, but a reshape by a computed size hides it from inference."""
    model = classifier(batch=1)
    graph = model.graph
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 3], np.float32), "sizes"))
    graph.node.append(helper.make_node("Relu", ["sizes"], ["size"], name="size"))
    graph.node.append(helper.make_node("Cast", ["size"], ["same"], name="same", to=TensorProto.INT64))
    graph.node.append(helper.make_node("Reshape", ["logits", "same"], ["answer"], name="answer"))
    graph.output[0].name = "answer"
    return model


def _gain() -> Any:
    """A small activation times stored constants up to 40,000."""
    graph = Graph(8)
    x = graph.add("Mul", [_features(graph), graph.weight("gain", np.linspace(1, 40_000, 8).reshape(1, 8, 1, 1))], "loud")
    x = graph.add("Mul", [x, graph.weight("soft", np.full((1, 8, 1, 1), 1e-4))], "quiet")
    flat = graph.add("Flatten", [graph.add("GlobalAveragePool", [x], "pool")], "flat")
    out = graph.add("Gemm", [flat, graph.weight("w", graph.rng.normal(0, 1, (3, 8)))], "logits", transB=1)
    return graph.model(["N", 3, 32, 32], ["N", 3], out)


def _quantized() -> Any:
    model = classifier(batch=1)
    model.graph.node.append(helper.make_node("QuantizeLinear", ["logits", "qs"], ["q"], name="q"))
    model.graph.node.append(helper.make_node("DequantizeLinear", ["q", "qs"], ["dq"], name="dq"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(0.1, np.float32), "qs"))
    model.graph.output[0].name = "dq"
    return model


def _opset(model: Any, version: int) -> Any:
    return onnx.version_converter.convert_version(model, version)


YOLO = {"task": "detect", "names": "{0: 'cat', 1: 'dog'}", "imgsz": "[32, 32]"}
CASES = [
    Case("plain", classifier, form="classification"),
    Case("batch-1", lambda: classifier(batch=1), form="classification"),
    Case("mobile", lambda: mobile(size=64), form="classification"),
    *[
        Case(f"opset-{n}", lambda n=n: classifier(batch=1, opset=n), form="classification")
        for n in (9, 11, 13, 15, 18, 19, 20, 21, 22)
    ],
    Case("ir3-opset9", _ir3, form="classification"),
    Case("ir3-opset8", lambda: _ir3(8), form="classification"),
    Case("float16", _half, form="classification"),
    Case("uint8", lambda: _pooled(3, kind=TensorProto.UINT8), form="classification"),
    Case("uint8-last", lambda: _pooled(3, kind=TensorProto.UINT8, last=True), form="classification"),
    Case("channels-last", lambda: _pooled(3, last=True), form="classification"),
    Case("grey", lambda: _pooled(3, grey=True), form="classification"),
    Case("grey-last", lambda: _pooled(3, grey=True, last=True), form="classification"),
    Case("one-sigmoid", lambda: _pooled(1, act="Sigmoid"), form="sigmoid"),
    Case("one-logit", lambda: _pooled(1), form="logit"),
    Case("multilabel", lambda: _pooled(5, act="Sigmoid"), Wishes(head="multilabel"), form="multilabel"),
    Case("external", lambda: classifier(batch=1), form="classification", external=True),
    Case("yolov8", lambda: detector(3), form="yolo"),
    Case("yolov8-metadata", lambda: _rows(6, extra=YOLO), form="yolo"),
    Case("yolov5", lambda: _rows(8, last=True), Wishes(head="yolov5"), form="yolov5"),
    Case("yolov5-metadata", lambda: _rows(7, last=True, extra=YOLO), form="yolov5"),
    Case("yolox", lambda: _rows(8, last=True, anchors=21), Wishes(head="yolox"), form="yolox"),
    Case("yolox-other-strides", lambda: _rows(8, last=True), Wishes(head="yolox"), refused="64 anchors, strides of 8, 16 and 32"),
    Case("pose", lambda: _rows(4 + 1 + 51, extra={"task": "pose", "names": "{0: 'person'}"}), form="yolo-pose"),
    Case("obb", lambda: _rows(4 + 2 + 1, extra={**YOLO, "task": "obb"}), form="yolo-obb"),
    Case("rtdetr", lambda: _rows(6, last=True), Wishes(head="rtdetr"), form="rtdetr"),
    Case("pair", _pair, Wishes(head="corners-share", output="sides.out.rows,scores.out.rows"), form="corners-share"),
    Case("boxes-scores-classes", lambda: _pair(classes=True), Wishes(output="sides.out.rows,one,kinds", classes=4), form="boxes"),
    Case("finished", lambda: _rows(6, last=True), Wishes(classes=2, head="boxes"), form="boxes"),
    Case("vit-opset18", _attention, form="classification"),
    Case("vit-opset17", lambda: _attention(17), form="classification"),
    Case("lost-shape", _lost_shape, form="classification"),
    Case("gain-40000", _gain, form="classification"),
    Case("two-outputs", _pair, refused="--model-output NAME"),
    Case("long-metadata", lambda: _rows(6, extra={"names": "x" * 10_000_000}), refused="", form="yolo"),
    Case("quantized", _quantized, refused="quantized already"),
]


def write(case: Case, folder: Path) -> Path:
    """The model's file, with one sibling ``.data`` file where the case asks for it."""
    path = folder / f"{case.name}.onnx"
    if case.external:
        onnx.save_model(case.make(), str(path), save_as_external_data=True, location=f"{case.name}.onnx.data", size_threshold=0)
    else:
        onnx.save(case.make(), str(path))
    return path

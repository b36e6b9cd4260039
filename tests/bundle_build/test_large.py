"""A model of a few hundred bytes that would need gigabytes is refused by its shapes, before anything runs it."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.intake import take_in
from tests.bundle_build.nets import classifier, save


def swollen(path: Path, kind: str, count: int) -> Path:
    """A small classifier that makes a tensor of ``count`` floats on its way, and adds what it comes to."""
    model = classifier()
    answer = model.graph.output[0].name
    model.graph.node[-1].output[0] = "before"
    constants = {"size": [count], "one": [1]}
    model.graph.initializer.extend(numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items())
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "seed"))
    inputs = {"Expand": ["seed", "size"], "Tile": ["seed", "size"], "ConstantOfShape": ["size"]}[kind]
    attributes = {"value": helper.make_tensor("value", TensorProto.FLOAT, [1], [0.0])} if kind == "ConstantOfShape" else {}
    model.graph.node.extend(
        [
            helper.make_node(kind, inputs, ["large"], name="grow", **attributes),
            helper.make_node("ReduceMax", ["large"], ["top"], keepdims=0, name="shrink"),
            helper.make_node("Add", ["before", "top"], [answer], name="add"),
        ]
    )
    return save(model, path)


@pytest.mark.parametrize("kind", ["Expand", "Tile", "ConstantOfShape"])
@pytest.mark.parametrize("count", [1 << 29, 1 << 40])
def test_a_model_that_expands_to_gigabytes_is_refused_unrun(kind: str, count: int, tmp_path: Path) -> None:
    """2 GiB and 4 TiB of floats: one line that names the tensor and what it would take."""
    with pytest.raises(
        BuildError, match=rf"^large\.onnx: tensor large is {count} and takes [0-9,]+ MiB when it runs, at most 512"
    ):
        take_in(swollen(tmp_path / "large.onnx", kind, count))


@pytest.mark.parametrize("kind", ["Expand", "ConstantOfShape"])
def test_a_tensor_of_ordinary_size_is_none_of_its_business(kind: str, tmp_path: Path) -> None:
    """Negative control: a thousand floats on the way are served."""
    assert take_in(swollen(tmp_path / "small.onnx", kind, 1000)).name == "small"

"""What comes in from outside: judged before it is parsed, and made static, named and batch 1."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.intake import Wishes, model_name, read_file, take_in
from adaptd.bundle_build.model.onnx_io import from_bytes
from tests.bundle_build.nets import Graph, classifier, save


def test_a_usual_export_becomes_static(tmp_path: Path) -> None:
    """A dynamic batch is pinned to 1, shapes are known, every node has a name of its own, and the note says what was done."""
    source = take_in(save(classifier(), tmp_path / "My Net.fp32.onnx"))
    assert (source.name, source.input_shape, source.output_shape) == ("my-net", (1, 3, 32, 32), (1, 3))
    assert source.notes == ("input made static: 1x3x32x32",)
    names = [node.name for node in from_bytes(source.data).graph.node]
    assert len(set(names)) == len(names)


def test_the_same_model_gives_the_same_bytes_without_prose(tmp_path: Path) -> None:
    """Names of files and machines that an exporter left inside do not reach the bundle."""
    model = classifier()
    plain = take_in(save(model, tmp_path / "a.onnx"))
    model.doc_string, model.producer_name = "/home/somebody/train.py", "exporter"
    model.graph.node[0].doc_string = "line 17"
    model.metadata_props.add(key="host", value="somewhere")
    assert take_in(save(model, tmp_path / "b.onnx")).data == plain.data


def test_an_older_operator_set_is_converted(tmp_path: Path) -> None:
    """Opset 11 comes out as 17 and says so."""
    source = take_in(save(classifier(opset=11), tmp_path / "old.onnx"))
    assert source.opset == 17
    assert "converted from opset 11 to 17" in source.notes


def test_weights_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    """Models of old exporters that list every weight as an input are taken."""
    model = classifier()
    for item in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(item.name, item.data_type, list(item.dims)))
    assert take_in(save(model, tmp_path / "old.onnx")).input_shape == (1, 3, 32, 32)


def test_a_free_picture_size_is_declared(tmp_path: Path) -> None:
    """Free sides need --size, and get it."""
    model = classifier()
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"side{axis}"
    path = save(model, tmp_path / "free.onnx")
    with pytest.raises(BuildError, match="add --size HEIGHTxWIDTH"):
        take_in(path)
    assert take_in(path, Wishes(size=(48, 64))).input_shape == (1, 3, 48, 64)


def test_one_of_several_outputs_is_chosen_and_the_rest_pruned(tmp_path: Path) -> None:
    """An auxiliary output and what only it needs are taken out of the graph."""
    model = classifier()
    model.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["N", 16]))
    path = save(model, tmp_path / "two.onnx")
    with pytest.raises(BuildError, match=r"has 2 outputs .*--model-output NAME"):
        take_in(path)
    with pytest.raises(BuildError, match="has no output 'logit'"):
        take_in(path, Wishes(output="logit"))
    pruned = from_bytes(take_in(path, Wishes(output="flat")).data)
    assert [node.op_type for node in pruned.graph.node][-1] == "Flatten"
    assert "fc.w" not in {item.name for item in pruned.graph.initializer}


def _foreign(model: Any) -> None:
    model.graph.node[1].domain = "com.example"


def _loop(model: Any) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["never"], body=body))


def _functions(model: Any) -> None:
    add = helper.make_node("Add", ["x", "x"], ["y"])
    model.functions.append(helper.make_function("local", "Twice", ["x"], ["y"], [add], [helper.make_opsetid("", 17)]))


def _quantized(model: Any) -> None:
    model.graph.node.insert(0, helper.make_node("QuantizeLinear", ["input", "fc.b"], ["q"]))


def _external(model: Any) -> None:
    item = model.graph.initializer[0]
    item.ClearField("raw_data")
    item.data_location = TensorProto.EXTERNAL
    item.external_data.add(key="location", value="../../etc/passwd")


def _second_input(model: Any) -> None:
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))


def _batch(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 8


def _channels_last(model: Any) -> None:
    axes = model.graph.input[0].type.tensor_type.shape.dim
    axes[1].dim_value, axes[3].dim_value = 32, 3


def _flat(model: Any) -> None:
    del model.graph.input[0].type.tensor_type.shape.dim[2:]


def _bytes_in(model: Any) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8


def _giant(model: Any) -> None:
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = 100_000


def _newer(model: Any) -> None:
    model.opset_import[0].version = 23


def _ancient(model: Any) -> None:
    model.opset_import[0].version = 6


def _broken_wire(model: Any) -> None:
    model.graph.node[2].input[0] = "nobody"


def _nan(model: Any) -> None:
    item = next(item for item in model.graph.initializer if item.name == "fc.b")
    item.CopyFrom(numpy_helper.from_array(np.full(3, np.nan, np.float32), "fc.b"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_foreign, "operator outside ONNX"),
        (_loop, "control flow"),
        (_functions, "model-local functions"),
        (_quantized, "is quantized already"),
        (_external, "a file beside it, without a path, is read"),
        (_second_input, "has 2 inputs"),
        (_batch, "fixed batch of 8"),
        (_channels_last, "does not run"),
        (_flat, "has 2 axes"),
        (_bytes_in, "the ONNX checker refuses it"),
        (_giant, "outside 8 to 4096 pixels"),
        (_newer, "is opset 23, 7 to 22"),
        (_ancient, "is opset 6, 7 to 22"),
        (_broken_wire, "the ONNX checker refuses it"),
        (_nan, "NaN or infinity"),
    ],
)
def test_a_model_that_cannot_be_served_is_refused_in_one_line(spoil: Callable[[Any], None], words: str, tmp_path: Path) -> None:
    """Each fault has one line that names the file, the fault and the remedy."""
    model = classifier()
    spoil(model)
    path = tmp_path / "bad.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(BuildError, match=words) as caught:
        take_in(path)
    assert "\n" not in str(caught.value)
    assert "bad.onnx" in str(caught.value)


def test_a_graph_with_the_batch_built_in_is_refused(tmp_path: Path) -> None:
    """A Reshape to batch 4 inside a model that claims a dynamic batch is found before anything is quantized."""
    graph = Graph()
    rows = graph.add("Reshape", ["input", graph.weight("four", [4, 192], np.int64)], "rows")
    total = graph.add("ReduceSum", [rows, graph.weight("axes", [1], np.int64)], "total", keepdims=0)
    path = save(graph.model(["N", 3, 8, 8], ["N"], total), tmp_path / "bad.onnx")
    with pytest.raises(BuildError, match=r"bad\.onnx: "):
        take_in(path)


def test_files_that_are_not_what_they_seem_are_not_read(tmp_path: Path) -> None:
    """A link, a pipe, a folder, a missing, an oversized, an empty, a cut and a random file each give one line."""
    good = save(classifier(), tmp_path / "good.onnx")
    (tmp_path / "link.onnx").symlink_to(good)
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "cut.onnx").write_bytes(good.read_bytes()[:-40])
    (tmp_path / "text.onnx").write_bytes(b"not a model at all")
    (tmp_path / "empty.onnx").write_bytes(b"")
    for name, words in (
        ("link.onnx", "is a symbolic link"),
        ("pipe.onnx", "is no regular file"),
        (".", "is no regular file"),
        ("missing.onnx", "no such file"),
        ("cut.onnx", "not an ONNX model"),
        ("text.onnx", "not an ONNX model"),
        ("empty.onnx", "not an ONNX model"),
    ):
        with pytest.raises(BuildError, match=words):
            take_in(tmp_path / name)
    with pytest.raises(BuildError, match="at most 0 MiB are read"):
        read_file(good, limit=100)


def test_a_model_name_is_made_from_the_file_name() -> None:
    """Lower case, no blanks, no endings; a name without a usable character asks for one."""
    assert model_name(Path("Mobile Net v3.FP32.onnx")) == "mobile-net-v3"
    assert model_name(Path("x.onnx"), "Door Watch") == "door-watch"
    with pytest.raises(BuildError, match="add --name NAME"):
        model_name(Path("___.onnx"))


def test_an_output_that_stays_dynamic_is_refused(tmp_path: Path) -> None:
    """A model whose answer has no fixed size (here: the places of bright pixels) cannot be served."""
    graph = Graph()
    graph.add("Cast", [graph.add("NonZero", ["input"], "places")], "found", to=TensorProto.FLOAT)
    path = save(graph.model([1, 3, 8, 8], [4, "n"], "found"), tmp_path / "bad.onnx")
    with pytest.raises(BuildError, match="has no static shape"):
        take_in(path)


def test_the_checker_sees_what_onnx_saved(tmp_path: Path) -> None:
    """The bytes that are shipped as the source load and check again."""
    source = take_in(save(classifier(), tmp_path / "m.onnx"))
    onnx.checker.check_model(from_bytes(source.data), full_check=True)


def test_a_model_that_needs_no_change_keeps_its_bytes(tmp_path: Path) -> None:
    """A static, named, clean export is shipped as it came, so that its sha256 is the one its maker knows."""
    model = onnx.shape_inference.infer_shapes(classifier(batch=1))
    model.producer_name = "maker"
    path = save(model, tmp_path / "clean.onnx")
    assert take_in(path).data == path.read_bytes()

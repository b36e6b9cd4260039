"""The scan of ONNX bytes finds external data and unsigned quantisation wherever they hide, and agrees with the onnx package."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from adaptd.engine.errors import BundleError
from adaptd.engine.onnx_scan import refuse_external, scan
from tests.engine.models import classifier


def outside(name: str) -> TensorProto:
    """A tensor that claims to live in another file."""
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), name)
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    tensor.ClearField("raw_data")
    return tensor


def graph_with(place: str) -> onnx.ModelProto:
    """A model with an external tensor in one of the places where the format allows tensors."""
    model = onnx.load_from_string(classifier())
    graph = model.graph
    constant = helper.make_node("Constant", [], ["c"], value=outside("hidden"))
    if place == "initializer":
        graph.initializer.append(outside("hidden"))
    elif place == "constant":
        graph.node.append(constant)
    elif place == "subgraph":
        branch = helper.make_graph([constant], "b", [], [])
        graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch))
    elif place == "function":
        model.functions.append(helper.make_function("own", "f", [], ["c"], [constant], [helper.make_opsetid("", 17)]))
    else:
        sparse = onnx.SparseTensorProto()
        sparse.values.CopyFrom(outside("hidden"))
        graph.sparse_initializer.append(sparse)
    return model


@pytest.mark.parametrize("place", ["initializer", "constant", "subgraph", "function", "sparse"])
def test_external_data_is_found_wherever_it_hides(place: str) -> None:
    """Initialisers, constants, branches, functions and sparse tensors are all searched."""
    found = scan(graph_with(place).SerializeToString(), "m")
    assert "hidden" in found.external
    with pytest.raises(BundleError, match="external data"):
        refuse_external(found, "m")


def test_a_plain_model_has_an_opset_and_nothing_outside() -> None:
    """The opset is the default domain's, whatever other domains say."""
    model = onnx.load_from_string(classifier(opset=18))
    model.opset_import.append(helper.make_opsetid("com.example", 3))
    found = scan(model.SerializeToString(), "m")
    assert (found.opset, found.external, found.quantized, found.unsigned) == (18, [], False, False)


@pytest.mark.parametrize(("kind", "unsigned"), [(np.uint8, True), (np.int8, False)])
@pytest.mark.parametrize("as_constant", [False, True])
def test_an_unsigned_zero_point_is_told_from_a_signed_one(kind: type, unsigned: bool, as_constant: bool) -> None:
    """TensorRT reads uint8 as int8 without a word, so the difference must be seen here."""
    model = onnx.load_from_string(classifier())
    zero = numpy_helper.from_array(np.array(0, kind), "zero")
    scale = numpy_helper.from_array(np.array(0.1, np.float32), "scale")
    model.graph.initializer.append(scale)
    if as_constant:
        model.graph.node.append(helper.make_node("Constant", [], ["zero"], value=zero))
    else:
        model.graph.initializer.append(zero)
    model.graph.node.append(helper.make_node("QuantizeLinear", ["picture", "scale", "zero"], ["q"]))
    found = scan(model.SerializeToString(), "m")
    assert (found.quantized, found.unsigned) == (True, unsigned)


def outcome(data: bytes) -> str:
    """The refusal in words, or nothing."""
    try:
        scan(data, "m")
    except BundleError as error:
        return str(error)
    return ""


def test_no_cut_of_a_model_crashes_the_scan() -> None:
    """Every prefix is either a model that adds up or one refused line."""
    whole = classifier()
    for size in range(0, len(whole), 3):
        assert "\n" not in outcome(whole[:size])


def test_no_flipped_bit_crashes_the_scan() -> None:
    """Damage gives an answer or one refused line, never another exception."""
    whole = classifier()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x81
        assert "\n" not in outcome(bytes(damaged))


def test_graphs_nested_without_end_are_refused() -> None:
    """A model built to exhaust the stack is refused in one line."""
    graph = b""
    for _ in range(60):
        graph = field(1, field(5, field(6, graph)))
    with pytest.raises(BundleError, match="nested too deep"):
        scan(field(8, b"\x10\x11") + field(7, graph), "m")


def field(number: int, content: bytes) -> bytes:
    """One length-delimited protobuf field."""
    size, left = b"", len(content)
    while left >= 128:
        size += bytes([left & 127 | 128])
        left >>= 7
    return bytes([number << 3 | 2]) + size + bytes([left]) + content

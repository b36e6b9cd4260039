"""The shipped model: small, static, plain ONNX, and right about pictures it has never seen."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import render_set
import score
from scenes import CLASSES

MODEL = "pet-bowl.fp32.onnx"


@pytest.fixture(scope="module")
def model(bundle: Path) -> onnx.ModelProto:
    """The shipped file, parsed."""
    return onnx.load(bundle / MODEL, load_external_data=False)


def test_file_is_at_most_two_megabytes(bundle: Path) -> None:
    """The model ships in the repository, so it stays at 2 MB or less."""
    assert (bundle / MODEL).stat().st_size <= 2_000_000


def test_graph_is_plain_static_opset_17(model: onnx.ModelProto) -> None:
    """Opset 17, fixed shapes, standard operators only, batch norms folded away: what every engine builder reads."""
    onnx.checker.check_model(model, full_check=True)
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 17)]
    assert {node.op_type for node in model.graph.node} == {"Conv", "Relu", "Add", "GlobalAveragePool", "Flatten", "Gemm"}
    shapes = [[d.dim_value for d in item.type.tensor_type.shape.dim] for item in (model.graph.input[0], model.graph.output[0])]
    assert shapes == [[1, 3, 128, 128], [1, 3]]


def test_model_holds_a_third_of_a_million_weights_or_more(model: onnx.ModelProto) -> None:
    """Enough weights that INT8 arithmetic pays on a CPU, few enough to ship."""
    count = sum(int(np.prod(item.dims)) for item in model.graph.initializer)
    assert 300_000 <= count <= 450_000


def test_description_matches_the_file(bundle: Path, model: onnx.ModelProto) -> None:
    """The JSON beside the model names its tensors, shapes and classes as they are."""
    facts = json.loads((bundle / "pet-bowl.json").read_text())
    assert facts["input"]["name"] == model.graph.input[0].name
    assert facts["output"]["name"] == model.graph.output[0].name
    assert tuple(facts["classes"]) == CLASSES
    assert facts["preprocessing"]["divisor"] == 255


@pytest.mark.parametrize(("band", "each", "least"), [("bright", 300, 0.97), ("dim", 150, 0.95), ("night", 150, 0.6)])
def test_score_on_fresh_pictures(bundle: Path, band: str, each: int, least: float) -> None:
    """Pictures that neither training nor the card has used: 97 % right in bright light, nearly so at dusk, honest at night."""
    drawn = list(render_set.samples("spare", 1, [band], each))
    session = score.open_model(bundle / MODEL)
    found = score.classes_of(session, np.stack([one.picture for one in drawn]))
    truth = np.array([CLASSES.index(one.label) for one in drawn])
    assert np.mean(found == truth) >= least


def test_score_table_has_a_row_for_every_band(bundle: Path) -> None:
    """The table of the model card is made by the command that the card names."""
    text = score.table([bundle / MODEL, bundle / MODEL], 3, 1)
    assert [line.split("|")[1].strip() for line in text.splitlines()[2:]] == ["night", "dim", "bright"]
    assert text.count("(0.00 % differ)") == 3

"""Models as people export them: forty forms, taken and built, or refused in one right line."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.floats import session, trial
from adaptd.bundle_build.model.intake import Wishes, take_in
from adaptd.engine.base import probe_batch
from adaptd.vision.answers import reader
from tests.bundle_build.nets import classifier, save
from tests.bundle_build.zoo import CASES, Case, write


def test_there_are_forty() -> None:
    """The zoo is as large as the guide says, and no name comes twice."""
    assert len({case.name for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_is_taken_or_refused_in_one_line(case: Case, tmp_path: Path) -> None:
    """A model that is taken runs, gives its declared shape, and its answer is read; one that is not says why in one line."""
    path = write(case, tmp_path)
    assert path.stat().st_size < 200_000 or case.name == "long-metadata"
    if case.refused:
        with pytest.raises(BuildError, match=case.refused) as caught:
            take_in(path, case.wishes)
        assert "\n" not in str(caught.value)
        return
    source = take_in(path, case.wishes)
    assert source.head.form == case.form
    answer = trial(source.data, source.input_shape, case.name)
    assert answer.shape == source.output_shape
    names = tuple(f"c{number}" for number in range(source.head.classes))
    read = reader(source.head, names, (source.input_shape[2], source.input_shape[3]))
    found = read.answer(answer)
    assert source.head.task == "detection" or read.loss_ppm(found, found) == 0
    assert read.near(answer, 0) in (False, True)


def test_metadata_names_classes_and_size(tmp_path: Path) -> None:
    """Ultralytics' class names come in the output's order; ten million letters of them are not read, and that is told."""
    by_name = {case.name: case for case in CASES}
    assert take_in(write(by_name["yolov8-metadata"], tmp_path)).names == ("cat", "dog")
    long = take_in(write(by_name["long-metadata"], tmp_path))
    assert long.names is None
    assert any("metadata field names is over 64 KiB" in note for note in long.notes)
    assert len(long.data) < 200_000


def test_what_is_put_in_front_changes_no_answer(tmp_path: Path) -> None:
    """A model with channels last answers, through the transpose in front, what it answers to the same picture turned."""
    case = next(case for case in CASES if case.name == "channels-last")
    path = write(case, tmp_path)
    source = take_in(path)
    batch = probe_batch(source.input_shape)
    plain = session(path.read_bytes()).run(None, {"input": np.ascontiguousarray(batch.transpose(0, 2, 3, 1))})[0]
    assert np.allclose(trial(source.data, source.input_shape, "m"), plain, atol=1e-6)


@pytest.mark.parametrize("spoil", ["link", "path", "two", "outside"])
def test_weights_beside_the_model_are_taken_from_one_plain_file_only(spoil: str, tmp_path: Path) -> None:
    """A link, a path, a second file and a place past the end are each refused in one line."""
    path = tmp_path / "m.onnx"
    onnx.save_model(classifier(batch=1), str(path), save_as_external_data=True, location="m.data", size_threshold=0)
    model = onnx.load(str(path), load_external_data=False)
    if spoil == "link":
        (tmp_path / "m.data").rename(tmp_path / "real")
        (tmp_path / "m.data").symlink_to(tmp_path / "real")
    for number, item in enumerate(model.graph.initializer):
        for entry in item.external_data:
            if entry.key == "location" and (spoil == "path" or (spoil == "two" and number)):
                entry.value = "../m.data" if spoil == "path" else "other.data"
            if entry.key == "offset" and spoil == "outside":
                entry.value = "999999999"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(BuildError, match=r"link|a file beside it|2 files|lies outside") as caught:
        take_in(path, Wishes())
    assert "\n" not in str(caught.value)


def test_an_old_model_with_the_weights_among_its_inputs_is_read(tmp_path: Path) -> None:
    """What onnx ships as light models, IR 3 and opset 9, converts without a traceback."""
    case = next(case for case in CASES if case.name == "ir3-opset9")
    assert take_in(save(case.make(), tmp_path / "old.onnx")).opset == 17

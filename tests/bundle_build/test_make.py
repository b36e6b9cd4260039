"""The whole build: the same bytes every time, warnings where they are due, and nothing half written."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.data.pictures import PRESETS, Pictures
from adaptd.bundle_build.model import make as making
from adaptd.bundle_build.model.calibrate import calibrate, look
from adaptd.bundle_build.model.floats import folded
from adaptd.bundle_build.model.intake import Wishes
from adaptd.bundle_build.model.make import Built, Order, assemble, build
from adaptd.bundle_build.model.sensitivity import search
from adaptd.bundle_build.qualify.judge import Distance, Judge
from adaptd.config.manifest import load_manifest
from adaptd.engine.bundle import Bundle
from adaptd.vision.answers import reader
from tests.bundle_build.pictures import fill
from tests.conftest import ROOT

SCRIPT = """
import sys, hashlib
from pathlib import Path
from adaptd.bundle_build.model.make import Order, assemble
from adaptd.bundle_build.data.pictures import PRESETS
from adaptd.config.policy import load_policy
policy = load_policy(Path(sys.argv[1]))
built = assemble(Order(Path(sys.argv[2]), Path(sys.argv[3]), policy.bands, PRESETS["unit"], method="minmax"))
print({name: hashlib.sha256(data).hexdigest() for name, data in sorted(built.files.items())})
"""


def test_a_bundle_opens_with_four_files_and_both_back_ends(made: tuple[Built, Path]) -> None:
    """FP16 and INT8 for both back ends, each INT8 in its own file; where FP16 is computed in FP32 the float file serves as it."""
    bundle = Bundle.open(made[1])
    files = {
        f"{name}.{backend}": entry.file for name, kinds in bundle.manifest.variants.items() for backend, entry in kinds.items()
    }
    assert files == {
        "fp16.ort": "tiny.fp32.onnx",
        "fp16.tensorrt": "tiny.fp16.onnx",
        "int8.ort": "tiny.int8.ort.onnx",
        "int8.tensorrt": "tiny.int8.trt.onnx",
    }
    assert bundle.entry("int8", "ort").precision_computed == "int8"
    assert bundle.entry("int8", "ort").calibration_sha256 == bundle.entry("int8", "tensorrt").calibration_sha256 is not None
    assert "tiny.fp32.onnx" in bundle.kept


def test_the_same_input_gives_the_same_bytes_in_another_process(made: tuple[Built, Path], order: Order) -> None:
    """Neither hash seeds nor a second process change a byte of any file."""
    import hashlib

    command = [sys.executable, "-c", SCRIPT, ROOT / "policies" / "feeder.yaml", order.model, order.calibration]
    done = subprocess.run(command, env={"PYTHONHASHSEED": "7", "PATH": ""}, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == str({name: hashlib.sha256(data).hexdigest() for name, data in sorted(made[0].files.items())})


def test_few_pictures_and_missing_light_are_warned_of(order: Order, tmp_path: Path) -> None:
    """The warnings name the bands that calibration did not see."""
    built = assemble(replace(order, calibration=fill(tmp_path, each=5, bands=("bright",))))
    assert any("only 15 pictures" in warning for warning in built.warnings)
    assert any("too few calibration pictures in night (0), dim (0)" in warning for warning in built.warnings)


def test_auto_takes_the_method_that_disagrees_least(order: Order) -> None:
    """All three methods are compared on held-out pictures and the smallest distance wins."""
    built = assemble(replace(order, method="auto"))
    compared = built.summary["compared"]
    assert set(compared) == {"entropy", "minmax", "percentile"}
    best = min(compared, key=lambda name: compared[name]["soft_ppm"])
    assert built.summary["method"] == best


def test_sensitive_layers_are_found_by_measuring(made: tuple[Built, Path], order: Order, tmp_path: Path) -> None:
    """Each layer is set free in turn; those kept are among the best of the ranking and bring the answers nearer."""
    source = made[0].source
    graph = folded(source.data)
    from adaptd.bundle_build.data.images import scan

    pictures = Pictures(scan(order.calibration, order.bands).samples[:12], PRESETS["unit"].words((32, 32)))
    judge = Judge(source.data, pictures, reader(source.head, ("a", "b", "c")))
    ranges = calibrate(graph, look(graph, pictures), "minmax", judge).ranges
    found = search(graph, ranges, judge, "int8.ort")
    assert len(found.ranked) == 5
    left = [distance.soft_ppm for _, distance in found.ranked]
    assert left == sorted(left)
    assert set(found.kept) <= {name for name, _ in found.ranked[:1]}
    assert found.after.soft_ppm <= found.before.soft_ppm


def test_an_int8_file_that_fails_its_check_leaves_a_bundle_of_fp16(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle is still written and serves FP16; what is missing is said and recorded."""

    def fail(distance: Distance, what: str) -> list[str]:
        if what == "fp16":
            return []
        raise BuildError(f"{what}: answers differ by 90 %")

    monkeypatch.setattr(making, "check_distance", fail)
    built = build(order, tmp_path / "out")
    assert list(load_manifest(tmp_path / "out").variants) == ["fp16"]
    assert any(warning.startswith("int8.ort: not built") for warning in built.warnings)
    assert any("int8.trt: not built" in warning for warning in json.loads(built.files["tiny.build.json"])["warnings"])


def test_nothing_is_written_when_the_build_is_refused(order: Order, tmp_path: Path) -> None:
    """An unknown method, class names that do not fit and an output path that is a file stop before the first byte."""
    out = tmp_path / "out"
    with pytest.raises(BuildError, match="--method best: is not known"):
        build(replace(order, method="best"), out)
    with pytest.raises(BuildError, match="has 3 classes, but 2 names"):
        build(replace(order, labels=("x", "y")), out)
    assert not out.exists()
    out.write_text("a file")
    with pytest.raises(BuildError, match="is no folder"):
        build(order, out)


def test_a_rebuild_replaces_only_the_bundle(order: Order, tmp_path: Path) -> None:
    """Files of the user's own beside the bundle survive, and an unchanged file is not written again."""
    out = tmp_path / "out"
    build(order, out)
    (out / "MODEL_CARD.md").write_text("mine")
    before = (out / "tiny.fp16.onnx").stat().st_mtime_ns
    build(order, out)
    assert (out / "tiny.fp16.onnx").stat().st_mtime_ns == before
    build(replace(order, wishes=Wishes(name="other")), out)
    assert not (out / "tiny.fp16.onnx").exists()
    build(order, out)
    assert not (out / "other.fp16.onnx").exists()
    assert (out / "MODEL_CARD.md").read_text() == "mine"
    assert not [path for path in out.iterdir() if path.name.startswith(".")]

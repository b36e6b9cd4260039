"""Qualification end to end on a small bundle: what is written, what is refused, what is said."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.data.pictures import PRESETS
from adaptd.bundle_build.model.make import Built, Order, build
from adaptd.bundle_build.qualify.findings import MeasurePlan
from adaptd.bundle_build.qualify.qualify import Qualified, qualify
from adaptd.config.manifest import facts, load_manifest
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.engine.bundle import Bundle
from tests.bundle_build.nets import detector, save
from tests.bundle_build.pictures import fill


def test_the_manifest_holds_what_the_planner_needs(qualified: tuple[Qualified, Path]) -> None:
    """Per variant energy and latency, per band n and disagreements, and the bundle still verifies."""
    manifest = Bundle.open(qualified[1]).manifest
    reference, efficient = facts(manifest, "ort")
    assert (reference.name, efficient.name) == ("fp16", "int8")
    assert reference.energy_uj > 0
    assert efficient.latency_us > 0
    assert [(prior.band, prior.n) for prior in efficient.priors] == [("bright", 12), ("dim", 12), ("night", 12)]
    assert all(prior.disagreed == 0 for prior in reference.priors)
    measured = manifest.variants["int8"]["ort"].qualification
    assert measured is not None
    assert measured.energy_method.startswith("estimated: ")
    assert "cores" in measured.device
    assert "onnxruntime" in measured.device
    assert measured.bands["bright"].disagreement_bound_ppm > 300_000


def test_the_record_holds_the_reasons(qualified: tuple[Qualified, Path]) -> None:
    """Bound with its source, gain with its numbers, the arithmetic's fingerprint."""
    record = json.loads((qualified[1] / "tiny.qualification.ort.json").read_bytes())
    assert record == qualified[0].record
    assert record["bound"].startswith("Clopper-Pearson")
    assert set(record["scores"]) == {"fp16", "int8"}
    assert [rate["mfps"] for rate in record["gain"]["int8"]["rates"]] == [5000, 7000, 9000, 11_000, 13_000, 15_000]
    assert all(len(value) == 64 for value in record["fingerprint"].values())
    assert "tiny.qualification.ort.json" in load_manifest(qualified[1]).files


def test_too_few_pictures_to_serve_at_once_are_said(qualified: tuple[Qualified, Path]) -> None:
    """Twelve pictures a band spare no wait, and the number that would is named."""
    assert any("night (12), dim (12), bright (12): 300 are needed" in line for line in qualified[0].warnings)


def test_pictures_that_calibrated_do_not_judge(
    made: tuple[Built, Path], pictures: Path, policy: Policy, profile: HardwareProfile, tmp_path: Path
) -> None:
    """They are left out; a folder with no others is refused."""
    folder = shutil.copytree(made[1], tmp_path / "tiny")
    used = set(made[0].summary["calibration"]) | set(made[0].summary["held_out"])
    seen = shutil.copytree(pictures, tmp_path / "seen")
    (seen / "labels.csv").unlink(missing_ok=True)
    for path in [path for path in seen.rglob("*.png") if hashlib.sha256(path.read_bytes()).hexdigest() not in used]:
        path.unlink()
    with pytest.raises(BuildError, match="all 27 pictures were used to calibrate"):
        qualify(MeasurePlan(folder, (seen,), policy, profile, saturated_s=0.1, root=tmp_path))
    mixed = fill(shutil.copytree(pictures, tmp_path / "data"), each=2, seed=8)
    found = qualify(MeasurePlan(folder, (mixed,), policy, profile, saturated_s=0.1, root=tmp_path))
    assert any("pictures were used to calibrate and are left out" in line for line in found.warnings)


def test_a_flipped_bit_is_refused_before_anything_runs(
    made: tuple[Built, Path], policy: Policy, profile: HardwareProfile, tmp_path: Path
) -> None:
    """A bundle that is not what its manifest says is not measured, and stays as it was."""
    folder = shutil.copytree(made[1], tmp_path / "tiny")
    path = folder / "tiny.int8.ort.onnx"
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(BuildError, match=r"tiny\.int8\.ort\.onnx: sha256 does not match"):
        qualify(MeasurePlan(folder, (fill(tmp_path / "data", each=1, seed=3),), policy, profile))
    assert (folder / "manifest.json").read_bytes() == before


def test_what_cannot_be_measured_here_is_one_line(
    made: tuple[Built, Path], policy: Policy, profile: HardwareProfile, tmp_path: Path
) -> None:
    """Another reference, no plan for this backend, no folder of pictures and unreadable pictures each say what to do."""
    data = fill(tmp_path / "data", each=1, seed=3)
    plan = MeasurePlan(made[1], (data,), policy, profile, saturated_s=0.1, root=tmp_path)
    with pytest.raises(BuildError, match="its reference is fp16, the policy's is fp32"):
        qualify(replace(plan, policy=replace(policy, reference="fp32")))
    with pytest.raises(BuildError, match=r"no TensorRT plan|TensorRT cannot be imported"):
        qualify(replace(plan, backend="tensorrt"))
    with pytest.raises(BuildError, match="is no folder"):
        qualify(replace(plan, data=(tmp_path / "nowhere",)))
    for path in data.rglob("*.png"):
        path.write_bytes(path.as_posix().encode())
    with pytest.raises(BuildError, match="none of the pictures can be read"):
        qualify(plan)


def test_a_signed_manifest_that_changes_has_to_be_signed_again(
    made: tuple[Built, Path], policy: Policy, profile: HardwareProfile, tmp_path: Path
) -> None:
    """Qualification drops the old signature and says so."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from adaptd.bundle_build.model.write import write_bundle

    folder = shutil.copytree(made[1], tmp_path / "tiny")
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    plain = load_manifest(folder).model_dump(mode="json", by_alias=True, exclude={"digest", "signature"})
    write_bundle(folder, {}, plain, key)
    assert load_manifest(folder).signature
    found = qualify(
        MeasurePlan(folder, (fill(tmp_path / "data", each=1, seed=3),), policy, profile, saturated_s=0.1, root=tmp_path)
    )
    assert any("sign it again" in line for line in found.warnings)
    assert load_manifest(folder).signature is None


def test_a_detector_is_built_and_qualified_too(policy: Policy, profile: HardwareProfile, tmp_path: Path) -> None:
    """Boxes instead of classes: the loss is 1 - F1, the bound is that of betting, the score mAP on labelled pictures."""
    data = fill(tmp_path / "data", each=4, size=64, bands=("bright",))
    for path in data.rglob("*.png"):
        path.with_suffix(".txt").write_text("1 0.5 0.5 0.3 0.3\n")
    order = Order(save(detector(), tmp_path / "boxes.onnx"), data, policy.bands, PRESETS["yolo"], method="minmax")
    built = build(order, tmp_path / "bundle")
    assert built.manifest["task"] == "detection"
    new = fill(tmp_path / "new", each=2, size=64, seed=5)
    found = qualify(MeasurePlan(tmp_path / "bundle", (new,), policy, profile, saturated_s=0.1, root=tmp_path))
    assert found.record["score"] == "mAP at IoU 0.5"
    assert found.record["bound"].startswith("mixture of constant bets")
    assert found.record["scores"]["fp16"]["dim"]["score_ppm"] is None


def test_a_score_like_a_guess_is_warned_of(qualified: tuple[Qualified, Path]) -> None:
    """Class names in the wrong order, or wrong preprocessing, show as a score of chance; the warning says what to check."""
    assert any("little more than a guess" in line and "--labels" in line for line in qualified[0].warnings)


@pytest.mark.parametrize(("surest", "warned"), [(1.0, False), (0.01, True)])
def test_a_band_in_which_the_reference_finds_nothing_is_named(
    policy: Policy, profile: HardwareProfile, tmp_path: Path, surest: float, warned: bool
) -> None:
    """Detectors agree on pictures in which neither finds anything: the warning says how many there are, and in which light."""
    data = fill(tmp_path / "data", each=4, size=64, bands=("bright",))
    order = Order(save(detector(surest=surest), tmp_path / "boxes.onnx"), data, policy.bands, PRESETS["yolo"], method="minmax")
    build(order, tmp_path / "bundle")
    new = fill(tmp_path / "new", each=2, size=64, seed=5, bands=("night",))
    found = qualify(MeasurePlan(tmp_path / "bundle", (new,), policy, profile, saturated_s=0.1, root=tmp_path))
    assert any("finds nothing in 6 of 6 pictures in night" in line for line in found.warnings) is warned

"""What a bundle says of itself: the manifest's plain form, and the note of how it was made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from adaptd.bundle_build.model.calibrate import Calibration, MethodChoice, set_digest
from adaptd.bundle_build.model.intake import SourceModel
from adaptd.bundle_build.model.sensitivity import Sensitivity
from adaptd.bundle_build.qualify.judge import Distance
from adaptd.config.manifest import Preprocessing

ORT, TENSORRT = "ort", "tensorrt"
REFERENCE, EFFICIENT = "fp16", "int8"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decided what the bundle became. ``kept`` are the layers outside INT8, of each INT8 file."""

    source: SourceModel
    classes: tuple[str, ...]
    words: Preprocessing
    choice: MethodChoice
    calibration: Calibration
    found: Mapping[str, Sensitivity]
    kept: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Made:
    """One file: its bytes, the precision ONNX Runtime computes it in here, and its distance from the float32 source."""

    data: bytes
    precision: str
    counts: dict[str, int]
    distance: Distance | None


def manifest_of(recipe: Recipe, made: Mapping[str, Made]) -> dict[str, Any]:
    """The manifest without ``files``, digest and signature; nothing is qualified yet."""
    source = recipe.source
    calibrated = set_digest(recipe.choice.calibration)

    def entry(kind: str, precision: str, calibration_sha256: str | None = None) -> dict[str, Any]:
        return {"file": f"{source.name}.{kind}.onnx", "precision_computed": precision, "calibration_sha256": calibration_sha256}

    # where the runtime would compute FP16 in FP32, with a cast around every layer, the float file itself is the quicker reference
    half = made["fp16"].precision
    on_ort = entry("fp32" if half == "fp32" else "fp16", half)
    variants = {REFERENCE: {ORT: on_ort, TENSORRT: entry("fp16", "fp16")}}
    int8 = {}
    if "int8.ort" in made:
        int8[ORT] = entry("int8.ort", made["int8.ort"].precision, calibrated)
    if "int8.trt" in made:
        int8[TENSORRT] = entry("int8.trt", "int8-fp16", calibrated)
    if int8:
        variants[EFFICIENT] = int8
    return {
        "schema": 1,
        "model": source.name,
        "task": source.head.task,
        "head": source.head.form,
        "classes": list(recipe.classes),
        "reference": REFERENCE,
        "input_shape": list(source.input_shape),
        "output_shape": list(source.output_shape),
        "preprocessing": recipe.words.model_dump(mode="json"),
        "variants": variants,
    }


def summary_of(recipe: Recipe, made: Mapping[str, Made], warnings: list[str]) -> dict[str, Any]:
    """How the bundle was made, for people and for the qualification, which must not reuse the calibration pictures."""
    found = recipe.found.get("int8.ort")
    return {
        "schema": 1,
        "head": recipe.source.head.form,
        "opset": recipe.source.opset,
        "notes": list(recipe.source.notes),
        "warnings": warnings,
        "method": recipe.calibration.method,
        "compared": {name: _distance(distance) for name, distance in recipe.calibration.compared},
        "kept_in_fp16": list(recipe.kept["int8.ort"]),
        "kept_in_fp16_tensorrt": list(recipe.kept["int8.trt"]),
        "sensitivity": [] if found is None else [{"layer": name, **_distance(distance)} for name, distance in found.ranked],
        "files": {kind: {"computed": item.counts, **_distance(item.distance)} for kind, item in sorted(made.items())},
        "calibration": sorted(sample.sha256 for sample in recipe.choice.calibration),
        "held_out": sorted(sample.sha256 for sample in recipe.choice.held_out),
    }


def _distance(distance: Distance | None) -> dict[str, int]:
    """Against the float32 source on the held-out pictures; the source itself has none."""
    return {} if distance is None else asdict(distance)

"""The manifest of a bundle: which files, which variants, and what qualification measured of each, strict and frozen.

The file is canonical JSON (keys sorted, no blanks, integers and strings only) and one line feed. ``digest`` is the sha256 of that
JSON without ``digest`` and ``signature`` (see ``sealing``).
"""

import json
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from adaptd.config.errors import ConfigError
from adaptd.config.regular_file import NAME, read_regular
from adaptd.config.sealing import canonical, check_signature, digest_of, sign
from adaptd.config.validate import Strict
from adaptd.vocabulary import ModeFigures, Prior, VariantFacts

FILE = "manifest.json"
LIMIT = 1 << 20
MOST_FILE_BYTES, MOST_BYTES = 1 << 30, 2 << 30  # of one file, and of a bundle: they are read whole, to be hashed
MOST_VALUES = 1 << 26  # of a picture or an answer: 256 MiB of float32

Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
FileName = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=1 << 53)]
Positive = Annotated[int, Field(ge=1, le=1 << 53)]
Side = Annotated[int, Field(ge=1, le=MOST_VALUES)]
Ppm = Annotated[int, Field(ge=0, le=1_000_000)]
Shape = Annotated[tuple[Side, ...], Field(min_length=1, max_length=8)]
Three = Annotated[tuple[int, ...], Field(min_length=3, max_length=3)]


Point = Annotated[tuple[Ppm, ...], Field(min_length=2, max_length=2)]


class FileFact(Strict):
    """One file of the bundle."""

    sha256: Hash
    bytes: Annotated[int, Field(ge=0, le=MOST_FILE_BYTES)]


class Preprocessing(Strict):
    """A picture becomes ``(value / divisor - mean) / std`` per channel, in ``colour_order``, fitted to ``size`` (height, width).

    ``fit``: ``stretch`` both sides; ``centre_crop`` the middle ``crop_ppm`` of the shorter side; ``letterbox`` with mid grey.
    ``roi_ppm`` is the part of the camera's picture that is looked at, before all else: left, top, width, height in millionths.
    ``roi_points_ppm`` are the corners (x, y) of a polygon that fills that part; what lies outside of it is mid grey.
    """

    size: Annotated[tuple[Side, ...], Field(min_length=2, max_length=2)]
    divisor: Positive
    mean_ppm: Three
    std_ppm: Annotated[tuple[Positive, ...], Field(min_length=3, max_length=3)]
    colour_order: Literal["rgb", "bgr"]
    fit: Literal["stretch", "centre_crop", "letterbox"] = "stretch"
    crop_ppm: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000_000
    roi_ppm: Annotated[tuple[Ppm, ...], Field(min_length=4, max_length=4)] | None = None
    roi_points_ppm: Annotated[tuple[Point, ...], Field(min_length=3, max_length=64)] | None = None


class Band(Strict):
    """What one light band showed: ``n`` frames, score on labels (None without labels), and frames that differ from the reference.

    ``near`` counts further frames that the last bits of another processor's float sums could turn; they count as differing.
    ``disagreement_bound_ppm`` is the upper confidence bound that qualification states; latencies are quantiles of one inference.
    """

    n: Count
    score_ppm: Ppm | None
    disagreed: Count
    disagreement_bound_ppm: Ppm
    latency_p50_us: Count
    latency_p90_us: Count
    latency_p99_us: Count
    near: Count = 0


class NoGain(Strict):
    """Whether this variant saves nothing against the reference at the policy's rates, and the numbers that say so."""

    flag: bool
    why: str


class ModeFact(Strict):
    """The board's power mode while something was measured, and the cap of its memory clock (0: not capped)."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    memory_khz: Count


class Qualification(Strict):
    """Measured on one device. Energies are of one inference: ``marginal`` above idle, ``saturated`` with idle, back to back.

    ``power_mode`` is None where the board has none, or nobody noted it: then the figures count in any.
    """

    device: str
    bands: dict[Word, Band]
    energy_marginal_uj: Count
    energy_saturated_uj: Count
    energy_method: str
    idle_power_mw: Count
    warm_memory_mb: Count
    no_gain: NoGain
    power_mode: ModeFact | None = None


class PlanFact(Strict):
    """Where a TensorRT plan runs, and how it was built: ``built_with`` is ``strong``, ``flags`` or ``flags-fp16-only``."""

    gpu: str
    compute_capability: str
    tensorrt: str
    built_with: str
    source: FileName


class VariantFile(Strict):
    """One variant on one backend: the file that is loaded, and what is known of it. ``plan`` is None while it is an ONNX file.

    ``modes`` are qualifications in other power modes of the same device.
    """

    file: FileName
    precision_computed: Word
    calibration_sha256: Hash | None = None
    plan: PlanFact | None = None
    qualification: Qualification | None = None
    modes: tuple[Qualification, ...] = ()


class Manifest(Strict):
    """A bundle's manifest. Shapes are whole, batch first; ``reference`` is the variant that disagreement was measured against;
    ``head`` is the form of the output (``vision.heads``), None where task and shape tell it."""

    schema_version: Literal[1] = Field(alias="schema")
    model: Word
    task: Literal["classification", "detection"]
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    reference: Word
    input_shape: Shape
    output_shape: Shape
    preprocessing: Preprocessing
    files: dict[FileName, FileFact]
    variants: dict[Word, dict[Word, VariantFile]]
    digest: Hash
    signature: str | None = None
    head: Word | None = None


def load_manifest(bundle: Path, *, public_key: Path | None = None, require_signature: bool = False) -> Manifest:
    """Read ``bundle/manifest.json`` and check digest, signature and every cross reference.

    Raises:
        ConfigError: one line: the file, the key, what is wrong, what would be right.
    """
    data = read_regular(bundle, FILE, limit=LIMIT, hard_links=True)
    return parse_manifest(data, f"{bundle}/{FILE}", public_key=public_key, require_signature=require_signature)


def parse_manifest(data: bytes, where: str, *, public_key: Path | None = None, require_signature: bool = False) -> Manifest:
    """As ``load_manifest``, from bytes."""
    plain = _plain(data, where)
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in fault["loc"])
        raise ConfigError(f"{where}: {key}: {fault['msg'].lower()}") from None
    _check(manifest, where)
    if digest_of(plain) != manifest.digest:
        raise ConfigError(f"{where}: digest: does not match the manifest's own bytes, fetch the bundle again")
    check_signature(manifest.signature, manifest.digest, where, public_key, required=require_signature)
    return manifest


def facts(manifest: Manifest, backend: str) -> tuple[VariantFacts, ...]:
    """What the planner may know of each variant on ``backend``, the reference first; a variant without qualification is left out.

    The latency is the slowest band's median. Raises ConfigError when the reference itself is not qualified there.
    """
    order = sorted(manifest.variants, key=lambda name: (name != manifest.reference, name))
    entries = {name: manifest.variants[name][backend] for name in order if backend in manifest.variants[name]}
    known = tuple(_variant_facts(name, one.qualification) for name, one in entries.items() if one.qualification is not None)
    if not known or known[0].name != manifest.reference:
        entry = entries.get(manifest.reference)
        planless = backend == "tensorrt" and (entry is None or entry.plan is None)
        build, qualify = "has no plan, run: adaptd engine build", "is not qualified, run: adaptd engine qualify"
        remedy = f"{build} BUNDLE --backend tensorrt" if planless else f"{qualify} BUNDLE --data DIR"
        raise ConfigError(f"{FILE}: variants.{manifest.reference}.{backend}: {remedy}")
    return known


def figures(manifest: Manifest, backend: str) -> tuple[ModeFigures, ...]:
    """What is known of each variant in each power mode that was noted; empty where none was, and then modes mean nothing."""
    return tuple(
        ModeFigures(
            mode=measured.power_mode.name,
            memory_khz=measured.power_mode.memory_khz,
            variant=name,
            energy_uj=max(1, measured.energy_marginal_uj),
            latency_us=max((1, *(band.latency_p50_us for band in measured.bands.values()))),
            idle_mw=measured.idle_power_mw,
        )
        for name, backends in sorted(manifest.variants.items())
        if backend in backends
        for measured in (backends[backend].qualification, *backends[backend].modes)
        if measured is not None and measured.power_mode is not None
    )


def _variant_facts(name: str, measured: Qualification) -> VariantFacts:
    bands = sorted(measured.bands.items())
    return VariantFacts(
        name=name,
        energy_uj=measured.energy_marginal_uj,
        latency_us=max((band.latency_p50_us for _, band in bands), default=0),
        no_gain=measured.no_gain.flag,
        priors=tuple(Prior(band=word, n=band.n, disagreed=min(band.n, band.disagreed + band.near)) for word, band in bands),
    )


def seal(plain: dict[str, Any], private_key_pem: bytes | None = None) -> bytes:
    """The bytes to write as ``manifest.json``: digest put in, signed when a key is given, checked by reading them back.

    Raises:
        ConfigError: the manifest would be refused.
    """
    body = {key: value for key, value in plain.items() if key not in ("digest", "signature")}
    body["digest"] = digest_of(body)
    body["signature"] = None if private_key_pem is None else sign(body["digest"], private_key_pem)
    data = canonical(body) + b"\n"
    parse_manifest(data, FILE)
    return data


def _plain(data: bytes, where: str) -> dict[str, Any]:
    try:
        plain = json.loads(data, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: is not JSON of integers and strings ({error}), build the bundle again") from None
    if not isinstance(plain, dict) or canonical(plain) + b"\n" != data:
        raise ConfigError(f"{where}: is not canonical JSON (sorted keys, no blanks, one line), let adaptd engine build write it")
    return plain


def _refuse(text: str) -> object:
    raise ValueError(f"the number {text} is no integer")


def around(points: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Left, top, width and height of the part around a polygon."""
    across, down = [point[0] for point in points], [point[1] for point in points]
    return min(across), min(down), max(across) - min(across), max(down) - min(down)


def _check_sizes(manifest: Manifest, where: str) -> None:
    """Before anything is read or reserved: a bundle that no machine of this kind could hold is refused by its words alone."""
    shapes = (("input_shape", manifest.input_shape), ("output_shape", manifest.output_shape))
    for key, shape in (*shapes, ("preprocessing.size", manifest.preprocessing.size)):
        if prod(shape) > MOST_VALUES:
            sides = " x ".join(map(str, shape))
            raise ConfigError(f"{where}: {key}: {sides} values are more than {MOST_VALUES:,}, build it for a smaller picture")
    whole = sum(fact.bytes for fact in manifest.files.values())
    if whole > MOST_BYTES:
        raise ConfigError(f"{where}: files: are {whole >> 20:,} MiB together, at most {MOST_BYTES >> 20:,} are read")


def _check(manifest: Manifest, where: str) -> None:
    roi = manifest.preprocessing.roi_ppm
    if roi is not None and (min(roi[2:]) < 1 or roi[0] + roi[2] > 1_000_000 or roi[1] + roi[3] > 1_000_000):
        raise ConfigError(f"{where}: preprocessing.roi_ppm: lies outside the picture, give left, top, width, height inside it")
    _check_sizes(manifest, where)
    points = manifest.preprocessing.roi_points_ppm
    if points is not None and around(points) != roi:
        raise ConfigError(f"{where}: preprocessing.roi_ppm: is not the part around roi_points_ppm, build the bundle again")
    if manifest.reference not in manifest.variants:
        raise ConfigError(
            f"{where}: reference: {manifest.reference} is no variant, name one of {', '.join(sorted(manifest.variants))}"
        )
    for name, backends in manifest.variants.items():
        for backend, entry in backends.items():
            wanted = [entry.file] if entry.plan is None else [entry.file, entry.plan.source]
            for file in wanted:
                if file not in manifest.files:
                    raise ConfigError(f"{where}: variants.{name}.{backend}: {file} is not among files, list it with its sha256")
            for band, seen in ({} if entry.qualification is None else entry.qualification.bands).items():
                if seen.disagreed > seen.n:
                    raise ConfigError(f"{where}: variants.{name}.{backend}.{band}: disagreed is over n, qualify again")

"""The whole build: an ONNX file and a folder of pictures in, a bundle out that still has to be qualified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adaptd.bundle_build import BuildError, Progress, silent
from adaptd.bundle_build.data.images import NO_BAND, Dataset, missing_bands, scan
from adaptd.bundle_build.data.pictures import PRESETS, Pictures, Preset, class_names, unreadable_note
from adaptd.bundle_build.model.calibrate import FEWEST, USUAL, MethodChoice, calibrate, choose, look
from adaptd.bundle_build.model.checks import check_distance, check_ort, check_trt
from adaptd.bundle_build.model.floats import folded
from adaptd.bundle_build.model.fp16 import overflowing, to_fp16
from adaptd.bundle_build.model.int8 import for_ort, for_trt, named_layers, ort_int8, take_twin, trt_int8
from adaptd.bundle_build.model.intake import SourceModel, Wishes, take_in
from adaptd.bundle_build.model.onnx_io import to_bytes
from adaptd.bundle_build.model.precision import computed
from adaptd.bundle_build.model.ranges import Range
from adaptd.bundle_build.model.rewrites import without_hardswish
from adaptd.bundle_build.model.sensitivity import KINDS, search
from adaptd.bundle_build.model.write import file_facts, note_bytes, write_bundle
from adaptd.bundle_build.qualify.describe import Made, Recipe, manifest_of, summary_of
from adaptd.bundle_build.qualify.judge import Distance, Judge
from adaptd.config.manifest import Preprocessing
from adaptd.config.policy import LightBand
from adaptd.vision import ModelError
from adaptd.vision.answers import reader

FEW_IN_A_BAND = 20


@dataclass(frozen=True, slots=True)
class Order:
    """What to build. ``keep`` names layers that stay in FP16 (``first``, ``last``, ``auto`` are understood); ``wished`` are
    single numbers of preprocessing said beyond the preset, None takes that of the model's task. ``qdq`` is a quantized model of
    somebody else's that serves as INT8.
    """

    model: Path
    calibration: Path
    bands: Sequence[LightBand]
    preset: Preset | None = None
    wished: Mapping[str, Any] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)
    labels: tuple[str, ...] | None = None
    method: str = "auto"
    keep: tuple[str, ...] = ()
    count: int = USUAL
    band: str | None = None
    qdq: Path | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """What came out: the bundle's files, its manifest without digest, how it was made, and what the user should read."""

    source: SourceModel
    files: dict[str, bytes]
    manifest: dict[str, Any]
    summary: dict[str, Any]
    warnings: tuple[str, ...]


def build(order: Order, out: Path, progress: Progress = silent) -> Built:
    """Build and write the bundle. Raises BuildError; then nothing in ``out`` has changed."""
    if out.exists() and not out.is_dir():
        raise BuildError(f"{out}: is no folder, name a folder for the bundle with -o")
    built = assemble(order, progress)
    write_bundle(out, built.files, built.manifest)
    return built


def assemble(order: Order, progress: Progress = silent) -> Built:
    """Everything but the writing: the same order gives the same bytes on one machine."""
    one = ready(order)
    source, graph, choice = one.source, one.graph, one.choice
    twin = None if order.qdq is None else take_twin(order.qdq, order.wishes, source)
    wanted = named_layers(graph, order.keep)
    spreads = look(graph, one.pictures, progress)
    judge = one.judge()
    calibration = calibrate(graph, spreads, order.method, judge, wanted, progress)
    found = {name: search(graph, calibration.ranges, judge, name, wanted, progress) for name in KINDS if "auto" in order.keep}
    kept = {name: found[name].kept if name in found else tuple(wanted) for name in KINDS}
    made, failures = _variants(one, calibration.ranges, kept, twin, judge)
    warnings = [*_light(one.dataset, order.bands), *one.dataset.notes, *choice.notes, *failures]
    warnings += [*unreadable_note(one.pictures), *unreadable_note(one.held_out)]
    return _bundle(Recipe(source, one.classes, one.words, choice, calibration, found, kept), made, warnings)


@dataclass(frozen=True, slots=True)
class Ready:
    """The model of an order taken in and folded, with the pictures to calibrate with and those held out, as it takes them."""

    source: SourceModel
    graph: Any
    dataset: Dataset
    choice: MethodChoice
    classes: tuple[str, ...]
    words: Preprocessing
    pictures: Pictures
    held_out: Pictures

    def judge(self) -> Judge:
        """By the model's own answers on the pictures held out."""
        read = reader(self.source.head, self.classes, self.words.size)
        return Judge(self.source.data, self.held_out, read, classes=self.source.head.form == "classification")


def ready(order: Order) -> Ready:
    """Raises BuildError: model or pictures cannot be used."""
    source = take_in(order.model, replace(order.wishes, classes=None if order.labels is None else len(order.labels)))
    dataset = scan(order.calibration, order.bands, order.band)
    noted = source.names if source.names is not None and len(source.names) == source.head.classes else None
    preset = order.preset or PRESETS["imagenet" if source.head.task == "classification" else "yolo"]
    words = replace(preset, **order.wished).words((source.input_shape[2], source.input_shape[3]))
    choice = choose(dataset, order.count)
    return Ready(
        source=source,
        graph=without_hardswish(folded(source.data)),
        dataset=dataset,
        choice=choice,
        classes=class_names(order.labels or noted, dataset.labels, source.head.classes),
        words=words,
        pictures=Pictures(choice.calibration, words),
        held_out=Pictures(choice.held_out, words),
    )


def _variants(
    one: Ready, ranges: Mapping[str, Range], kept: Mapping[str, Sequence[str]], twin: Any, judge: Judge
) -> tuple[dict[str, Made], list[str]]:
    """The four files. An INT8 file that fails its checks is left out and said so; the bundle then serves FP16 only."""
    half = to_fp16(one.graph, ranges)
    made = {"fp32": _made(one.source.data, None), "fp16": _made(to_bytes(half), judge.distance(half))}
    large = overflowing(one.graph, ranges)
    failures = [f"{len(large)} layers overflow FP16 and stay in FP32 ({large[0]} first)"] if large else []
    failures += check_distance(made["fp16"].distance or judge.worst, "fp16")
    for name in KINDS:
        try:
            model = _int8(name, one.graph, ranges, kept[name], twin)
            distance = judge.distance(model, exact=name == "int8.trt")
            failures += check_distance(distance, name)
        except ModelError as error:
            failures.append(f"{name}: not built: {error}")
            continue
        made[name] = _made(to_bytes(model), distance)
    return made, failures


def _int8(name: str, graph: Any, ranges: Mapping[str, Range], keep: Sequence[str], twin: Any) -> Any:
    """The checked file of one back end, made from the float graph or from a quantized ``twin`` that was given."""
    if name == "int8.trt":
        model = trt_int8(graph, ranges, keep) if twin is None else for_trt(twin, ranges)
        check_trt(model)
        return model
    if twin is not None:
        return for_ort(twin)
    model = ort_int8(graph, ranges, keep)
    check_ort(model)
    return model


def _made(data: bytes, distance: Distance | None) -> Made:
    precision, counts = computed(data)
    return Made(data, precision, dict(sorted(counts.items())), distance)


def _light(dataset: Dataset, bands: Sequence[LightBand]) -> list[str]:
    if dataset.bands == (NO_BAND,):
        return []
    thin = missing_bands(dataset, bands, FEW_IN_A_BAND)
    wish = f"{FEWEST} or more in all, {FEW_IN_A_BAND} or more in each band"
    return [f"too few calibration pictures in {', '.join(thin)}: add some ({wish})"] if thin else []


def _bundle(recipe: Recipe, made: dict[str, Made], warnings: list[str]) -> Built:
    name = recipe.source.name
    summary = summary_of(recipe, made, warnings)
    files = {f"{name}.{kind}.onnx": item.data for kind, item in made.items()}
    files[f"{name}.build.json"] = note_bytes(summary)
    manifest = {**manifest_of(recipe, made), "files": file_facts(files)}
    return Built(recipe.source, files, manifest, summary, tuple(warnings))

"""Qualification: every variant of a bundle measured on this device, band by band, and written into its manifest."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from adaptd.bundle_build import BuildError, Progress, engine_refusals, silent
from adaptd.bundle_build.data.images import Dataset, missing_bands, scan_all
from adaptd.bundle_build.data.labels import Labels, labels_of
from adaptd.bundle_build.data.pictures import Pictures, unreadable_note
from adaptd.bundle_build.model.precision import computed, operations
from adaptd.bundle_build.model.write import file_facts, note_bytes, write_bundle
from adaptd.bundle_build.qualify.energy import Cost, estimated, metered
from adaptd.bundle_build.qualify.evaluate import evaluate, quantile_us
from adaptd.bundle_build.qualify.findings import MeasuredFigures, MeasurePlan, put_in, qualification, record_of
from adaptd.bundle_build.qualify.gain import Gain, flawless_needed, judge
from adaptd.bundle_build.qualify.measure import Run, fingerprint, load, saturate_all
from adaptd.bundle_build.qualify.meters import Meter, metering
from adaptd.config.engine_answers import packed
from adaptd.config.manifest import Manifest
from adaptd.config.policy import Policy
from adaptd.engine.backends import EngineOptions, factory
from adaptd.engine.base import Engine, EngineSpec, answers_of
from adaptd.engine.bundle import Bundle
from adaptd.engine.ort import OrtEngine
from adaptd.vision.answers import reader
from adaptd.vision.heads import Head, head_for

SOURCE = "fp32"
FEWEST_TO_SCORE = 30
QUIET_PPM = 100_000


@dataclass(frozen=True, slots=True)
class Qualified:
    """``record`` is what ``MODEL.qualification.BACKEND.json`` holds; ``manifest`` is the new one, digest left out."""

    manifest: dict[str, Any]
    record: dict[str, Any]
    warnings: tuple[str, ...]


def qualify(plan: MeasurePlan, progress: Progress = silent) -> Qualified:
    """Measure, write the manifest, and hand back what was found. Raises BuildError; then the bundle is as it was."""
    bundle = _open(plan)
    manifest = bundle.manifest
    head = head_for(manifest.task, manifest.output_shape, len(manifest.classes), manifest.head)
    dataset, notes = _unused(scan_all(plan.data, plan.policy.bands, plan.band), bundle)
    labels, said = labels_of(dataset, head.form, manifest.classes, manifest.preprocessing)
    pictures = Pictures(dataset.samples, manifest.preprocessing)
    before = load(plan.root)
    measured = _measure(plan, bundle, head, labels, pictures, progress)
    others_ppm = load(plan.root).others_ppm(before)
    warnings = [*notes, *dataset.notes, *said, *unreadable_note(pictures), *_thin(dataset, plan.policy)]
    warnings += _late(measured, plan.policy, manifest.reference)
    warnings += _chance(measured, manifest) + _nothing_found(measured, manifest) + _busy(others_ppm)
    if manifest.signature is not None:
        warnings.append(f"the manifest was signed and has changed: sign it again with adaptd engine sign {plan.bundle} --key F")
    return _write(plan, bundle, measured, warnings)


def _open(plan: MeasurePlan) -> Bundle:
    with engine_refusals():
        bundle = Bundle.open(plan.bundle)
    if not bundle.variants(plan.backend):
        raise BuildError(f"{plan.bundle}: no variant is built for {plan.backend}")
    if bundle.manifest.reference != plan.policy.reference:
        found, wanted = bundle.manifest.reference, plan.policy.reference
        raise BuildError(f"{plan.bundle}: its reference is {found}, the policy's is {wanted}; name another policy with --policy")
    return bundle


def _unused(dataset: Dataset, bundle: Bundle) -> tuple[Dataset, list[str]]:
    """The dataset without the pictures that calibration saw: they would flatter the result."""
    name = f"{bundle.manifest.model}.build.json"
    made = json.loads(bundle.kept[name]) if name in bundle.kept else {}
    seen = {*made.get("calibration", ()), *made.get("held_out", ())}
    kept = tuple(sample for sample in dataset.samples if sample.sha256 not in seen)
    gone = len(dataset.samples) - len(kept)
    if not kept:
        raise BuildError(f"{dataset.folder}: all {gone} pictures were used to calibrate, other pictures are needed to judge")
    return replace(dataset, samples=kept), [f"{gone} pictures were used to calibrate and are left out"] if gone else []


def _thin(dataset: Dataset, policy: Policy) -> list[str]:
    """Bands with too few frames to spare a variant the clean shadow frames that it owes before it first serves."""
    needed = flawless_needed(policy) or 0
    thin = ", ".join(missing_bands(dataset, policy.bands, needed))
    limit = f"at most {policy.max_loss_ppm / 10_000:g} % of them different"
    return [f"too few pictures to serve from the first frame in {thin}: {needed} are needed, {limit}"] if thin else []


def _busy(others_ppm: int) -> list[str]:
    """Latency is what a frame waits for, and it waits for others too: such figures say little of the engines."""
    if others_ppm <= QUIET_PPM:
        return []
    share = f"{others_ppm / 10_000:.0f} % of its cores"
    return [f"the machine was busy with other work ({share}): latencies and energy are stretched, qualify again when it is quiet"]


def _late(measured: MeasuredFigures, policy: Policy, reference: str) -> list[str]:
    """A reference that is slower than the deadline delivers nothing in time, and `adaptd run` will not start on it."""
    slowest = max(quantile_us(tallies[reference].latencies_us, 50) for tallies in measured.tallies.values())
    words = (
        f"the reference takes {slowest / 1000:.1f} ms a frame, the policy's deadline is {policy.deadline_us / 1000:.0f} ms: "
        "adaptd run will refuse it; take a smaller model or picture, or a policy with a longer deadline_ms"
    )
    return [words] if slowest > policy.deadline_us else []


def _chance(measured: MeasuredFigures, manifest: Manifest) -> list[str]:
    """A reference that names the right class no more often than a guess has its class names in the wrong order, or is broken."""
    tallies = [band[manifest.reference] for band in measured.tallies.values()]
    labelled, right = sum(tally.labelled for tally in tallies), sum(tally.right for tally in tallies)
    if labelled < FEWEST_TO_SCORE or right * len(manifest.classes) > labelled * 3 // 2:
        return []
    remedy = "give --labels with the names in the output's order, check --preset, and build again"
    share = 100 * right / labelled
    return [f"the reference is right on {share:.1f} % of the labelled pictures, little more than a guess: {remedy}"]


def _nothing_found(measured: MeasuredFigures, manifest: Manifest) -> list[str]:
    """Two detectors that find nothing agree; where that is most of the pictures, it says little of what they would find."""
    seen = [(band, tallies[manifest.reference]) for band, tallies in sorted(measured.tallies.items())]
    return [
        f"the reference finds nothing in {tally.empty} of {tally.n} pictures in {band}: "
        "that both agree there proves little, add pictures with something to find, or check --preset and --size"
        for band, tally in seen
        if 2 * tally.empty > tally.n
    ]


def _measure(
    plan: MeasurePlan, bundle: Bundle, head: Head, labels: Labels, pictures: Pictures, progress: Progress
) -> MeasuredFigures:
    manifest = bundle.manifest
    make = factory(bundle, plan.backend, EngineOptions(threads=plan.threads))
    names = bundle.variants(plan.backend)
    with engine_refusals(), ExitStack() as stack:
        engines = {name: stack.enter_context(make(name)) for name in names}
        scored = {**engines, **_source(plan, bundle, stack)}
        weight = plan.policy.miss_weight_ppm / 1_000_000
        read = reader(head, manifest.classes, manifest.preprocessing.size, weight)
        tallies = evaluate(scored, manifest.reference, pictures, read, labels, progress)
        if not tallies:
            raise BuildError(f"{plan.data[0]}: none of the pictures can be read; 8-bit PNG or JPEG files are needed")
        runs = saturate_all(engines, plan.saturated_s)
        costs = _costs(plan, engines, runs, progress)
        prints = {name: fingerprint(engine) for name, engine in engines.items()}
        memory = {name: engine.memory_mb for name, engine in engines.items()}
        answers = packed(answers_of(engines[manifest.reference]))
    return MeasuredFigures(tallies, runs, costs, prints, memory, answers)


def _source(plan: MeasurePlan, bundle: Bundle, stack: ExitStack) -> dict[str, Engine]:
    """The float32 source on ONNX Runtime, scored beside the variants: what the reference itself lost."""
    name = f"{bundle.manifest.model}.fp32.onnx"
    serves = bundle.entry(bundle.manifest.reference, plan.backend).file == name
    if serves or SOURCE in bundle.variants(plan.backend) or name not in bundle.kept:
        return {}
    spec = EngineSpec(SOURCE, "fp32", bundle.manifest.input_shape, bundle.manifest.output_shape)
    return {SOURCE: stack.enter_context(OrtEngine(spec, bundle.kept[name], threads=plan.threads))}


def _costs(plan: MeasurePlan, engines: Mapping[str, Engine], runs: Mapping[str, Run], progress: Progress) -> dict[str, Cost]:
    gpu = plan.backend == "tensorrt"
    meter: Meter | None
    with metering(plan.root, plan.profile.power_rails, gpu=gpu) as (meter, why):
        if meter is not None:
            return metered(engines, meter, plan.window_s, progress)
    return estimated(runs, plan.profile, why, gpu=gpu)


def _write(plan: MeasurePlan, bundle: Bundle, measured: MeasuredFigures, warnings: list[str]) -> Qualified:
    manifest = bundle.manifest
    plain = manifest.model_dump(mode="json", by_alias=True, exclude={"digest", "signature"})
    gains = _gains(plan.policy, manifest, measured)
    for name in bundle.variants(plan.backend):
        entry = plain["variants"][name][plan.backend]
        if plan.backend == "ort":
            entry["precision_computed"] = computed(bundle.model_bytes(name, plan.backend))[0]
        put_in(entry, qualification(plan, measured, name, gains[name]))
    source = bundle.kept.get(f"{manifest.model}.fp32.onnx")
    work = None if source is None else operations(source)
    record = {**record_of(plan, manifest, plain, measured, gains, warnings), **({} if work is None else {"operations": work})}
    note = f"{manifest.model}.qualification.{plan.backend}.json"
    data = note_bytes(record)
    plain["files"].update(file_facts({note: data}))
    write_bundle(plan.bundle, {note: data}, plain)
    return Qualified(plain, record, tuple(warnings))


def _gains(policy: Policy, manifest: Manifest, measured: MeasuredFigures) -> dict[str, Gain]:
    slowest_us = {
        name: quantile_us([latency for band in measured.tallies.values() for latency in band[name].latencies_us], 99)
        for name in measured.costs
    }
    reference = manifest.reference
    base = (measured.costs[reference], slowest_us[reference])
    others = {name: (cost, slowest_us[name]) for name, cost in measured.costs.items() if name != reference}
    found = {name: judge(policy, base, other) for name, other in others.items()}
    return {reference: Gain(no_gain=False, why="the reference"), **found}

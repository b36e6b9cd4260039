"""`adaptd engine build | qualify | report | list | verify | sign`: from a model of one's own to a qualified bundle."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from adaptd.cli.engine_words import (
    band_of,
    build_arguments,
    mode_here,
    preset_of,
    profile_here,
    qualify_arguments,
    search_arguments,
    wished_of,
)
from adaptd.cli.errors import CommandError, checked, read, refusing, writing
from adaptd.cli.options import Sub, Words, later, verb, verbs
from adaptd.cli.progress import stages
from adaptd.config.shipped import engines_dir


def register(sub: Sub) -> None:
    group = verbs(sub, "engine", "build, qualify, list, verify and sign bundles")
    verb(group, "build", "make a bundle from an ONNX model, or a bundle's TensorRT plans", _build, build_arguments)
    verb(group, "qualify", "measure a bundle on this device and write it into its manifest", _qualify, qualify_arguments)
    words = "measure builds and runtime knobs of a model, and choose by energy"
    verb(group, "search", words, later("engine_search.search"), search_arguments)
    report = verb(group, "report", "show what qualification found, without measuring again", _report, _bundle)
    report.option("--backend", "whose qualification (default: ort)", choices=("ort", "tensorrt"), default="ort")
    report.path("--html", "write the page with the efficiency-accuracy curve", metavar="F")
    listing = verb(group, "list", "list bundles and what is known of them", _list)
    listing.path("folder", "folder of bundles (default: the shipped ones)", nargs="?")
    verify = verb(group, "verify", "check a bundle's digest, files and signature", _verify, _bundle)
    verify.path("--key", "the owner's public key (PEM): demand a signature of it", metavar="F")
    sign = verb(group, "sign", "sign a bundle's manifest with an Ed25519 key", _sign, _bundle)
    sign.path("--key", "private key (PEM)", required=True, metavar="F")


def _bundle(words: Words) -> None:
    words.path("bundle", "folder of the bundle")


def _build(arguments: argparse.Namespace) -> int:
    if arguments.backend == "tensorrt":
        return _build_plans(arguments)
    if arguments.calibration is None or arguments.output is None:
        raise CommandError("adaptd engine build MODEL.onnx needs --calibration DIR and -o BUNDLE, see --help", 2)
    if not 1 <= arguments.pictures <= 500:
        raise CommandError(f"--pictures {arguments.pictures}: 1 to 500 are possible, 100 to 500 are advised", 2)
    from adaptd.bundle_build.data.pictures import read_labels
    from adaptd.bundle_build.model.intake import Wishes
    from adaptd.bundle_build.model.make import Order, build
    from adaptd.config.policy import load_policy

    policy = load_policy(arguments.policy)
    with _errors(), stages() as progress:
        order = Order(
            model=arguments.model,
            calibration=arguments.calibration,
            bands=policy.bands,
            preset=preset_of(arguments),
            wished=wished_of(arguments),
            wishes=Wishes(arguments.head, arguments.model_output, arguments.size, arguments.name),
            labels=None if arguments.labels is None else read_labels(arguments.labels),
            method=arguments.method,
            keep=tuple(arguments.keep_fp16),
            count=arguments.pictures,
            band=band_of(arguments, policy),
            qdq=arguments.qdq,
        )
        built = build(order, arguments.output, progress)
    _say_built(arguments.output, built.summary, built.files, built.warnings)
    return 0


def _say_built(out: Path, summary: dict[str, Any], files: dict[str, bytes], warnings: tuple[str, ...]) -> None:
    for name, data in sorted(files.items()):
        kind = name.split(".", 1)[1].removesuffix(".onnx")
        seen = summary["files"].get(kind, {})
        error = ""
        if "error_ppm" in seen:
            error = (
                f"   soft disagreement {seen['soft_ppm'] / 1e4:.3f} %, error {seen['error_ppm'] / 1e4:.2f} % of the answers' size"
            )
        print(f"  {name:<32} {len(data) / 1024:7.0f} KiB{error}")
    kept = f", in FP16 stay {', '.join(summary['kept_in_fp16'])}" if summary["kept_in_fp16"] else ""
    print(f"calibrated by {summary['method']} on {len(summary['calibration'])} pictures{kept}")
    for note in summary["notes"]:
        print(f"note: {note}")
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"{out}: built; next: adaptd engine qualify {out} --data DIR")


def _build_plans(arguments: argparse.Namespace) -> int:
    from adaptd.bundle_build.model.plans import PlanOrder, build_plans
    from adaptd.bundle_build.model.trt_lines import explained, gathered

    with _errors(), stages() as progress, gathered() as said:
        order = PlanOrder(arguments.model, arguments.level, arguments.workspace_mb, arguments.layers, arguments.tactics)
        notes = build_plans(order, progress)
    for line in explained(said):
        print(f"note: {line}", file=sys.stderr)
    for note in notes:
        print(f"warning: {note}", file=sys.stderr)
    print(f"{arguments.model}: plans built; next: adaptd engine qualify {arguments.model} --data DIR --backend tensorrt")
    return 0


def _qualify(arguments: argparse.Namespace) -> int:
    from adaptd.bundle_build.qualify.findings import MeasurePlan
    from adaptd.bundle_build.qualify.qualify import qualify
    from adaptd.cli.profile import find_profile
    from adaptd.config.policy import load_policy
    from adaptd.config.profile import load_profile

    policy = load_policy(arguments.policy)
    profile = load_profile(find_profile(arguments.profile or profile_here(arguments.backend)))
    with _errors(), stages() as progress:
        band = band_of(arguments, policy)
        plan = MeasurePlan(arguments.bundle, tuple(arguments.data), policy, profile, arguments.backend, band, arguments.threads)
        found = qualify(replace(plan, window_s=arguments.energy_window, power_mode=mode_here()), progress)
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    _show(arguments, found.record, as_json=arguments.json)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    _show(arguments, _stored(arguments.bundle, f"qualification.{arguments.backend}", f"qualified for {arguments.backend}"))
    return 0


def _show(arguments: argparse.Namespace, record: dict[str, Any], *, as_json: bool = False) -> None:
    if as_json:
        import json

        print(json.dumps(record, indent=2, sort_keys=True))
    else:
        from rich.console import Console

        from adaptd.bundle_build.qualify.report import print_table

        print_table(record, Console())
    if arguments.html is not None:
        _write_page(arguments, record)


def _write_page(arguments: argparse.Namespace, record: dict[str, Any]) -> None:
    from adaptd.bundle_build.qualify.page import page

    text = page(record, _stored(arguments.bundle, "build", "built here", needed=False) or None)
    with writing(arguments.html, "name another file"):
        arguments.html.write_text(text, encoding="utf-8")
    print(f"{arguments.html}: written", file=sys.stderr)


def _stored(folder: Path, kind: str, what: str, *, needed: bool = True) -> dict[str, Any]:
    """A note of a verified bundle, ``MODEL.KIND.json``."""
    import json

    bundle = _open(folder)
    data = bundle.kept.get(f"{bundle.manifest.model}.{kind}.json")
    if data is None and needed:
        raise CommandError(f"{folder}: is not {what}, run: adaptd engine qualify {folder} --data DIR")
    record: dict[str, Any] = {} if data is None else json.loads(data)
    return record


def _list(arguments: argparse.Namespace) -> int:
    from adaptd.config.manifest import FILE, load_manifest

    folder: Path = arguments.folder or engines_dir()
    bundles = sorted(path.parent for path in folder.glob(f"*/{FILE}"))
    if not bundles:
        raise CommandError(f"{folder}: holds no bundles, make one with adaptd engine build")
    return checked(bundles, lambda path: f"{path.name:<20} {_describe(load_manifest(path))}")


def _describe(manifest: Any) -> str:
    words = []
    for name, backends in sorted(manifest.variants.items(), key=lambda pair: (pair[0] != manifest.reference, pair[0])):
        known = [f"{backend}{'' if entry.qualification else ' (not qualified)'}" for backend, entry in sorted(backends.items())]
        words.append(f"{name}: {', '.join(known)}")
    shape = "x".join(map(str, manifest.input_shape[1:]))
    signed = "signed" if manifest.signature else "not signed"
    return f"{manifest.task} of {len(manifest.classes)} classes, {shape}; {'; '.join(words)}; {signed}"


def _verify(arguments: argparse.Namespace) -> int:
    bundle = _open(arguments.bundle, arguments.key)
    signed = "signed, not checked: add --key F" if bundle.manifest.signature else "not signed"
    signed = "signature good" if arguments.key else signed
    print(f"{arguments.bundle}: good, {len(bundle.manifest.files)} files, digest {bundle.manifest.digest[:16]}, {signed}")
    for line in _portability(bundle):
        print(line)
    return 0


def _portability(bundle: Any) -> list[str]:
    """Of each integer file for ONNX Runtime, whether its 8-bit weights can saturate on some processors."""
    from adaptd.engine.saturation import unsafe_layers

    lines = []
    for name in bundle.variants("ort"):
        entry = bundle.entry(name, "ort")
        if not entry.precision_computed.startswith("int8"):
            continue
        unsafe = unsafe_layers(bundle.model_bytes(name, "ort"))
        said = "no pair of 8-bit weights can saturate: the same integers on every processor"
        if unsafe:
            said = (
                f"{len(unsafe)} layers would saturate on x86 without VNNI ({unsafe[0]} first); they are re-encoded there, "
                "which is slower: build the bundle again"
            )
        lines.append(f"  {entry.file}: {said}")
    return lines


def _sign(arguments: argparse.Namespace) -> int:
    from adaptd.bundle_build.model.write import write_bundle

    bundle = _open(arguments.bundle)
    plain = bundle.manifest.model_dump(mode="json", by_alias=True, exclude={"digest", "signature"})
    key = read(arguments.key, "name the private key (PEM)")
    with _errors():
        write_bundle(arguments.bundle, {}, plain, key)
    print(f"{arguments.bundle}: signed")
    return 0


def _open(folder: Path, key: Path | None = None) -> Any:
    from adaptd.engine.bundle import Bundle

    with _errors():
        return Bundle.open(folder, public_key=key, require_signature=key is not None)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """What the rooms below raise becomes the one line of this command."""
    from adaptd.engine.errors import EngineError
    from adaptd.vision import ModelError

    with refusing(ModelError, EngineError):
        yield

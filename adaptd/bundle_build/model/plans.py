"""TensorRT plans for the GPU of this process: built from a bundle's verified files and entered into its manifest."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adaptd.bundle_build import Progress, engine_refusals, silent
from adaptd.bundle_build.model.graphs import array, attribute, stored_in
from adaptd.bundle_build.model.onnx_io import from_bytes, import_onnx, to_bytes
from adaptd.bundle_build.model.rewrites import to_opset17
from adaptd.bundle_build.model.write import file_facts, write_bundle
from adaptd.engine.bundle import Bundle
from adaptd.engine.cuda import Gpu, PycudaGpu
from adaptd.engine.errors import reason_of
from adaptd.engine.plan import Device, plan_name, timing_cache_name
from adaptd.engine.trt_api import import_tensorrt
from adaptd.engine.trt_build import TACTICS, BuildFailed, BuildOptions, BuiltPlan, build_plan

BACKEND = "tensorrt"
FP16_ONLY = "-fp16-only"
PLAN_FILE = re.compile(r"\.plan(\.layers\.json)?$")


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """``level`` 1 to 5 is TensorRT's optimisation level, ``tactics`` one of ``trt_build.TACTICS``; ``layers`` saves fusion and
    precision of every layer with the plan.
    """

    bundle: Path
    level: int | None = None
    workspace_mb: int = 1024
    layers: bool = False
    tactics: str = TACTICS[0]


class _Builder:
    """Holds the GPU's context while plans are built."""

    def deactivate(self) -> None:
        """Nothing of the device is kept."""


def build_plans(order: PlanOrder, progress: Progress = silent, *, trt: Any = None, gpu: Gpu | None = None) -> tuple[str, ...]:
    """Build every variant's plan for this device, write them and the manifest; what was built had to be qualified anew.

    A variant other than the reference that cannot be built stays without a plan; that is recorded with the reference's plan.

    Returns:
        What the user should read, one line each.

    Raises:
        BuildError: no TensorRT here, or the reference cannot be built; the bundle is as it was.
    """
    with engine_refusals(), ExitStack() as stack:
        bundle = Bundle.open(order.bundle)
        trt = trt or import_tensorrt(builder=True)
        gpu, user = gpu or PycudaGpu(), _Builder()
        gpu.acquire(user)
        stack.callback(gpu.release, user)
        return _build(order, bundle, trt, gpu, progress)


def _build(order: PlanOrder, bundle: Bundle, trt: Any, gpu: Gpu, progress: Progress) -> tuple[str, ...]:
    device = Device(gpu.name, gpu.compute_capability, str(trt.__version__))
    model, reference = bundle.manifest.model, bundle.manifest.reference
    cache_name = timing_cache_name(device)
    keeps_times = not str(trt.__version__).startswith("8.")  # 8.6 cannot read the cache that it wrote a minute ago
    cache = bundle.kept.get(cache_name, b"") if keeps_times else b""
    files: dict[str, bytes] = {}
    built: dict[str, BuiltPlan] = {}
    notes: list[str] = []
    for name in bundle.variants(BACKEND):
        options = BuildOptions(order.level, order.workspace_mb, cache, _steps(progress, name), order.layers, order.tactics)
        data = bundle.kept[source_of(bundle, name)]
        progress(f"building the {name} plan", 0, 1)  # before 10.x TensorRT says nothing for minutes
        try:
            plan = build_plan(trt, name, data, bundle.manifest.input_shape, options, weak_model=weak_graph(data))
        except BuildFailed as error:
            if name == reference:
                raise
            notes.append(f"{name}: no plan on this device, {reference} serves alone: {error}")
            continue
        cache, built[name] = (plan.timing_cache or cache) if keeps_times else b"", plan
        files[plan_name(model, name, device)] = plan.plan
        notes += [f"{name}: {note}" for note in plan.notes]
        if plan.layer_report:
            files[plan_name(model, name, device) + ".layers.json"] = plan.layer_report.encode()
    if cache:
        files[cache_name] = cache
    _enter(bundle, device, built, files)
    return tuple(notes)


def source_of(bundle: Bundle, variant: str) -> str:
    """The ONNX file that a variant's plan is made from."""
    entry = bundle.entry(variant, BACKEND)
    return entry.file if entry.plan is None else entry.plan.source


def _enter(bundle: Bundle, device: Device, built: dict[str, BuiltPlan], files: dict[str, bytes]) -> None:
    """Write the plans and a manifest that names them; the old qualification belonged to the old plan."""
    plain = bundle.manifest.model_dump(mode="json", by_alias=True, exclude={"digest", "signature"})
    missing = [name for name in bundle.variants(BACKEND) if name not in built]
    for name in bundle.variants(BACKEND):
        entry = plain["variants"][name][BACKEND]
        source = source_of(bundle, name)
        entry["qualification"] = None
        if name not in built:
            entry.update(file=source, plan=None)
            continue
        entry["file"] = plan_name(bundle.manifest.model, name, device)
        entry["precision_computed"] = "int8-fp16" if built[name].quantized else "fp16"
        entry["plan"] = {
            **asdict(device),
            "built_with": built[name].built_with + (FP16_ONLY if missing else ""),
            "source": source,
        }
    used = {entry["file"] for backends in plain["variants"].values() for entry in backends.values()}
    for name in [name for name in plain["files"] if PLAN_FILE.search(name) and PLAN_FILE.sub("", name) + ".plan" not in used]:
        del plain["files"][name]
    plain["files"].update(file_facts(files))
    write_bundle(bundle.folder, files, plain)


def weak_graph(data: bytes) -> bytes:
    """The same graph in float32 at opset 17, for TensorRT before 10: there Q/DQ takes float32 scales and flags set precisions.

    Raises:
        BuildFailed: the graph has no such form.
    """
    onnx = import_onnx()
    model = from_bytes(data)
    if not any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        return data
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    for item in model.graph.initializer:
        if item.data_type == half:
            item.CopyFrom(onnx.numpy_helper.from_array(array(item).astype(np.float32), item.name))
    for node in model.graph.node:
        for fact in node.attribute:
            if node.op_type == "Cast" and fact.name == "to" and fact.i == half:
                fact.i = single
    _fit_scales(model)
    try:
        to_opset17(model)
        del model.graph.value_info[:]
        onnx.checker.check_model(model, full_check=True)
    except (ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise BuildFailed(f"the graph has no form of opset 17, which TensorRT before 10 needs: {reason_of(error)}") from None
    return to_bytes(model)


def _fit_scales(model: Any) -> None:
    """Scales of stored weights that FP16 has rounded down: the largest weight comes to lie at 127 steps, not at 127.06.

    TensorRT before 10 quantises these weights itself, and would clip and complain of every layer.
    """
    onnx = import_onnx()
    stored = stored_in(model)
    for node in model.graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] not in stored or node.input[1] not in stored:
            continue
        weights, scale, axis = array(stored[node.input[0]]), array(stored[node.input[1]]), attribute(node, "axis", 1)
        beside = tuple(at for at in range(weights.ndim) if scale.ndim == 0 or at != axis % weights.ndim)
        least = np.nextafter(np.abs(weights).max(axis=beside) / np.float32(127), np.float32(np.inf), dtype=np.float32)
        fitted = np.maximum(scale, least.reshape(scale.shape))
        stored[node.input[1]].CopyFrom(onnx.numpy_helper.from_array(fitted.astype(np.float32), node.input[1]))


def _steps(progress: Progress, name: str) -> Callable[[str, int, int], bool]:
    def step(phase: str, done: int, total: int) -> bool:
        del phase
        progress(f"building the {name} plan", done, total)
        return True

    return step

"""TensorRT and CUDA on an NVIDIA GPU: latency, energy, swaps, and what the worker adds to a bare loop over the same context.

With TensorRT two networks with made-up weights are built here in FP16 and INT8: one like ResNet-50, one like MobileNetV2. Without
it a kernel of 350 us stands in for the network and everything else is real: context, streams, page-locked copies, graphs, swaps,
energy counter. Needs pycuda, nvidia-ml-py and numpy. Each part is fenced: one that fails, or for which no time is left, says so
in its place, and the rest goes on.
"""

import argparse
import json
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from adaptd.config.manifest import PlanFact
from adaptd.engine.base import EngineSpec, probe_batch
from adaptd.engine.errors import EngineError, one_line
from adaptd.engine.pool import WarmPool
from adaptd.engine.trt import TrtEngine
from adaptd.engine.trt_api import import_tensorrt
from benchmarks.gpu_energy import Meter
from benchmarks.gpu_measure import after_idle, bare_loop, in_turns, swaps
from benchmarks.gpu_plans import SHAPES, in_child, plan_path
from benchmarks.rig_gpu import Fence, Keeper, Served
from tests.gpu import standin

FIGURES: dict[str, Any] = {}
NAMES = ("fp16", "int8")
STAND_IN_US = 350
PACED_FPS = 30.0
NETWORKS = {"resnet50": "like ResNet-50, made-up weights", "mobilenet": "like MobileNetV2, made-up weights"}
BUILD_LIMIT_S = 150.0
AFTER_BUILD_S = 45.0


def main(argv: list[str] | None = None) -> int:
    """Measure and print; ``--json`` prints one object instead of the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", type=Path, help="write that object into this file too, anew after each part")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--frames", type=int, default=2000, help="frames a loop")
    parser.add_argument("--swaps", type=int, default=10_000)
    parser.add_argument("--window-s", type=float, default=6.0, help="energy window; 60 s for figures to qualify with")
    parser.add_argument("--level", type=int, default=1, help="builder optimisation level")
    parser.add_argument("--idle-s", type=float, default=1.5, help="pause before the frame that is compared with the hundredth")
    parser.add_argument("--budget-s", type=float, default=330.0, help="parts that do not fit into this time are left out")
    parser.add_argument("--stand-in", action="store_true", help="the stand-in kernel even where TensorRT is")
    arguments = parser.parse_args(argv)
    FIGURES.clear()
    fence = Fence(FIGURES, arguments.budget_s, lambda: _keep(arguments.out))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            measure(arguments, fence)
    except EngineError as error:
        FIGURES.update(skipped=str(error))
    _keep(arguments.out)
    print(json.dumps(FIGURES, sort_keys=True) if arguments.json else table(FIGURES))
    return 0


def _keep(out: Path | None) -> None:
    if out is not None:
        out.write_text(json.dumps(FIGURES, indent=2, sort_keys=True) + "\n")


def measure(arguments: argparse.Namespace, fence: Fence) -> None:
    """All figures of this GPU into FIGURES."""
    gpu, keeper = standin.StandInGpu(spin_us=STAND_IN_US), Keeper()
    gpu.acquire(keeper)
    try:
        trt = None if arguments.stand_in else tensorrt_or_none()
        FIGURES.update(gpu=gpu.name, compute_capability=gpu.compute_capability, window_s=arguments.window_s)
        FIGURES["tensorrt"] = None if trt is None else str(trt.__version__)
        FIGURES["not_run"] = "TensorRT: no plan was built or run" if trt is None else ""
        meter, FIGURES["meter"] = _met(gpu)
        if meter is not None:
            FIGURES["driver"] = meter.driver
            fence.run("idle_w", lambda: round(meter.idle_w(min(arguments.window_s, 10.0)), 2))
        FIGURES["networks"] = {}
        bench = Bench(gpu, meter, arguments)
        if trt is None:
            FIGURES["networks"]["stand-in"] = found = {"network": f"stand-in kernel of {STAND_IN_US} us, not a network"}
            fence.into(found).run("served", lambda: bench.serve(stand_ins(gpu), 5, fence.into(found), found))
            return
        with tempfile.TemporaryDirectory() as folder:
            for network in arguments.networks:
                FIGURES["networks"][network] = found = {"network": NETWORKS[network]}
                inner = fence.into(found)
                engines = built(str(trt.__version__), gpu, network, Path(folder), arguments.level, inner)
                if "fp16" in engines:
                    inner.run("served", partial(bench.serve, engines, SHAPES[network].classes, inner, found))
    finally:
        gpu.release(keeper)


def _met(gpu: Any) -> tuple[Meter | None, str]:
    """The energy counter, and in words what meters or why nothing does."""
    try:
        meter = Meter(gpu._cuda.Device(0).pci_bus_id())
        meter.millijoules()
    except Exception as error:  # noqa: BLE001 - no library, no driver, no such counter: latencies are measured all the same
        return None, f"no energy: {one_line(f'{type(error).__name__}: {error}')}"
    return meter, "NVML energy counter"


def tensorrt_or_none() -> Any:
    """TensorRT with its builder where it is installed."""
    try:
        return import_tensorrt(builder=True)
    except EngineError as error:
        print(f"without TensorRT: {error}", file=sys.stderr)
        return None


class Bench:
    """What is measured of a pair of engines."""

    def __init__(self, gpu: standin.StandInGpu, meter: Meter | None, wanted: argparse.Namespace) -> None:
        self._gpu, self._meter, self._wanted = gpu, meter, wanted

    def serve(self, engines: dict[str, TrtEngine], classes: int, fence: Fence, found: dict[str, Any]) -> list[str]:
        """Latency, ratio, energy, swaps and first frames of a warm pool over ``engines``."""
        with WarmPool(engines.__getitem__, engines, "fp16") as pool:
            found["faults"] = pool.faults
            served = Served(pool, probe_batch(engines["fp16"].input_shape), classes)
            for name in pool.warm:
                found[name] = one = {"path": engines[name].path, "memory_mb": engines[name].memory_mb}
                served.order(name)
                self._variant(engines[name], pool, served, fence.into(one), one)
            if len(pool.warm) == 2:
                fence.run("swap", lambda: swaps(served, pool, NAMES, self._wanted.swaps), needs_s=15.0)
            for name in pool.warm:
                inner = fence.into(found[name])
                inner.run("after_idle", partial(after_idle, engines[name], self._wanted.idle_s, 3), needs_s=12.0)
            return list(pool.warm)

    def _variant(self, engine: TrtEngine, pool: WarmPool, served: Served, fence: Fence, one: dict[str, Any]) -> None:
        batch = probe_batch(engine.input_shape)
        graph = engine.path == "graph"

        def latency() -> dict[str, dict[str, float]]:
            loops: dict[str, Callable[[], object]] = {"bare_enqueue": bare_loop(engine, self._gpu, graph=False)}
            if graph:
                loops["bare_graph"] = bare_loop(engine, self._gpu, graph=True)
            loops |= {"engine": lambda: engine.infer(batch), "pool": lambda: pool.infer(batch), "worker": served.once}
            return in_turns(loops, self._wanted.frames)

        times = fence.run("latency", latency)
        if times is not None:
            bare = times["bare_graph" if graph else "bare_enqueue"]
            for loop in ("pool", "worker"):
                one[f"{loop}_over_bare_p50"] = round(times[loop]["p50_us"] / bare["p50_us"], 4)
                one[f"{loop}_over_bare_p99"] = round(times[loop]["p99_us"] / bare["p99_us"], 4)
            if graph:
                one["graph_over_enqueue_p50"] = round(times["bare_graph"]["p50_us"] / times["bare_enqueue"]["p50_us"], 4)
        meter, window_s = self._meter, self._wanted.window_s
        if meter is not None:
            fence.run("energy", lambda: meter.busy(lambda: pool.infer(batch), window_s), needs_s=window_s)
            paced = f"board_w_at_{PACED_FPS:.0f}_fps"
            fence.run(paced, lambda: meter.paced(lambda: pool.infer(batch), PACED_FPS, window_s), needs_s=window_s)


def stand_ins(gpu: standin.StandInGpu) -> dict[str, TrtEngine]:
    """Two engines whose network is one kernel."""
    return {name: standin.engine(gpu, name=name, side=224, shift=shift) for name, shift in zip(NAMES, (0.0, 0.5), strict=True)}


def built(version: str, gpu: Any, network: str, folder: Path, level: int, fence: Fence) -> dict[str, TrtEngine]:
    """The plans of one network that could be built in the time that is left, the reference first."""
    shape, engines = SHAPES[network], {}
    for name in NAMES:
        limit_s = min(BUILD_LIMIT_S, fence.left_s - AFTER_BUILD_S)
        said = fence.run(f"built_{name}", partial(in_child, network, name, folder, level, limit_s), needs_s=75.0)
        if said is None:
            break
        fact = PlanFact(
            gpu=gpu.name,
            compute_capability=gpu.compute_capability,
            tensorrt=version,
            built_with=said["with"],
            source=f"{network}.onnx",
        )
        plan = plan_path(folder, network, name).read_bytes()
        engines[name] = TrtEngine(EngineSpec(name, name, shape.input, shape.output), plan, fact, gpu, command="-")
    return engines


def table(found: dict[str, Any]) -> str:
    """The figures as lines for a person."""
    if "skipped" in found:
        return f"skipped: {found['skipped']}"
    lines = [f"{found['gpu']}, TensorRT {found['tensorrt']}; idle {found.get('idle_w')} W, windows of {found['window_s']:g} s"]
    for network, parts in found["networks"].items():
        lines.append(f"{network}: {parts['network']}")
        lines += [f"  {name}: {parts[name]}" for name in ("built_fp16", "built_int8") if name in parts]
        for name in (name for name in NAMES if name in parts):
            one = parts[name]
            lines.append(
                f"  {name}: {one['path']}, {one['memory_mb']} MB, worker over bare p50 {one.get('worker_over_bare_p50')}"
            )
            latency = one.get("latency", {})
            lines += [f"    {loop:13} {us}" for loop, us in latency.items()]
            lines += [f"    {key}: {one[key]}" for key in sorted(one) if key.startswith(("energy", "board", "after", "graph"))]
        if "swap" in parts:
            lines.append(f"  swaps: {parts['swap']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""TensorRT and CUDA on an NVIDIA GPU: latency, energy, swap gap, and what the library adds to a bare loop over the same context.

With TensorRT the network is a ResNet-50 with made-up weights in FP16 and INT8. Without it a kernel of 350 us stands in for the
network and everything else is real: context, streams, page-locked copies, graphs, swaps, energy counter.
Needs pycuda, nvidia-ml-py and numpy; graphs need cuda-bindings.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from adaptd.config.manifest import PlanFact
from adaptd.engine.base import EngineSpec, probe_batch
from adaptd.engine.cuda import PycudaGpu
from adaptd.engine.errors import EngineError
from adaptd.engine.pool import WarmPool
from adaptd.engine.trt import TrtEngine
from adaptd.engine.trt_api import import_tensorrt
from adaptd.engine.trt_build import BuildOptions, build_plan
from benchmarks.gpu_energy import Meter
from benchmarks.gpu_measure import after_idle, bare_loop, in_turns, swaps
from tests.gpu import standin, zoo

FIGURES: dict[str, Any] = {}
NAMES = ("fp16", "int8")
STAND_IN_US = 350
PACED_FPS = 30.0


class Keeper:
    """Keeps the GPU open from the first measurement to the last."""

    def deactivate(self) -> None:
        """Holds nothing of its own."""


def main(argv: list[str] | None = None) -> int:
    """Measure and print; ``--json`` prints one object instead of the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", type=Path, help="write that object into this file too")
    parser.add_argument("--frames", type=int, default=2000, help="frames a loop")
    parser.add_argument("--swaps", type=int, default=10_000)
    parser.add_argument("--window-s", type=float, default=10.0, help="energy window; 60 s for figures to qualify with")
    parser.add_argument("--level", type=int, default=1, help="builder optimisation level")
    parser.add_argument("--idle-s", type=float, default=3.0, help="pause before the frame that is compared with the hundredth")
    parser.add_argument("--stand-in", action="store_true", help="the stand-in kernel even where TensorRT is")
    arguments = parser.parse_args(argv)
    FIGURES.clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            FIGURES.update(measure(arguments))
    except EngineError as error:
        FIGURES.update(skipped=str(error))
    if arguments.out:
        arguments.out.write_text(json.dumps(FIGURES, indent=2, sort_keys=True) + "\n")
    print(json.dumps(FIGURES, sort_keys=True) if arguments.json else table(FIGURES))
    return 0


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures of this GPU."""
    gpu, keeper = standin.StandInGpu(spin_us=STAND_IN_US), Keeper()
    gpu.acquire(keeper)
    try:
        trt = None if arguments.stand_in else tensorrt_or_none()
        meter = Meter(gpu._cuda.Device(0).pci_bus_id())
        found: dict[str, Any] = {"gpu": gpu.name, "compute_capability": gpu.compute_capability, "driver": meter.driver}
        found["tensorrt"] = None if trt is None else str(trt.__version__)
        found["network"] = f"stand-in kernel of {STAND_IN_US} us, not a network" if trt is None else "ResNet-50, made-up weights"
        found["not_run"] = "TensorRT: no plan was built or run" if trt is None else ""
        began = time.perf_counter()
        engines = stand_ins(gpu) if trt is None else built(trt, gpu, arguments.level, found)
        found["build_s"] = round(time.perf_counter() - began, 1)
        found["idle_w"] = round(meter.idle_w(min(arguments.window_s, 10.0)), 2)
        serve(engines, gpu, meter, arguments, found)
    finally:
        gpu.release(keeper)
    return found


def tensorrt_or_none() -> Any:
    """TensorRT with its builder where it is installed."""
    try:
        return import_tensorrt(builder=True)
    except EngineError as error:
        print(f"without TensorRT: {error}", file=sys.stderr)
        return None


def serve(
    engines: dict[str, TrtEngine], gpu: PycudaGpu, meter: Meter, arguments: argparse.Namespace, found: dict[str, Any]
) -> None:
    """Latency, ratio, energy and swaps of a warm pool over ``engines``."""
    began = time.perf_counter()
    with WarmPool(engines.__getitem__, NAMES, "fp16") as pool:
        found["activate_ms"] = round((time.perf_counter() - began) * 1e3, 1)
        found["faults"] = pool.faults
        for name in pool.warm:
            engine = engines[name]
            batch = probe_batch(engine.input_shape)
            pool.swap(name)
            graph = engine.path == "graph"
            loops = {"bare_enqueue": bare_loop(engine, gpu, graph=False)}
            if graph:
                loops["bare_graph"] = bare_loop(engine, gpu, graph=True)
            loops |= {"engine": lambda e=engine, b=batch: e.infer(b), "pool": lambda b=batch: pool.infer(b)}
            times = in_turns(loops, arguments.frames)
            bare = times["bare_graph" if graph else "bare_enqueue"]
            energy = meter.busy(lambda b=batch: pool.infer(b), arguments.window_s)
            energy[f"board_w_at_{PACED_FPS:.0f}_fps"] = meter.paced(lambda b=batch: pool.infer(b), PACED_FPS, arguments.window_s)
            found[name] = {
                "path": engine.path,
                "memory_mb": engine.memory_mb,
                "latency": times,
                "ratio_p50": round(times["pool"]["p50_us"] / bare["p50_us"], 4),
                "ratio_p99": round(times["pool"]["p99_us"] / bare["p99_us"], 4),
                "energy": energy,
                "after_idle": after_idle(engine, arguments.idle_s, 5),
            }
        if len(pool.warm) == 2:
            found["swap"] = swaps(pool, NAMES, arguments.swaps)


def stand_ins(gpu: standin.StandInGpu) -> dict[str, TrtEngine]:
    """Two engines whose network is one kernel."""
    return {name: standin.engine(gpu, name=name, side=224, shift=shift) for name, shift in zip(NAMES, (0.0, 0.5), strict=True)}


def built(trt: Any, gpu: PycudaGpu, level: int, found: dict[str, Any]) -> dict[str, TrtEngine]:
    """Two plans of ResNet-50, built here."""
    shape, engines, cache = zoo.RESNET50, {}, b""
    for name, strong, weak in (("fp16", "fp16", "fp32"), ("int8", "int8-fp16", "int8")):
        options = BuildOptions(optimization_level=level, workspace_mb=2048, timing_cache=cache)
        plan = build_plan(trt, name, zoo.build(shape, strong), shape.input, options, weak_model=zoo.build(shape, weak))
        cache = plan.timing_cache
        found[f"built_{name}"] = {"with": plan.built_with, "notes": list(plan.notes), "plan_mb": round(len(plan.plan) / 1e6, 1)}
        fact = PlanFact(
            gpu=gpu.name,
            compute_capability=gpu.compute_capability,
            tensorrt=str(trt.__version__),
            built_with=plan.built_with,
            source="resnet50.onnx",
        )
        engines[name] = TrtEngine(EngineSpec(name, name, shape.input, shape.output), plan.plan, fact, gpu, command="-")
    return engines


def table(found: dict[str, Any]) -> str:
    """The figures as lines for a person."""
    if "skipped" in found:
        return f"skipped: {found['skipped']}"
    lines = [f"{found['gpu']}, TensorRT {found['tensorrt']}, {found['network']}; idle {found['idle_w']} W"]
    for name in (name for name in NAMES if name in found):
        one = found[name]
        lines.append(
            f"{name}: {one['path']}, {one['memory_mb']} MB, pool over bare loop p50 {one['ratio_p50']}, p99 {one['ratio_p99']}"
        )
        lines += [f"  {loop:13} p50 {us['p50_us']:8.1f} us   p99 {us['p99_us']:8.1f} us" for loop, us in one["latency"].items()]
        lines.append(f"  energy {one['energy']}")
        lines.append(f"  after idle {one['after_idle']}")
    if "swap" in found:
        swap = found["swap"]
        lines.append(f"{swap['swaps']} swaps, {swap['lost']} lost, first frame after a swap p99 x {swap['p99_ratio']} of steady")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

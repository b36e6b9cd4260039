"""Builds one plan in a process of its own: a builder that hangs, crashes or takes too long costs its plan and nothing else.

    python -m benchmarks.gpu_plans resnet50 int8 FOLDER --level 1

leaves ``FOLDER/resnet50-int8.plan`` and prints one JSON object: how it was built, in what time, and its size.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from adaptd.engine.cuda import PycudaGpu
from adaptd.engine.errors import EngineError
from adaptd.engine.trt_api import import_tensorrt
from adaptd.engine.trt_build import BuildOptions, build_plan
from benchmarks.rig_gpu import Keeper
from tests.gpu import zoo

ROOT = Path(__file__).resolve().parents[1]
SHAPES = {"resnet50": zoo.RESNET50, "mobilenet": zoo.MOBILENET, "tiny": zoo.TINY}
GRAPHS = {"fp16": ("fp16", "fp32"), "int8": ("int8-fp16", "int8")}


def plan_path(folder: Path, network: str, variant: str) -> Path:
    """Where a plan lies."""
    return folder / f"{network}-{variant}.plan"


def in_child(network: str, variant: str, folder: Path, level: int, limit_s: float) -> dict[str, Any]:
    """Build in a child process within ``limit_s``; what it said, or ``failed`` with the reason."""
    command = [sys.executable, "-m", "benchmarks.gpu_plans", network, variant, str(folder), "--level", str(level)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit_s, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return {"failed": f"not built within {limit_s:.0f} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode == 0 and lines:
        answer: dict[str, Any] = json.loads(lines[-1])
        return answer
    last = (done.stderr.strip().splitlines() or ["no words"])[-1]
    return {"failed": f"the builder ended with {done.returncode}: {last[:300]}"}


def build(network: str, variant: str, folder: Path, level: int) -> dict[str, Any]:
    """Build here. Raises EngineError."""
    trt, shape, (strong, weak) = import_tensorrt(builder=True), SHAPES[network], GRAPHS[variant]
    gpu, keeper = PycudaGpu(), Keeper()
    gpu.acquire(keeper)
    try:
        began = time.perf_counter()
        cache_file = folder / "timing.cache"
        cache = cache_file.read_bytes() if cache_file.is_file() else b""
        options = BuildOptions(optimization_level=level, workspace_mb=2048, timing_cache=cache)
        plan = build_plan(trt, variant, zoo.build(shape, strong), shape.input, options, weak_model=zoo.build(shape, weak))
        plan_path(folder, network, variant).write_bytes(plan.plan)
        cache_file.write_bytes(plan.timing_cache)
        took_s = round(time.perf_counter() - began, 1)
    finally:
        gpu.release(keeper)
    return {"with": plan.built_with, "notes": list(plan.notes), "plan_mb": round(len(plan.plan) / 1e6, 1), "build_s": took_s}


def main(argv: list[str] | None = None) -> int:
    """Build one plan."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_plans")
    parser.add_argument("network", choices=SHAPES)
    parser.add_argument("variant", choices=GRAPHS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--level", type=int, default=1)
    wanted = parser.parse_args(argv)
    try:
        print(json.dumps(build(wanted.network, wanted.variant, wanted.folder, wanted.level)))
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

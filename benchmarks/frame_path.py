"""What a worker's frame costs over a bare graph loop, without a GPU: a pretended one computes beside the processor.

The engine, the pool and the frame loop are the real ones; pycuda, the driver and TensorRT are those of ``tests/gpu``. A launch
returns at once and ``synchronize`` waits until the chosen time has passed since, so that work which is done meanwhile costs
nothing, as on a GPU. The bare loop and the worker take turns within one run.
"""

import argparse
import json
import sys
import time
from typing import Any
from unittest.mock import patch

import numpy as np

from adaptd.config.manifest import PlanFact
from adaptd.engine import cuda, cuda_graph
from adaptd.engine.base import EngineSpec, probe_batch
from adaptd.engine.cuda import PycudaGpu
from adaptd.engine.pool import WarmPool
from adaptd.engine.trt import TrtEngine
from benchmarks.gpu_measure import bare_loop, in_turns
from benchmarks.rig_gpu import Served
from tests.gpu import fake_trt
from tests.gpu.fake_pycuda import CUresult, Machine, Stream

FIGURES: dict[str, Any] = {}
VERSION, SIDE, CLASSES = "8.6.1", 224, 1000
LIKE_US = {"mobilenet int8": 250, "mobilenet fp16": 280, "resnet50 int8": 450, "resnet50 fp16": 700}


class Pretended(PycudaGpu):
    """A GPU that needs ``busy_us`` for a graph and leaves the processor alone meanwhile."""

    def __init__(self, machine: Machine, busy_us: int = 0) -> None:
        super().__init__()
        self.busy_us = busy_us
        self._machine, self._until_ns = machine, 0
        machine.driver.cuGraphLaunch = self._launched

    def read_out(self, handle: int, source: int, target: int, sizes: tuple[int, int], shift: float) -> None:
        """A fixed answer, whatever the picture."""
        del source
        answer = (np.arange(sizes[1], dtype=np.float32) * 7919 % 1009 / 1009 + np.float32(shift)).view(np.uint8)
        self._machine.streams[handle].do(lambda: np.copyto(self._machine.memory[target], answer))

    def holds(self, address: int, size: int) -> bool:
        """Whatever is asked for."""
        return address > 0 and size > 0

    def _launched(self, graph: Any, stream: int) -> tuple[CUresult]:
        del graph, stream
        self._until_ns = time.perf_counter_ns() + self.busy_us * 1000
        return (CUresult.CUDA_SUCCESS,)

    def wait(self) -> None:
        """What ``synchronize`` does."""
        until_ns, now_ns = self._until_ns, time.perf_counter_ns
        while now_ns() < until_ns:
            pass


def measure(busy_us: int, frames: int) -> dict[str, dict[str, float]]:
    """Microseconds of a frame in the bare loop, the pool and the worker, on a GPU that takes ``busy_us`` for each."""
    machine = Machine()
    with (
        patch.object(cuda, "import_pycuda", lambda: machine.pycuda),
        patch.object(cuda_graph, "import_driver", lambda: machine.driver),
    ):
        gpu = Pretended(machine)
        fact = PlanFact(gpu="Fake GPU 2", compute_capability="8.7", tensorrt=VERSION, built_with="flags", source="a.onnx")
        plan = fake_trt.plan_bytes(input=[1, 3, SIDE, SIDE], output=[1, CLASSES])
        spec = EngineSpec("fp16", "fp16", (1, 3, SIDE, SIDE), (1, CLASSES))
        engine = TrtEngine(spec, plan, fact, gpu, command="-", api=fake_trt.make(VERSION, gpu))
        with (
            patch.object(Stream, "synchronize", lambda self: gpu.wait()),
            WarmPool(lambda name: engine, ("fp16",), "fp16") as pool,
        ):
            batch, served = probe_batch(engine.input_shape), Served(pool, probe_batch(engine.input_shape), CLASSES)
            gpu.busy_us = busy_us
            bare = bare_loop(engine, gpu, graph=True)
            return in_turns({"bare": bare, "pool": lambda: pool.infer(batch), "worker": served.once}, frames)


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frame_path", description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--busy-us", type=int, nargs="+", default=sorted(LIKE_US.values()))
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args(argv)
    for busy_us in wanted.busy_us:
        found = measure(busy_us, wanted.frames)
        FIGURES[str(busy_us)] = found
        if not wanted.json:
            bare, pool, worker = (found[name]["p50_us"] for name in ("bare", "pool", "worker"))
            added = f"pool {pool - bare:+.1f} us, worker {worker - bare:+.1f} us"
            print(f"GPU {busy_us} us: bare {bare:.1f} us, {added}, ratio {worker / bare:.4f}")
    if wanted.json:
        print(json.dumps(FIGURES))
    return 0


if __name__ == "__main__":
    sys.exit(main())

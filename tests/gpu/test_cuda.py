"""CUDA through pycuda on a real GPU: the contract, and every way in which a thread or a process can end."""

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adaptd.engine.base import probe_batch
from adaptd.engine.cuda import PycudaGpu
from adaptd.engine.pool import WarmPool
from tests.engine.contract import EngineContract, Fresh
from tests.gpu import standin
from tests.gpu.conftest import no_graphs
from tests.gpu.gpu_contract import GpuContract, Holder
from tests.gpu.standin import StandInGpu

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("cuda")]
ROOT = Path(__file__).resolve().parents[2]


class TestPycudaContract(GpuContract):
    """The contract of the fake on the real GPU."""

    @pytest.fixture
    def gpu(self, request: pytest.FixtureRequest) -> PycudaGpu:
        """The first GPU."""
        if "graph" in request.node.name or "capture" in request.node.name:
            _need_graphs()
        return PycudaGpu()


class TestEngineContractOnTheGpu(EngineContract):
    """The engine contract with real streams, memory and graphs, and a kernel for a network."""

    @pytest.fixture
    def fresh(self) -> Fresh:
        """Makes engines on one GPU."""
        gpu = StandInGpu()
        return lambda cameras=1: standin.engine(gpu, cameras=cameras)


def _need_graphs() -> None:
    if no_graphs():
        pytest.skip(no_graphs())


def test_a_graph_is_captured_and_answers_as_plain_enqueue() -> None:
    """Copies and kernel replayed from one graph give the same bytes as three calls."""
    _need_graphs()
    gpu = StandInGpu()
    batch = probe_batch((1, 3, 8, 8))
    with standin.engine(gpu, graphs=False) as engine:
        assert engine.path == "enqueue"
        plain = engine.infer(batch).tobytes()
    with standin.engine(gpu) as engine:
        assert engine.path == "graph"
        assert engine.infer(batch).tobytes() == plain


def test_a_thousand_swaps_on_the_gpu_lose_no_frame() -> None:
    """Two engines on one context, alternating: each frame is answered by the engine that was asked for."""
    gpu = StandInGpu()
    engines = {"fp16": standin.engine(gpu), "int8": standin.engine(gpu, name="int8", shift=0.5)}
    batch = probe_batch((1, 3, 8, 8))
    with WarmPool(engines.__getitem__, engines, "fp16") as pool:
        wanted = {name: pool.engine(name).infer(batch).tobytes() for name in engines}
        assert wanted["fp16"] != wanted["int8"]
        for turn in range(1000):
            name = "int8" if turn % 2 else "fp16"
            pool.swap(name)
            assert pool.infer(batch).tobytes() == wanted[name]


def test_cameras_have_streams_of_their_own() -> None:
    """One engine, three cameras: answers are not mixed up."""
    with standin.engine(StandInGpu(), cameras=3) as engine:
        batch = probe_batch((1, 3, 8, 8))
        alone = [engine.infer(batch * (camera + 1), camera).tobytes() for camera in range(3)]
        assert [engine.infer(batch * (camera + 1), camera).tobytes() for camera in range(3)] == alone
        assert len(set(alone)) == 3


def test_a_hundred_starts_and_stops_keep_the_gpus_memory() -> None:
    """Free memory after a hundred engines is what it was after the first ones, without the collector's help."""
    gpu = StandInGpu()

    def free() -> int:
        holder = Holder(gpu)
        left = int(gpu._cuda.mem_get_info()[0])
        holder.deactivate()
        return left

    def open_and_close() -> None:
        with standin.engine(gpu) as engine:
            engine.infer(probe_batch(engine.input_shape))

    gc.disable()
    try:
        open_and_close()
        before = free()
        for _ in range(100):
            open_and_close()
        assert free() >= before - (8 << 20)
    finally:
        gc.enable()


def test_no_module_that_makes_or_pushes_contexts_is_imported() -> None:
    """Neither autoinit nor autoprimaryctx: the one leaks a context, the other leaves it pushed."""
    with standin.engine(StandInGpu()):
        assert not {"pycuda.autoinit", "pycuda.autoprimaryctx"} & set(sys.modules)


ENDS = {
    "falls off the end with an engine open": "engine.activate(); engine.infer(batch)",
    "exits with an engine open": "engine.activate(); engine.infer(batch); sys.exit(0)",
    "exits inside a frame's own error": (
        "engine.activate()\ntry:\n    engine.infer(batch[:, :, :4])\nexcept Exception:\n    sys.exit(0)"
    ),
    "a thread opens, works and closes": "run(life)",
    "a hundred threads open and close": "for _ in range(100): run(life)",
    "exits while a daemon thread serves": (
        "t = threading.Thread(target=serve, daemon=True); t.start(); started.wait(60); sys.exit(0)"
    ),
}
SCRIPT = """
import sys, threading
sys.path.insert(0, {root!r})
from adaptd.engine.base import probe_batch
from adaptd.engine.errors import EngineError
from tests.gpu import standin
engine = standin.engine(standin.StandInGpu())
batch = probe_batch((1, 3, 8, 8))
started = threading.Event()
def run(work):
    t = threading.Thread(target=work); t.start(); t.join()
def life():
    engine.activate(); engine.infer(batch); engine.deactivate()
def serve():
    engine.activate()
    try:
        while True:
            engine.infer(batch); started.set()
    except EngineError:
        pass  # the process is ending
"""


@pytest.mark.parametrize("ending", ENDS)
def test_a_process_ends_cleanly_however_it_ends(ending: str) -> None:
    """Exit status 0 and nothing on stderr: no abort for a pushed context, no warning about objects left behind."""
    code = SCRIPT.format(root=str(ROOT)) + ENDS[ending]
    done: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")

"""TensorRT on a real GPU: small plans are built here, served through the pool, and refused where they must be."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptd.config.manifest import PlanFact
from adaptd.engine.base import EngineSpec, probe_batch
from adaptd.engine.cuda import PycudaGpu
from adaptd.engine.errors import BundleError, EngineError, PlanError
from adaptd.engine.pool import WarmPool
from adaptd.engine.trt import TrtEngine
from adaptd.engine.trt_api import import_tensorrt
from adaptd.engine.trt_build import TACTICS, BuildFailed, BuildOptions, BuiltPlan, build_plan
from tests.engine.contract import EngineContract
from tests.gpu import zoo
from tests.gpu.conftest import no_graphs, no_tensorrt

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("tensorrt")]
SHAPE = zoo.TINY
BATCH = probe_batch(SHAPE.input)
ROOT = Path(__file__).resolve().parents[2]


class Keeper:
    """Keeps the GPU open over the whole module, so that builders and engines see one context."""

    def deactivate(self) -> None:
        """Nothing of its own."""


@dataclass
class Shop:
    """A GPU with the plans of one small network."""

    gpu: PycudaGpu
    trt: Any
    plans: dict[str, BuiltPlan]

    def engine(
        self, name: str = "fp16", *, cameras: int = 1, graphs: bool = True, plan: bytes | None = None, **built: str
    ) -> TrtEngine:
        """An engine over one of the plans; ``built`` falsifies where it was built."""
        here = {"gpu": self.gpu.name, "compute_capability": self.gpu.compute_capability, "tensorrt": str(self.trt.__version__)}
        fact = PlanFact(**{**here, "built_with": self.plans[name].built_with, "source": "tiny.onnx", **built})
        spec = EngineSpec(name, name, SHAPE.input, SHAPE.output, cameras)
        return TrtEngine(spec, plan or self.plans[name].plan, fact, self.gpu, command="adaptd engine build", graphs=graphs)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Plans at optimisation level 0: seconds to build, and speed is not what is tested here."""
    if no_tensorrt():
        pytest.skip(no_tensorrt())
    gpu, keeper = PycudaGpu(), Keeper()
    gpu.acquire(keeper)
    trt = import_tensorrt(builder=True)
    plans = {}
    cache = b""
    for name, strong, weak in (("fp16", "fp16", "fp32"), ("int8", "int8-fp16", "int8")):
        options = BuildOptions(optimization_level=0, workspace_mb=256, timing_cache=cache, layer_report=True)
        plans[name] = build_plan(trt, name, zoo.build(SHAPE, strong), SHAPE.input, options, weak_model=zoo.build(SHAPE, weak))
        cache = plans[name].timing_cache
    yield Shop(gpu, trt, plans)
    gpu.release(keeper)


class TestTensorrtContract(EngineContract):
    """The shared contract on TensorRT."""

    @pytest.fixture
    def fresh(self, shop: Shop) -> Callable[..., TrtEngine]:
        """Makes engines of the FP16 plan."""
        return shop.engine


def test_the_graph_answers_as_plain_enqueue(shop: Shop) -> None:
    """Replayed copies and kernels give the bytes that plain enqueue gives."""
    if no_graphs():
        pytest.skip(no_graphs())
    with shop.engine(graphs=False) as engine:
        plain = engine.infer(BATCH).tobytes()
    with shop.engine() as engine:
        assert engine.path == "graph"
        assert engine.infer(BATCH).tobytes() == plain


def test_both_precisions_compute_the_same_network(shop: Shop) -> None:
    """INT8 is within a quarter of FP16, and is not FP16 under another name."""
    with shop.engine() as reference, shop.engine("int8") as efficient:
        exact, here = reference.infer(BATCH), efficient.infer(BATCH)
    error = float(np.linalg.norm(here - exact) / np.linalg.norm(exact))
    assert 0 < error < 0.25


@pytest.mark.parametrize("tactics", TACTICS[1:])
def test_plans_with_and_without_outside_kernels_compute_the_same_network(shop: Shop, tactics: str) -> None:
    """What ``adaptd engine search`` tries is built and served; tactic sources choose kernels, not answers."""
    options = BuildOptions(optimization_level=0, workspace_mb=256, tactics=tactics)
    built = build_plan(shop.trt, "fp16", zoo.build(SHAPE, "fp16"), SHAPE.input, options, weak_model=zoo.build(SHAPE, "fp32"))
    with shop.engine() as usual, shop.engine(plan=built.plan, built_with=built.built_with) as other:
        first, second = usual.infer(BATCH), other.infer(BATCH)
    assert float(np.linalg.norm(second - first)) < 0.05 * float(np.linalg.norm(first))


def test_the_layer_report_shows_int8(shop: Shop) -> None:
    """The saved report of the INT8 plan names the precision of its layers."""
    report = shop.plans["int8"].layer_report
    assert report is not None
    assert "int8" in report.lower()


def test_the_timing_cache_is_kept(shop: Shop) -> None:
    """A build leaves something for the next one."""
    assert shop.plans["int8"].timing_cache


def test_a_thousand_swaps_lose_no_frame(shop: Shop) -> None:
    """Alternating between two plans, every frame is answered by the one that was asked for."""
    engines = {"fp16": shop.engine(), "int8": shop.engine("int8")}
    with WarmPool(engines.__getitem__, engines, "fp16") as pool:
        wanted = {name: pool.engine(name).infer(BATCH).tobytes() for name in engines}
        for turn in range(1000):
            name = "int8" if turn % 2 else "fp16"
            pool.swap(name)
            assert pool.infer(BATCH).tobytes() == wanted[name]
        pool.touch()
        assert pool.quarantined == ()


def test_cameras_run_on_contexts_of_their_own(shop: Shop) -> None:
    """One plan, three cameras, no answer mixed up."""
    with shop.engine(cameras=3) as engine:
        alone = [engine.infer(BATCH * (camera + 1) / 3, camera).tobytes() for camera in range(3)]
        assert [engine.infer(BATCH * (camera + 1) / 3, camera).tobytes() for camera in range(3)] == alone


TRUNCATED = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from adaptd.engine.cuda import PycudaGpu
from adaptd.engine.errors import PlanError
from adaptd.engine.trt import deserialize
from adaptd.engine.trt_api import import_tensorrt
class Keeper:
    def deactivate(self): pass
keeper, gpu = Keeper(), PycudaGpu()
gpu.acquire(keeper)
whole = Path(sys.argv[1]).read_bytes()
try:
    deserialize(import_tensorrt(), whole[: int(len(whole) * float(sys.argv[2]))], "fp16", "adaptd engine build")
except PlanError as error:
    print(error)
gpu.release(keeper)
"""


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_plan_is_refused_in_one_line(shop: Shop, tmp_path: Path, keep: float) -> None:
    """A plan cut anywhere is refused with the command that rebuilds it; in a process of its own, as native code reads it."""
    (tmp_path / "plan").write_bytes(shop.plans["fp16"].plan)
    command = [sys.executable, "-c", TRUNCATED.format(root=str(ROOT)), str(tmp_path / "plan"), str(keep)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert "run: adaptd engine build" in done.stdout


def test_a_plan_for_another_gpu_is_refused_before_it_is_read(shop: Shop) -> None:
    """The manifest says where a plan belongs; TensorRT never sees it elsewhere."""
    with pytest.raises(PlanError, match="built for GPU Orin"):
        shop.engine(gpu="Orin").activate()


def test_an_int8_variant_that_does_not_load_leaves_the_reference_serving(shop: Shop) -> None:
    """The pool isolates the bad plan and says why."""
    engines = {"fp16": shop.engine(), "int8": shop.engine("int8", tensorrt="1.2.3")}
    with WarmPool(engines.__getitem__, engines, "fp16") as pool:
        assert pool.warm == ("fp16",)
        assert "1.2.3" in pool.faults["int8"]
        pool.infer(BATCH)


def test_a_model_that_cannot_be_parsed_is_refused_with_the_parsers_words(shop: Shop) -> None:
    """An operator nobody knows: one line that names the node, and the operator where the version tells it."""
    model = zoo.build(SHAPE, "fp32").replace(b"GlobalAveragePool", b"GlobalUnknownPool")
    with pytest.raises((BuildFailed, BundleError)) as caught:
        build_plan(shop.trt, "odd", model, SHAPE.input, BuildOptions(optimization_level=0))
    assert "node" in str(caught.value)
    if hasattr(shop.trt.ParserError, "node_operator"):
        assert "GlobalUnknownPool" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_memory_is_accounted_within_a_factor(shop: Shop) -> None:
    """What an engine claims is not less than its plan's weights and buffers."""
    with shop.engine() as engine:
        assert engine.memory_mb >= 1


def test_an_input_of_another_size_is_refused(shop: Shop) -> None:
    """A wrong frame is an error of the caller, and the engine still answers."""
    with shop.engine() as engine:
        with pytest.raises(EngineError, match="it takes float32"):
            engine.infer(BATCH[..., :-1])
        engine.infer(BATCH)

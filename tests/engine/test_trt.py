"""The TensorRT backend on the fakes: the contract, what it refuses, and that nothing of the GPU stays behind."""

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from adaptd.config.manifest import PlanFact
from adaptd.engine.base import EngineSpec, probe_batch
from adaptd.engine.errors import EngineError, EngineFault, EngineMemoryError, PlanError
from adaptd.engine.pool import WarmPool
from adaptd.engine.trt import TrtEngine
from tests.engine.contract import EngineContract
from tests.engine.models import INPUT, OUTPUT
from tests.gpu import fake_trt
from tests.gpu.fake_cuda import FakeGpu, FakeGraph, FakeStream

COMMAND = "adaptd engine build engines/tiny --backend tensorrt"
BATCH = probe_batch(INPUT)


class Bench:
    """A fake GPU with a fake TensorRT of one version."""

    def __init__(self, version: str = "10.3.0", **gpu: Any) -> None:
        self.gpu = FakeGpu(**gpu)
        self.version = version
        self.api = fake_trt.make(version, self.gpu)

    def engine(
        self, *, cameras: int = 1, name: str = "fp16", graphs: bool = True, built: dict[str, Any] | None = None, **plan: Any
    ):
        """An engine over a plan that ``plan`` spoils."""
        fact = PlanFact(
            **{
                "gpu": "Fake GPU 1",
                "compute_capability": "8.7",
                "tensorrt": self.version,
                "built_with": "strong",
                "source": "m.onnx",
            }
            | (built or {})
        )
        spec = EngineSpec(name, "fp16", INPUT, OUTPUT, cameras)
        data = fake_trt.plan_bytes(**plan)
        return TrtEngine(spec, data, fact, self.gpu, command=COMMAND, graphs=graphs, api=self.api)

    def refusal(self, kind: type[EngineError], **changes: Any) -> str:
        """The one line with which activating is refused; nothing may stay on the GPU."""
        engine = self.engine(**changes)
        with pytest.raises(kind) as caught:
            engine.activate()
        assert not engine.active
        assert self.gpu.leaks() == {}
        assert "\n" not in str(caught.value)
        return str(caught.value)


@pytest.mark.parametrize("version", ["8.6.1", "10.3.0", "10.16.1.11", "11.4.0.106"])
class TestTrtContract(EngineContract):
    """The shared contract on every version's names."""

    @pytest.fixture
    def fresh(self, version: str) -> Callable[..., TrtEngine]:
        """Makes engines on one bench."""
        return Bench(version).engine


@pytest.mark.parametrize("version", ["8.6.1", "10.3.0", "11.4.0.106"])
def test_a_closed_engine_gives_back_every_cuda_object(version: str) -> None:
    """Streams, page-locked and device memory, graphs and the context itself are gone after deactivate, without the collector."""
    bench = Bench(version)
    gc.disable()
    try:
        for _ in range(3):
            with bench.engine(cameras=2) as engine:
                engine.infer(BATCH, 1)
            assert bench.gpu.leaks() == {}
    finally:
        gc.enable()
    assert bench.gpu.opened == 3


def test_the_graph_is_captured_once_a_camera_and_replayed() -> None:
    """Where capture works, frames are replays, and the log can say so."""
    bench = Bench()
    with bench.engine(cameras=2) as engine:
        assert engine.path == "graph"
        assert bench.gpu.graphs == 2


@pytest.mark.parametrize(
    ("gpu", "reason"),
    [({"graphs_work": False}, "cuda-bindings is not installed"), ({"capture_fails": True}, "CAPTURE_INVALIDATED")],
)
def test_without_a_graph_frames_are_enqueued_and_the_reason_is_known(gpu: dict[str, Any], reason: str) -> None:
    """A machine without cuda-bindings, or a capture that fails, serves all the same."""
    bench = Bench(**gpu)
    with bench.engine() as engine, Bench().engine() as with_graph:
        assert engine.path.startswith("enqueue (")
        assert reason in engine.path
        assert engine.infer(BATCH).tobytes() == with_graph.infer(BATCH).tobytes()
        assert bench.gpu.graphs == 0


@pytest.mark.parametrize("graphs", [True, False])
def test_what_is_to_be_done_meanwhile_is_done_while_the_gpu_computes(graphs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Launch first, then the caller's own work, then the wait: that work takes no time from a frame."""
    seen: list[str] = []
    enqueue, launch, wait = FakeGpu.copy_out, FakeGraph.launch, FakeStream.synchronize
    monkeypatch.setattr(FakeGpu, "copy_out", lambda self, *rest: (seen.append("enqueued"), enqueue(self, *rest))[1])
    monkeypatch.setattr(FakeGraph, "launch", lambda self: (seen.append("launched"), launch(self))[1])
    monkeypatch.setattr(FakeStream, "synchronize", lambda self: (seen.append("waited"), wait(self))[1])
    with Bench().engine(graphs=graphs) as engine:
        seen.clear()
        engine.infer(BATCH, 0, lambda: seen.append("meanwhile"))
    assert seen == ["launched" if graphs else "enqueued", "meanwhile", "waited"]


def test_graphs_can_be_switched_off() -> None:
    """``graphs=False`` enqueues plainly."""
    with Bench().engine(graphs=False) as engine:
        assert engine.path == "enqueue"


@pytest.mark.parametrize(
    ("built", "words"),
    [
        ({"gpu": "Orin (nvgpu)"}, "built for GPU Orin (nvgpu), here is Fake GPU 1"),
        ({"compute_capability": "9.0"}, "compute capability 9.0, here is 8.7"),
        ({"tensorrt": "8.6.0"}, "TensorRT 8.6.0, here is 10.3.0"),
    ],
)
def test_a_plan_from_elsewhere_is_refused_with_the_command_that_rebuilds_it(built: dict[str, str], words: str) -> None:
    """GPU, compute capability and TensorRT version must be these; the line can be pasted into a shell."""
    line = Bench().refusal(PlanError, built=built)
    assert words in line
    assert line.endswith(COMMAND)


def test_a_variant_without_a_plan_is_refused_with_the_command() -> None:
    """A bundle that was never built on this device says how to."""
    bench = Bench()
    engine = TrtEngine(EngineSpec("int8", "int8", INPUT, OUTPUT), b"", None, bench.gpu, command=COMMAND, api=bench.api)
    with pytest.raises(PlanError, match="no TensorRT plan was built"):
        engine.activate()
    assert bench.gpu.leaks() == {}


@pytest.mark.parametrize(("size", "words"), [(100, "Magic tag does not match"), (20, "20 bytes, cut short"), (0, "cut short")])
def test_a_truncated_plan_is_refused_with_the_command(size: int, words: str) -> None:
    """A plan cut short gives TensorRT's reason and the command, in one line; a stump never reaches TensorRT."""
    bench = Bench()
    engine = bench.engine()
    engine._plan = fake_trt.plan_bytes()[:size]
    with pytest.raises(PlanError, match=rf"{words}.*run: adaptd engine build"):
        engine.activate()
    assert bench.gpu.leaks() == {}


def test_a_long_reason_never_cuts_off_the_command() -> None:
    """TensorRT answers in paragraphs; the line keeps its end, where the remedy stands."""
    bench = Bench()
    bench.api.complaint = "Serialization assertion failed. " * 40
    engine = bench.engine()
    engine._plan = fake_trt.plan_bytes()[:100]
    with pytest.raises(PlanError) as caught:
        engine.activate()
    assert str(caught.value).endswith(COMMAND)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"dtype": "HALF"}, "HALF"),
        ({"output": [1, 7]}, r"the manifest says float32 (1, 5)"),
        ({"input": [1, 3, 9, 9]}, r"the manifest says float32 (1, 3, 8, 8)"),
        ({"names": ["picture", "logits", "extra"]}, "1 inputs and 2 outputs"),
        ({"location": "HOST"}, "lives on the host"),
        ({"output": [1, -1], "real_output": [1, 9]}, "output is (1, 9)"),
        ({"input": [2, -1, 8, 8]}, "the manifest says"),
    ],
)
def test_a_plan_that_is_not_what_the_manifest_says_is_refused_before_it_runs(plan: dict[str, Any], words: str) -> None:
    """Other names, types, shapes or places are refused by name."""
    assert words in Bench().refusal(PlanError, **plan)


def test_a_dynamic_plan_is_fixed_to_the_manifests_shape() -> None:
    """Free axes take the manifest's sizes, once."""
    with Bench().engine(input=[-1, 3, -1, -1], output=[-1, 5], real_output=[1, 5]) as engine:
        assert engine.infer(BATCH).shape == OUTPUT


def test_no_memory_for_the_context_is_refused_in_one_line() -> None:
    """TensorRT answers an impossible context with None."""
    assert "out of memory" in Bench().refusal(EngineMemoryError, context=False)


def test_no_memory_for_buffers_is_refused_and_given_back() -> None:
    """A GPU that is full half way through leaves nothing taken."""
    assert "out of memory" in Bench(capacity=4500).refusal(EngineMemoryError)


def test_an_enqueue_that_fails_is_a_fault() -> None:
    """TensorRT's False is never taken for an answer."""
    assert "could not enqueue" in Bench().refusal(EngineFault, runs=False, graphs=False)


def test_a_sticky_device_error_is_a_fault_of_the_frame() -> None:
    """An illegal access on the device becomes one line, not a crash."""
    bench = Bench()
    with bench.engine() as engine:
        bench.gpu.broken = True
        with pytest.raises(EngineFault, match="illegal memory access"):
            engine.infer(BATCH)
        bench.gpu.broken = False


def test_variants_share_the_memory_for_activations_where_the_api_allows() -> None:
    """On 10.x the second variant takes no activation memory of its own; on 8.6 TensorRT keeps one for each."""
    bench = Bench("10.3.0")
    with bench.engine(activation=8 << 20) as first, bench.engine(name="int8", activation=6 << 20) as second:
        assert first.memory_mb >= 8
        assert second.memory_mb < 6
        assert first.infer(BATCH).tobytes() == second.infer(BATCH).tobytes()
    old = Bench("8.6.1")
    with old.engine(activation=8 << 20), old.engine(name="int8", activation=6 << 20) as second:
        assert second.memory_mb >= 6


def test_a_larger_later_variant_gets_a_larger_place_and_the_first_stays_valid() -> None:
    """Nothing moves under an engine that is running."""
    bench = Bench("11.4.0.106")
    with bench.engine(activation=1 << 20) as first:
        before = first.infer(BATCH).tobytes()
        with bench.engine(name="int8", activation=4 << 20) as second:
            assert second.infer(BATCH).tobytes() == first.infer(BATCH).tobytes() == before


def test_another_thread_is_told_whose_gpu_it_is() -> None:
    """Activating beside an open engine from a second thread is refused, because CUDA objects would be leaked there."""
    bench = Bench()
    caught: list[str] = []

    def intrude() -> None:
        try:
            bench.engine(name="int8").activate()
        except EngineError as error:
            caught.append(str(error))

    with bench.engine():
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()
    assert "belongs to the thread" in caught[0]
    assert bench.gpu.leaks() == {}


def test_a_pool_over_plans_isolates_the_bad_one_and_serves_the_reference() -> None:
    """An int8 plan for another GPU leaves fp16 serving, with the command in the reason."""
    bench = Bench()
    engines = {"fp16": bench.engine(), "int8": bench.engine(name="int8", built={"gpu": "Orin"})}
    with WarmPool(engines.__getitem__, engines, "fp16") as pool:
        assert pool.warm == ("fp16",)
        assert COMMAND in pool.faults["int8"]
        pool.infer(BATCH)
    assert bench.gpu.leaks() == {}

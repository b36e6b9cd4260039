"""The pycuda half of the engine room without a GPU: the contract, and the rules about threads, contexts and endings."""

import threading
from collections.abc import Iterator

import pytest

from adaptd.engine import cuda, cuda_graph
from adaptd.engine.cuda import PycudaGpu
from adaptd.engine.errors import BackendMissing, EngineError, EngineFault
from tests.gpu.fake_pycuda import CUresult, Machine
from tests.gpu.gpu_contract import GpuContract, Holder

INVALID = CUresult.CUDA_ERROR_STREAM_CAPTURE_INVALIDATED


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A computer whose rules nobody has broken at the end, and whose GPU was given back whole."""
    made = Machine()
    monkeypatch.setattr(cuda, "import_pycuda", lambda: made.pycuda)
    monkeypatch.setattr(cuda_graph, "import_driver", lambda: made.driver)
    yield made
    assert made.sins == []
    assert made.memory == {}
    assert set(made.stacks.values()) <= {0}


class TestPycudaContractOnTheFake(GpuContract):
    """What every GPU promises, with pycuda's rules watched."""

    @pytest.fixture
    def gpu(self, machine: Machine) -> PycudaGpu:
        """The first GPU of the computer."""
        assert machine.devices
        return PycudaGpu()


def test_the_context_is_pushed_while_anyone_uses_the_gpu_and_popped_after(machine: Machine) -> None:
    """Two users, one context: the first pushes, the last pops, on the same thread."""
    gpu = PycudaGpu()
    first, second = Holder(gpu), Holder(gpu)
    assert machine.stacks[threading.get_ident()] == 1
    first.deactivate()
    assert machine.stacks[threading.get_ident()] == 1
    second.deactivate()
    assert machine.stacks[threading.get_ident()] == 0


def test_the_end_of_the_process_gives_everything_back(machine: Machine) -> None:
    """What was forgotten is closed at exit on its own thread, or the pushed context would abort the process."""
    gpu = PycudaGpu()
    holder = Holder(gpu)
    gpu._at_exit()
    assert machine.memory == {}
    assert holder.block.held is None  # type: ignore[attr-defined]
    assert machine.stacks[threading.get_ident()] == 0


def test_the_end_of_the_process_waits_for_a_thread_that_serves(machine: Machine) -> None:
    """A thread of its own gives the GPU back at its next frame; the end waits for that."""
    gpu, started, refused = PycudaGpu(), threading.Event(), []

    def serve() -> None:
        holder = Holder(gpu)
        holder.source.array[:] = 1
        try:
            while True:
                gpu.heed()
                started.set()
        except EngineError as error:
            refused.append(str(error))

    thread = threading.Thread(target=serve)
    thread.start()
    started.wait(10)
    gpu._at_exit()
    assert machine.memory == {}
    thread.join(10)
    assert "the process is ending" in refused[0]


def test_a_computer_without_that_gpu_says_so(machine: Machine) -> None:
    """The driver's reason and the remedy, in one line; nothing stays open."""
    gpu = PycudaGpu(3)
    with pytest.raises(BackendMissing, match=r"GPU 3 cannot be opened.*nvidia-smi"):
        gpu.acquire(Holder.__new__(Holder))
    assert machine.stacks == {}


def test_without_pycuda_the_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that fails names the extra to install."""
    monkeypatch.setitem(__import__("sys").modules, "pycuda", None)
    with pytest.raises(BackendMissing, match=r"pip install 'adaptd\[cuda\]'"):
        PycudaGpu().acquire(Holder.__new__(Holder))


@pytest.mark.parametrize(("call", "words"), [("begin", "begin capture"), ("end", "end capture"), ("instantiate", "instantiate")])
def test_a_capture_that_the_driver_refuses_is_a_fault_with_its_name(machine: Machine, call: str, words: str) -> None:
    """The driver's own word is in the line, and no half-made graph stays."""
    holder = Holder(PycudaGpu())
    machine.answers[call] = INVALID
    with pytest.raises(EngineFault, match=f"{words} failed: {INVALID.name}"):
        holder.gpu.capture(holder.stream, holder.round_trip)
    machine.streams[holder.stream.handle].recording = None
    holder.deactivate()


def test_a_launch_that_the_driver_refuses_is_a_fault(machine: Machine) -> None:
    """A graph that cannot be replayed faults the frame; its two halves are destroyed on free."""
    holder = Holder(PycudaGpu())
    graph = holder.gpu.capture(holder.stream, holder.round_trip)
    machine.answers["launch"] = INVALID
    with pytest.raises(EngineFault, match="launch failed"):
        graph.launch()
    assert len(machine.graphs) == 2
    graph.free()
    graph.free()
    assert machine.graphs == set()
    holder.deactivate()


def test_the_fake_knows_a_sin_when_it_sees_one() -> None:
    """An object that dies on another thread, or a call without a context, is written down."""
    machine = Machine()
    machine.push(1)
    held = [machine.pycuda.Stream()]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    machine.push(-1)
    machine.current()
    assert machine.sins == ["Stream died on another thread", "a call without a current context"]

"""The fakes keep the rules that the real things have, so that what passes on them has been checked for something."""

import threading

import numpy as np
import pytest

from adaptd.engine.errors import EngineError, EngineMemoryError
from tests.gpu import fake_trt
from tests.gpu.fake_cuda import FakeGpu


class Holder:
    """A user of the GPU."""

    def deactivate(self) -> None:
        """Nothing to give back."""


def test_the_fake_gpu_counts_what_is_not_given_back() -> None:
    """A forgotten stream or block shows in ``leaks``."""
    gpu, holder = FakeGpu(), Holder()
    gpu.acquire(holder)
    stream, block = gpu.stream(), gpu.device_block(16)
    assert gpu.leaks() == {"memory": 1, "streams": 1, "users": 1}
    stream.free()
    block.free()
    gpu.release(holder)
    assert gpu.leaks() == {}


def test_the_fake_gpu_belongs_to_one_thread() -> None:
    """Another thread is refused as the real one refuses it."""
    gpu = FakeGpu()
    gpu.acquire(Holder())
    caught: list[EngineError] = []

    def intrude() -> None:
        try:
            gpu.stream()
        except EngineError as error:
            caught.append(error)

    thread = threading.Thread(target=intrude)
    thread.start()
    thread.join()
    assert "belongs to the thread" in str(caught[0])


def test_the_fake_gpu_runs_out_of_memory() -> None:
    """More than its capacity is an EngineMemoryError."""
    gpu = FakeGpu(capacity=100)
    gpu.acquire(Holder())
    with pytest.raises(EngineMemoryError):
        gpu.device_block(200)


def test_a_captured_copy_runs_at_launch_and_not_before() -> None:
    """Recording moves no data; every launch does."""
    gpu = FakeGpu()
    gpu.acquire(Holder())
    stream, block, source, target = gpu.stream(), gpu.device_block(8), gpu.host_block((2,)), gpu.host_block((2,))

    def work() -> None:
        gpu.copy_in(block, source, stream)
        gpu.copy_out(target, block, stream)

    graph = gpu.capture(stream, work)
    assert np.isnan(target.array).all()
    source.array[:] = (1, 2)
    graph.launch()
    assert target.array.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("version", "strong", "flags"), [("8.6.1", False, True), ("10.3.0", True, True), ("11.4.0", True, False)]
)
def test_the_fake_has_the_building_ways_of_its_version(version: str, strong: bool, flags: bool) -> None:
    """8.6 knows flags only, 10.x both, 11.x strong typing only."""
    trt = fake_trt.make(version, FakeGpu())
    assert hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED") == strong
    assert hasattr(trt.BuilderFlag, "FP16") == flags

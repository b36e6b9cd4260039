"""What every implementation of ``adaptd.engine.cuda.Gpu`` promises: one set of tests for the fake and for pycuda."""

import threading
from typing import Any

import numpy as np
import pytest

from adaptd.engine.errors import EngineError, EngineMemoryError

ENDLESS = 1 << 50


class Holder:
    """A user of the GPU with one stream, one device block and two host blocks of four numbers."""

    def __init__(self, gpu: Any) -> None:
        self.gpu = gpu
        gpu.acquire(self)
        self.stream, self.block = gpu.stream(), gpu.device_block(16)
        self.source, self.target = gpu.host_block((4,)), gpu.host_block((4,))

    def round_trip(self) -> None:
        """Enqueue a copy to the device and back."""
        self.gpu.copy_in(self.block, self.source, self.stream)
        self.gpu.copy_out(self.target, self.block, self.stream)

    def deactivate(self) -> None:
        """Give everything back."""
        for held in (self.stream, self.block, self.source, self.target):
            held.free()
        self.gpu.release(self)


class GpuContract:
    """The promises; a test module inherits them and gives a fixture ``gpu``."""

    def test_data_goes_there_and_comes_back(self, gpu: Any) -> None:
        """What is copied in can be copied out, unchanged."""
        holder = Holder(gpu)
        holder.source.array[:] = (1, -2, 3, 0.5)
        holder.round_trip()
        holder.stream.synchronize()
        assert holder.target.array.tolist() == [1, -2, 3, 0.5]
        holder.deactivate()

    def test_a_graph_replays_with_the_data_of_the_moment(self, gpu: Any) -> None:
        """Captured once, launched often: recording moves nothing, every launch reads the source anew."""
        holder = Holder(gpu)
        holder.target.array[:] = 7
        holder.source.array[:] = 1
        graph = gpu.capture(holder.stream, holder.round_trip)
        assert holder.target.array.tolist() == [7] * 4
        for value in (1, 2, 3):
            holder.source.array[:] = value
            graph.launch()
            holder.stream.synchronize()
            assert holder.target.array.tolist() == [value] * 4
        graph.free()
        holder.deactivate()

    def test_a_capture_that_fails_leaves_the_stream_usable(self, gpu: Any) -> None:
        """An error while recording ends the recording; the same stream then copies plainly."""
        holder = Holder(gpu)

        def broken() -> None:
            holder.round_trip()
            raise EngineError("no")

        with pytest.raises(EngineError):
            gpu.capture(holder.stream, broken)
        holder.source.array[:] = 5
        holder.round_trip()
        holder.stream.synchronize()
        assert holder.target.array.tolist() == [5] * 4
        holder.deactivate()

    def test_scratch_is_shared_within_a_camera_and_not_between(self, gpu: Any) -> None:
        """A smaller wish gets the same place for nothing, another camera a place of its own."""
        holder = Holder(gpu)
        first, taken = gpu.scratch(0, 4096)
        assert taken == 4096
        assert gpu.scratch(0, 1024) == (first, 0)
        other, taken = gpu.scratch(1, 1024)
        assert other != first
        assert taken == 1024
        holder.deactivate()

    def test_too_much_memory_is_refused_in_one_line_and_the_gpu_goes_on(self, gpu: Any) -> None:
        """Out of memory is an answer, not an end."""
        holder = Holder(gpu)
        with pytest.raises(EngineMemoryError, match="out of memory") as caught:
            gpu.device_block(ENDLESS)
        assert "\n" not in str(caught.value)
        holder.source.array[:] = np.arange(4)
        holder.round_trip()
        holder.stream.synchronize()
        assert holder.target.array.tolist() == [0, 1, 2, 3]
        holder.deactivate()

    def test_another_thread_is_refused(self, gpu: Any) -> None:
        """CUDA objects made or freed elsewhere would be leaked: the first call says whose the GPU is."""
        holder = Holder(gpu)
        caught: list[str] = []

        def intrude() -> None:
            try:
                gpu.stream()
            except EngineError as error:
                caught.append(str(error))

        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()
        assert "belongs to the thread" in caught[0]
        holder.deactivate()

    def test_it_opens_and_closes_a_hundred_times(self, gpu: Any) -> None:
        """Start and stop leave nothing behind; the next start works as the first."""
        for _ in range(100):
            Holder(gpu).deactivate()

    def test_it_may_be_opened_on_another_thread_after_it_was_closed(self, gpu: Any) -> None:
        """Ownership ends with the last user."""
        Holder(gpu).deactivate()
        done: list[bool] = []
        thread = threading.Thread(target=lambda: done.append(Holder(gpu).deactivate() is None))
        thread.start()
        thread.join()
        assert done == [True]

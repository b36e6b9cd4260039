"""A GPU in host memory, for machines without one: same protocol as ``PycudaGpu``, same rules about threads and about giving back.

Work is done when it is enqueued, or recorded while a capture runs. ``leaks()`` is what nobody gave back.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from adaptd.engine.base import Array
from adaptd.engine.cuda import User
from adaptd.engine.errors import BackendMissing, EngineError, EngineFault, EngineMemoryError

ALIGNMENT = 512


class FakeCudaError(Exception):
    """What the fake driver raises."""


@dataclass
class FakeStream:
    """A queue that runs at once, or records."""

    gpu: "FakeGpu"
    handle: int
    recording: list[Callable[[], None]] | None = None

    def push(self, work: Callable[[], None]) -> None:
        """Enqueue."""
        if self.recording is None:
            work()
        else:
            self.recording.append(work)

    def synchronize(self) -> None:
        if self.gpu.broken:
            raise FakeCudaError("an illegal memory access was encountered")

    def free(self) -> None:
        self.gpu.streams.pop(self.handle)


@dataclass
class FakeDevice:
    """A piece of device memory."""

    gpu: "FakeGpu"
    address: int
    size: int

    def free(self) -> None:
        del self.gpu.memory[self.address]


@dataclass
class FakeHost:
    """Page-locked memory."""

    gpu: "FakeGpu"
    data: Array | None

    @property
    def array(self) -> Array:
        assert self.data is not None
        return self.data

    def free(self) -> None:
        self.data = None
        self.gpu.pinned -= 1


@dataclass
class FakeGraph:
    """Recorded work."""

    gpu: "FakeGpu"
    stream: FakeStream
    work: list[Callable[[], None]]

    def launch(self) -> None:
        for piece in self.work:
            self.stream.push(piece)

    def free(self) -> None:
        self.gpu.graphs -= 1


@dataclass
class FakeGpu:
    """``capacity`` bytes; ``graphs_work`` False is a machine without cuda-bindings; ``broken`` a sticky device error."""

    name: str = "Fake GPU 1"
    compute_capability: str = "8.7"
    capacity: int = 1 << 30
    graphs_work: bool = True
    capture_fails: bool = False
    broken: bool = False
    opened: int = 0
    graphs: int = 0
    pinned: int = 0
    memory: dict[int, Array] = field(default_factory=dict)
    streams: dict[int, FakeStream] = field(default_factory=dict)
    _users: set[int] = field(default_factory=set)
    _blocks: dict[int, list[FakeDevice]] = field(default_factory=dict)
    _thread: int = 0
    _next: int = 1 << 20

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return (FakeCudaError,)

    def leaks(self) -> dict[str, int]:
        """What is still held, by kind; empty when everything was given back."""
        held = {"memory": len(self.memory), "streams": len(self.streams), "pinned": self.pinned, "graphs": self.graphs}
        return {kind: count for kind, count in (held | {"users": len(self._users)}).items() if count}

    def acquire(self, user: User) -> None:
        if not self._users:
            self._thread = threading.get_ident()
            self.opened += 1
        self._mine()
        self._users.add(id(user))

    def release(self, user: User) -> None:
        if id(user) in self._users:
            self._mine()
            self._users.remove(id(user))
            if not self._users:
                for blocks in self._blocks.values():
                    for block in blocks:
                        block.free()
                self._blocks.clear()

    def heed(self) -> None:
        """The process of a test does not end in the middle."""

    def stream(self) -> FakeStream:
        self._mine()
        handle = self._take(0)
        self.streams[handle] = FakeStream(self, handle)
        return self.streams[handle]

    def device_block(self, size: int) -> FakeDevice:
        self._mine()
        if sum(block.nbytes for block in self.memory.values()) + size > self.capacity:
            raise EngineMemoryError(f"{self.name}: out of memory, {size >> 10} KiB asked; serve fewer variants")
        address = self._take(size)
        self.memory[address] = np.full(-(-size // 4), np.nan, np.float32)
        return FakeDevice(self, address, size)

    def host_block(self, shape: tuple[int, ...]) -> FakeHost:
        self._mine()
        self.pinned += 1
        return FakeHost(self, np.full(shape, np.nan, np.float32))

    def copy_in(self, target: FakeDevice, source: FakeHost, stream: FakeStream) -> None:
        stream.push(lambda: np.copyto(self.memory[target.address], source.array.reshape(-1)))

    def copy_out(self, target: FakeHost, source: FakeDevice, stream: FakeStream) -> None:
        stream.push(lambda: np.copyto(target.array.reshape(-1), self.memory[source.address]))

    def capture(self, stream: FakeStream, work: Callable[[], None]) -> FakeGraph:
        self._mine()
        if not self.graphs_work:
            raise BackendMissing("no CUDA graphs: cuda-bindings is not installed; pip install cuda-bindings")
        stream.recording = []
        try:
            work()
        finally:
            recorded, stream.recording = stream.recording, None
        if self.capture_fails:
            raise EngineFault("CUDA graph: end capture failed: CUDA_ERROR_STREAM_CAPTURE_INVALIDATED")
        self.graphs += 1
        return FakeGraph(self, stream, recorded)

    def scratch(self, camera: int, size: int) -> tuple[int, int]:
        self._mine()
        blocks = self._blocks.setdefault(camera, [])
        for block in blocks:
            if block.size >= size:
                return block.address, 0
        blocks.append(self.device_block(size))
        return blocks[-1].address, size

    def read_out(self, handle: int, source: int, target: int, sizes: tuple[int, int], shift: float) -> None:
        """What the fake TensorRT's engines compute: see ``fake_trt.Computer``."""
        rows = np.arange(sizes[1])[:, None] * 31 + np.arange(sizes[0])[None, :] * 17
        weights = ((rows % 13) - 6).astype(np.float32)
        self.streams[handle].push(lambda: np.copyto(self.memory[target], weights @ self.memory[source] + np.float32(shift)))

    def holds(self, address: int, size: int) -> bool:
        """Whether this is memory that was taken and not given back."""
        return address in self.memory and size <= self.memory[address].nbytes

    def _take(self, size: int) -> int:
        self._next += max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)
        return self._next

    def _mine(self) -> None:
        if threading.get_ident() != self._thread:
            raise EngineError(f"{self.name}: the GPU belongs to the thread that opened it; call the pool from that one thread")

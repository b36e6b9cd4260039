"""``pycuda.driver`` and cuda-bindings' ``driver`` in host memory, with the rules that bite.

Context stacks belong to threads, and an object that dies on another thread than it was made on is leaked.
``Machine`` holds the state; ``machine.pycuda`` and ``machine.driver`` are the two modules. ``machine.sins`` lists broken rules.
"""

import threading
import weakref
from collections.abc import Callable
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np

OUT_OF_MEMORY = 1 << 40


class CUresult(IntEnum):
    """The codes that are used here."""

    CUDA_SUCCESS = 0
    CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901


class Error(Exception):
    """``pycuda.driver.Error``."""


class MemoryError(Error):  # noqa: A001 - the name it has there
    """``pycuda.driver.MemoryError``."""


class Machine:
    """One computer with one GPU."""

    def __init__(self, *, devices: int = 1) -> None:
        self.devices = devices
        self.sins: list[str] = []
        self.memory: dict[int, Any] = {}
        self.streams: weakref.WeakValueDictionary[int, Stream] = weakref.WeakValueDictionary()
        self.graphs: set[int] = set()
        self.answers: dict[str, CUresult] = {}
        self.stacks: dict[int, int] = {}
        self._next = 1 << 12
        self.pycuda = _pycuda(self)
        self.driver = _driver(self)

    def address(self) -> int:
        """A place that was never used."""
        self._next += 1 << 12
        return self._next

    def current(self) -> None:
        """Checks that this thread has a context pushed."""
        if not self.stacks.get(threading.get_ident()):
            self.sins.append("a call without a current context")

    def push(self, step: int) -> None:
        """Counts contexts pushed on this thread."""
        me = threading.get_ident()
        self.stacks[me] = self.stacks.get(me, 0) + step
        if self.stacks[me] < 0:
            self.sins.append("cannot pop non-current context")


class Owned:
    """An object that must die on the thread that made it, under a context."""

    def __init__(self, machine: Machine) -> None:
        machine.current()
        self.machine, self.thread = machine, threading.get_ident()

    def __del__(self) -> None:
        if threading.get_ident() != self.thread:
            self.machine.sins.append(f"{type(self).__name__} died on another thread")
        elif not self.machine.stacks.get(self.thread):
            self.machine.sins.append(f"{type(self).__name__} died without a context")


class Stream(Owned):
    """Runs at once, or records while a capture is on."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.handle = machine.address()
        self.recording: list[Callable[[], None]] | None = None
        machine.streams[self.handle] = self

    def do(self, work: Callable[[], None]) -> None:
        """Enqueue."""
        if self.recording is None:
            work()
        else:
            self.recording.append(work)

    def synchronize(self) -> None:
        self.machine.current()


class Allocation(Owned):
    """Device memory."""

    def __init__(self, machine: Machine, size: int) -> None:
        super().__init__(machine)
        self._address = machine.address()
        machine.memory[self._address] = np.full(size, 255, np.uint8)

    def __int__(self) -> int:
        return self._address

    def __del__(self) -> None:
        super().__del__()
        del self.machine.memory[self._address]


def _pycuda(machine: Machine) -> Any:
    def device(ordinal: int) -> Any:
        if ordinal >= machine.devices:
            raise Error("cuDeviceGet failed: invalid device ordinal")
        context = SimpleNamespace(push=lambda: machine.push(1), pop=lambda: machine.push(-1))
        return SimpleNamespace(
            retain_primary_context=lambda: context, name=lambda: "Fake GPU 2", compute_capability=lambda: (8, 7)
        )

    def mem_alloc(size: int) -> Allocation:
        if size >= OUT_OF_MEMORY:
            raise MemoryError("cuMemAlloc failed: out of memory")
        return Allocation(machine, size)

    def htod(target: int, source: Any, stream: Stream) -> None:
        machine.current()
        stream.do(lambda: np.copyto(machine.memory[target], source.reshape(-1).view(np.uint8)))

    def dtoh(target: Any, source: int, stream: Stream) -> None:
        machine.current()
        stream.do(lambda: np.copyto(target.reshape(-1).view(np.uint8), machine.memory[source]))

    return SimpleNamespace(
        Error=Error,
        MemoryError=MemoryError,
        init=lambda: None,
        Device=device,
        Stream=lambda: Stream(machine),
        mem_alloc=mem_alloc,
        mem_get_info=lambda: (1 << 30, 1 << 31),
        pagelocked_empty=lambda shape, kind: np.full(shape, np.nan, kind),
        memcpy_htod_async=htod,
        memcpy_dtoh_async=dtoh,
    )


def _driver(machine: Machine) -> Any:
    def answer(name: str, value: Any = None) -> tuple[Any, ...]:
        code = machine.answers.get(name, CUresult.CUDA_SUCCESS)
        return (code,) if value is None else (code, value)

    def begin(stream: int, mode: str) -> tuple[Any, ...]:
        assert mode == "thread local"
        machine.streams[stream].recording = []
        return answer("begin")

    def end(stream: int) -> tuple[Any, ...]:
        work, machine.streams[stream].recording = machine.streams[stream].recording, None
        machine.graphs.add(id(work))
        return answer("end", work)

    def instantiate(graph: list[Callable[[], None]], flags: int) -> tuple[Any, ...]:
        assert flags == 0
        machine.graphs.add(-id(graph))
        return answer("instantiate", graph)

    def launch(graph: list[Callable[[], None]], stream: int) -> tuple[Any, ...]:
        for work in graph:
            machine.streams[stream].do(work)
        return answer("launch")

    def named(error: CUresult) -> tuple[Any, ...]:
        return (CUresult.CUDA_SUCCESS, CUresult(error).name.encode())

    return SimpleNamespace(
        CUresult=CUresult,
        CUstream=int,
        CUstreamCaptureMode=SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL="thread local"),
        cuStreamBeginCapture=begin,
        cuStreamEndCapture=end,
        cuGraphInstantiate=instantiate,
        cuGraphLaunch=launch,
        cuGraphExecDestroy=lambda graph: machine.graphs.discard(-id(graph)),
        cuGraphDestroy=lambda graph: machine.graphs.discard(id(graph)),
        cuGetErrorName=named,
    )

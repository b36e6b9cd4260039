"""The GPU as an engine sees it, and its implementation with pycuda.

The thread that opens the GPU owns it. Opening retains the device's primary context, the one that TensorRT's own runtime uses, and
pushes it; closing pops it on the same thread. ``pycuda.autoinit`` and ``autoprimaryctx`` are never imported: the first makes a
context of its own, the second leaves one pushed on whichever thread imported it, and a thread that ends with a pushed context
aborts the process. Every CUDA object sits in a wrapper of this file whose ``free`` drops it here and now, so that none is ever
collected on another thread, where pycuda would leak it.
"""

import atexit
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from adaptd.engine.base import Array
from adaptd.engine.cuda_graph import CudaGraph, capture
from adaptd.engine.errors import BackendMissing, EngineError, EngineFault, EngineMemoryError

PATIENCE_S = 2.0  # how long the end of the process waits for another thread to give the GPU back


class User(Protocol):
    """Whoever holds CUDA objects; told to give them back when the process ends first."""

    def deactivate(self) -> None: ...


class Stream(Protocol):
    """An ordered queue of work. ``handle`` is the driver's pointer, for TensorRT and for graphs."""

    @property
    def handle(self) -> int: ...
    def synchronize(self) -> None: ...
    def free(self) -> None: ...


class DeviceBlock(Protocol):
    """Memory of the device."""

    @property
    def address(self) -> int: ...
    def free(self) -> None: ...


class HostBlock(Protocol):
    """Page-locked memory of the host: the device can copy from and to it while the processor does other things."""

    @property
    def array(self) -> Array: ...
    def free(self) -> None: ...


class Graph(Protocol):
    """Recorded work that one call replays."""

    def launch(self) -> None: ...
    def free(self) -> None: ...


class Gpu(Protocol):
    """What the TensorRT engine needs of a GPU. Sizes in bytes. Only the owning thread may call it."""

    name: str
    compute_capability: str

    @property
    def errors(self) -> tuple[type[Exception], ...]: ...
    def acquire(self, user: User) -> None: ...
    def release(self, user: User) -> None: ...
    def heed(self) -> None: ...
    def stream(self) -> Stream: ...
    def device_block(self, size: int) -> DeviceBlock: ...
    def host_block(self, shape: tuple[int, ...]) -> HostBlock: ...
    def copy_in(self, target: DeviceBlock, source: HostBlock, stream: Stream) -> None: ...
    def copy_out(self, target: HostBlock, source: DeviceBlock, stream: Stream) -> None: ...
    def capture(self, stream: Stream, work: Callable[[], None]) -> Graph: ...
    def scratch(self, camera: int, size: int) -> tuple[int, int]: ...


class _Held:
    """A wrapper around one pycuda object, which dies in ``free``."""

    __slots__ = ("address", "held")

    def __init__(self, held: Any, address: int = 0) -> None:
        self.held = held
        self.address = address

    def free(self) -> None:
        self.held = None

    @property
    def handle(self) -> int:
        return int(self.held.handle)

    def synchronize(self) -> None:
        self.held.synchronize()

    @property
    def array(self) -> Array:
        array: Array = self.held
        return array


class PycudaGpu:
    """One GPU through pycuda. ``ordinal`` counts as CUDA does."""

    def __init__(self, ordinal: int = 0) -> None:
        self.name = ""
        self.compute_capability = ""
        self._ordinal = ordinal
        self._cuda: Any = None
        self._context: Any = None
        self._thread = 0
        self._ending = False
        self._closed = threading.Event()
        self._users: dict[int, weakref.ref[Any]] = {}
        self._scratch: dict[int, list[tuple[_Held, int]]] = {}

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What pycuda raises."""
        return (self._cuda.Error,) if self._cuda is not None else ()

    def acquire(self, user: User) -> None:
        """Open the GPU on this thread if it is not, and count ``user`` in.

        Raises:
            BackendMissing: no pycuda, no driver or no device.
        """
        if self._context is None:
            self._open()
        self._mine()
        self._users[id(user)] = weakref.ref(user)

    def release(self, user: User) -> None:
        """Count ``user`` out; the last one closes the GPU. Harmless when it was never counted in."""
        if id(user) not in self._users:
            return
        self._mine()
        del self._users[id(user)]
        if not self._users:
            self._close()

    def heed(self) -> None:
        """Called before every frame: when the process is ending around this thread, give the GPU back and raise EngineError."""
        if self._ending:
            self._close_users()
            raise EngineError(f"{self.name}: the process is ending; the GPU was given back")

    def stream(self) -> Stream:
        self._mine()
        return _Held(self._cuda.Stream())

    def device_block(self, size: int) -> DeviceBlock:
        self._mine()
        return self._allocate(size)

    def host_block(self, shape: tuple[int, ...]) -> HostBlock:
        self._mine()
        try:
            return _Held(self._cuda.pagelocked_empty(shape, np.float32))
        except self._cuda.MemoryError:
            raise EngineMemoryError(f"{self.name}: no page-locked host memory for {shape}; close other programs") from None

    def copy_in(self, target: DeviceBlock, source: HostBlock, stream: Stream) -> None:
        self._cuda.memcpy_htod_async(target.address, source.array, _raw(stream))

    def copy_out(self, target: HostBlock, source: DeviceBlock, stream: Stream) -> None:
        self._cuda.memcpy_dtoh_async(target.array, source.address, _raw(stream))

    def capture(self, stream: Stream, work: Callable[[], None]) -> CudaGraph:
        """``work`` recorded instead of run. Raises BackendMissing without cuda-bindings, EngineFault when it cannot be."""
        self._mine()
        try:
            return capture(stream.handle, work)
        except self._cuda.Error as error:
            raise EngineFault(f"{self.name}: work cannot be captured: {error}") from None

    def scratch(self, camera: int, size: int) -> tuple[int, int]:
        """Address of ``size`` bytes that everything of one camera shares, and how many bytes were newly taken for it.

        Work of one camera runs one engine after another, so their activations may lie in the same place.
        """
        self._mine()
        blocks = self._scratch.setdefault(camera, [])
        for block, has in blocks:
            if has >= size:
                return block.address, 0
        blocks.append((self._allocate(size), size))
        return blocks[-1][0].address, size

    def _allocate(self, size: int) -> _Held:
        try:
            block = self._cuda.mem_alloc(size)
        except self._cuda.MemoryError:
            free, total = self._cuda.mem_get_info()
            raise EngineMemoryError(
                f"{self.name}: out of memory, {size >> 10} KiB asked, {free >> 10} of {total >> 10} KiB free; "
                "serve fewer variants"
            ) from None
        return _Held(block, int(block))

    def _open(self) -> None:
        cuda = import_pycuda()
        try:
            cuda.init()
            device = cuda.Device(self._ordinal)
            context = device.retain_primary_context()
            context.push()
        except cuda.Error as error:
            raise BackendMissing(f"GPU {self._ordinal} cannot be opened ({error}); check the driver with nvidia-smi") from None
        self._cuda, self._context, self._thread = cuda, context, threading.get_ident()
        self.name = device.name()
        self.compute_capability = ".".join(str(part) for part in device.compute_capability())
        atexit.register(self._at_exit)

    def _close(self) -> None:
        atexit.unregister(self._at_exit)
        for blocks in self._scratch.values():
            for block, _ in blocks:
                block.free()
        self._scratch.clear()
        self._context.pop()
        self._context = None
        self._closed.set()

    def _at_exit(self) -> None:
        """The process ends with engines open: close them, or the pushed context aborts it. Only their own thread can.

        A thread of its own that still serves closes at its next frame, and is waited for.
        """
        if threading.get_ident() == self._thread:
            self._close_users()
            return
        self._closed.clear()
        self._ending = True
        self._closed.wait(PATIENCE_S)

    def _close_users(self) -> None:
        for user in [reference() for reference in self._users.values()]:
            if user is not None:
                user.deactivate()
        if self._context is not None:
            self._users.clear()
            self._close()

    def _mine(self) -> None:
        if threading.get_ident() != self._thread:
            raise EngineError(f"{self.name}: the GPU belongs to the thread that opened it; call the pool from that one thread")


def import_pycuda() -> Any:
    """``pycuda.driver``, or BackendMissing with the remedy: without a driver the import itself fails."""
    try:
        import pycuda.driver as cuda
    except ImportError as error:
        raise BackendMissing(
            f"pycuda cannot be imported ({error}); install the NVIDIA driver, then: pip install 'adaptd[cuda]'"
        ) from None
    return cuda


def _raw(stream: Stream) -> Any:
    assert isinstance(stream, _Held)
    return stream.held

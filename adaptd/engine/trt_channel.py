"""One camera's way through one plan: execution context, stream, page-locked buffers, and a captured graph of it all."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from adaptd.engine.base import Array, Meanwhile, nothing
from adaptd.engine.cuda import DeviceBlock, Gpu, Graph, HostBlock, Stream
from adaptd.engine.errors import EngineFault, PlanError

NO_MEMORY: Array = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class Tensors:
    """Names and whole shapes of a plan's two float32 tensors; ``dynamic`` plans are told the input's shape."""

    input: str
    input_shape: tuple[int, ...]
    output: str
    output_shape: tuple[int, ...]
    dynamic: bool

    @property
    def bytes(self) -> int:
        """Size of both on one side."""
        return 4 * (prod(self.input_shape) + prod(self.output_shape))


class DeviceChannel:
    """Copies in, runs, copies out, waits. Everything is allocated once; nothing moves, so a graph stays valid."""

    def __init__(self, gpu: Gpu, context: Any, tensors: Tensors, name: str) -> None:
        self._gpu = gpu
        self._name = name
        self._context = context
        self._graph: Graph | None = None
        self._in = self._out = NO_MEMORY
        self._go: Callable[[], None] = self._enqueue
        self._owned: list[Stream | DeviceBlock | HostBlock] = []
        with ExitStack() as undo:
            undo.callback(self.free)
            self._stream: Stream = self._own(gpu.stream())
            self._host_in: HostBlock = self._own(gpu.host_block(tensors.input_shape))
            self._host_out: HostBlock = self._own(gpu.host_block(tensors.output_shape))
            self._device_in: DeviceBlock = self._own(gpu.device_block(4 * prod(tensors.input_shape)))
            self._device_out: DeviceBlock = self._own(gpu.device_block(4 * prod(tensors.output_shape)))
            self._in, self._out, self._wait = self._host_in.array, self._host_out.array, self._stream.synchronize
            self._bind(tensors)
            undo.pop_all()

    def run(self, batch: Array, meanwhile: Meanwhile = nothing) -> Array:
        """One frame, start to end; the answer is a copy that belongs to the caller. Raises EngineFault or the driver's error.

        ``meanwhile`` is called while the device computes.
        """
        self._in[...] = batch
        self._go()
        meanwhile()
        self._wait()
        answer: Array = self._out.copy()
        return answer

    def capture(self) -> None:
        """Record the way of a frame; later frames replay it. It must have run plainly once before, as TensorRT sets up lazily."""
        self._graph = self._gpu.capture(self._stream, self._enqueue)
        self._go = self._graph.launch

    def drop_graph(self) -> None:
        """Back to plain enqueue."""
        if self._graph is not None:
            self._go = self._enqueue
            self._graph.free()
            self._graph = None

    def free(self) -> None:
        """Give everything back, here and now; the context before the memory it uses."""
        self.drop_graph()
        self._context = None
        self._in = self._out = NO_MEMORY
        self._go = nothing
        while self._owned:
            self._owned.pop().free()

    def _enqueue(self) -> None:
        stream = self._stream
        self._gpu.copy_in(self._device_in, self._host_in, stream)
        if not self._context.execute_async_v3(stream.handle):
            raise EngineFault(f"engine {self._name}: TensorRT could not enqueue the frame; engine set aside")
        self._gpu.copy_out(self._host_out, self._device_out, stream)

    def _bind(self, tensors: Tensors) -> None:
        context = self._context
        if tensors.dynamic and not context.set_input_shape(tensors.input, tensors.input_shape):
            raise PlanError(f"engine {self._name}: the plan does not take {tensors.input_shape}; build it again")
        found = tuple(context.get_tensor_shape(tensors.output))
        if found != tensors.output_shape:
            raise PlanError(f"engine {self._name}: output is {found}, the manifest says {tensors.output_shape}; build it again")
        for name, block in ((tensors.input, self._device_in), (tensors.output, self._device_out)):
            if not context.set_tensor_address(name, block.address):
                raise PlanError(f"engine {self._name}: TensorRT refuses memory for tensor {name}; build it again")

    def _own(self, made: Any) -> Any:
        self._owned.append(made)
        return made

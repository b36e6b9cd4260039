"""The TensorRT backend: a plan from verified bytes, named tensors, one stream a camera, a CUDA graph where it can be captured."""

import logging
from typing import Any

from adaptd.config.manifest import PlanFact
from adaptd.engine import guard
from adaptd.engine.base import Array, Engine, EngineSpec, Meanwhile, nothing, probe_batch
from adaptd.engine.cuda import Gpu
from adaptd.engine.errors import BackendMissing, EngineFault, EngineMemoryError, PlanError, reason_of
from adaptd.engine.plan import Device, refuse_foreign
from adaptd.engine.trt_api import import_tensorrt, logger_of
from adaptd.engine.trt_channel import DeviceChannel, Tensors

LOG = logging.getLogger("adaptd.engine")
SMALLEST_PLAN = 64  # TensorRT reads a header of this order without asking how much there is


class TrtEngine(Engine):
    """One plan, one execution context and stream a camera.

    ``plan`` are the verified bytes, ``built`` what the manifest says of them, ``command`` what rebuilds them. Engines that are
    given the same ``gpu`` share its context and, where TensorRT lets the caller manage it, the memory for activations.
    """

    backend = "tensorrt"
    beside = True

    def __init__(
        self,
        spec: EngineSpec,
        plan: bytes,
        built: PlanFact | None,
        gpu: Gpu,
        *,
        command: str,
        graphs: bool = True,
        api: Any = None,
    ) -> None:
        super().__init__(spec)
        self._plan = plan
        self._built = built
        self._gpu = gpu
        self._command = command
        self._graphs = graphs
        self._api = api
        self._trt: Any = None
        self._runtime: Any = None
        self._engine: Any = None
        self._channels: list[DeviceChannel] = []
        self._taken = 0
        self.path = "enqueue"  # or graph, or enqueue with the reason why no graph is used

    def _activate_impl(self) -> None:
        trt = self._trt = self._api or import_tensorrt()
        self._gpu.acquire(self)
        device = Device(self._gpu.name, self._gpu.compute_capability, str(trt.__version__))
        refuse_foreign(self.name, self._built, device, self._command)
        try:
            self._load(trt)
        except self._gpu.errors as error:
            raise EngineFault(f"engine {self.name}: CUDA failed while loading: {reason_of(error)}; engine set aside") from None
        LOG.info("engine %s: %s, %s on %s, TensorRT %s", self.name, self.path, self.precision, device.gpu, device.tensorrt)

    def _load(self, trt: Any) -> None:
        self._runtime, self._engine = deserialize(trt, self._plan, self.name, self._command)
        tensors = self._tensors(trt)
        for camera in range(self.cameras):
            context, taken = self._context(trt, camera)
            self._taken += taken + 2 * tensors.bytes
            self._channels.append(DeviceChannel(self._gpu, context, tensors, self.name))
        if self._graphs:
            self._capture()

    def _infer_impl(self, batch: Array, camera: int, meanwhile: Meanwhile = nothing) -> Array:
        self._gpu.heed()
        try:
            return self._channels[camera].run(batch, meanwhile)
        except self._gpu.errors as error:
            raise EngineFault(f"engine {self.name}: CUDA failed: {reason_of(error)}; engine set aside") from None

    def _deactivate_impl(self) -> None:
        while self._channels:
            self._channels.pop().free()
        self._engine = None
        self._runtime = None
        self._taken = 0
        self._gpu.release(self)

    def _memory_impl(self) -> int:
        return self._taken + weight_bytes(self._trt, self._engine, len(self._plan))

    def _tensors(self, trt: Any) -> Tensors:
        """The one input and the one output, checked against the manifest before anything runs."""
        engine = self._engine
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        inputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        outputs = [name for name in names if name not in inputs]
        if len(inputs) != 1 or len(outputs) != 1:
            raise PlanError(f"engine {self.name}: {len(inputs)} inputs and {len(outputs)} outputs, one of each is served")
        for name, shape in ((inputs[0], self.input_shape), (outputs[0], self.output_shape)):
            found, kind = tuple(engine.get_tensor_shape(name)), engine.get_tensor_dtype(name)
            if kind != trt.DataType.FLOAT or not _fits(found, shape):
                raise PlanError(f"engine {self.name}: tensor {name} is {kind} {found}, the manifest says float32 {shape}")
            if engine.get_tensor_location(name) != trt.TensorLocation.DEVICE:
                raise PlanError(f"engine {self.name}: tensor {name} lives on the host; run: {self._command}")
        dynamic = -1 in tuple(engine.get_tensor_shape(inputs[0]))
        return Tensors(inputs[0], self.input_shape, outputs[0], self.output_shape, dynamic)

    def _context(self, trt: Any, camera: int) -> tuple[Any, int]:
        """An execution context and the device memory it took: shared among variants where the API lets us place it."""
        size = activation_bytes(self._engine)
        strategies = getattr(trt, "ExecutionContextAllocationStrategy", None)
        if strategies is None or size == 0:
            return self._made(self._engine.create_execution_context()), size
        context = self._made(self._engine.create_execution_context(strategies.USER_MANAGED))
        address, size_taken = self._gpu.scratch(camera, size)
        context.set_device_memory(address, size)
        return context, size_taken

    def _made(self, context: Any) -> Any:
        if context is None:
            raise EngineMemoryError(f"engine {self.name}: TensorRT made no context, out of memory; serve fewer variants")
        return context

    def _capture(self) -> None:
        """Capture every channel's work, or none: one engine runs one way. The first replay must repeat the plain answer."""
        batch = probe_batch(self.input_shape)
        refusals: tuple[type[Exception], ...] = (BackendMissing, EngineFault, *self._gpu.errors)
        try:
            for channel in self._channels:
                plain = channel.run(batch)
                channel.capture()
                if not guard.same_answer(plain, channel.run(batch)):
                    raise EngineFault("the captured graph answers otherwise than plain enqueue")
            self.path = "graph"
        except refusals as error:
            for channel in self._channels:
                channel.drop_graph()
            self.path = f"enqueue ({error})"
            LOG.warning("engine %s: %s", self.name, self.path)


def deserialize(trt: Any, plan: bytes, name: str, command: str) -> tuple[Any, Any]:
    """Runtime and engine from verified bytes; host code inside a plan stays forbidden, which is TensorRT's default."""
    logger = logger_of(trt)
    try:
        runtime = trt.Runtime(logger)
    except (RuntimeError, TypeError) as error:
        raise BackendMissing(f"TensorRT {trt.__version__} finds no GPU ({error}); check with nvidia-smi") from None
    if hasattr(trt, "init_libnvinfer_plugins"):
        trt.init_libnvinfer_plugins(logger, "")
    logger.last_error = ""
    if len(plan) < SMALLEST_PLAN:
        raise PlanError(f"engine {name}: the plan is {len(plan)} bytes, cut short; run: {command}")
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise PlanError(
            f"engine {name}: TensorRT refuses the plan ({reason_of(logger.last_error) or 'no reason given'}); run: {command}"
        )
    return runtime, engine


def activation_bytes(engine: Any) -> int:
    """Device memory for activations of one context: the old property has gone in 11.x, the new one came with 10.x."""
    size = getattr(engine, "device_memory_size_v2", None)
    return int(engine.device_memory_size if size is None else size)


def weight_bytes(trt: Any, engine: Any, plan_size: int) -> int:
    """Device memory for weights: asked of the engine where it knows, else the size of the plan."""
    if hasattr(engine, "get_engine_stat"):
        return int(engine.get_engine_stat(trt.EngineStat.TOTAL_WEIGHTS_SIZE))
    return plan_size


def _fits(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(found) == len(wanted) and all(a in (-1, b) for a, b in zip(found, wanted, strict=True))

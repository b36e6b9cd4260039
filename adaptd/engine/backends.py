"""From a verified bundle to a warm pool: which class serves which backend."""

from collections.abc import Iterable
from dataclasses import dataclass

from adaptd.engine.base import Engine, EngineSpec
from adaptd.engine.bundle import Bundle
from adaptd.engine.cuda import PycudaGpu
from adaptd.engine.errors import EngineError
from adaptd.engine.ort import OrtEngine
from adaptd.engine.plan import rebuild_command
from adaptd.engine.pool import Factory, WarmPool
from adaptd.engine.stub import StubEngine
from adaptd.engine.trt import TrtEngine

BACKENDS = ("ort", "tensorrt", "stub")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """``threads`` and ``spinning`` concern ONNX Runtime, ``graphs`` TensorRT; ``cameras`` is how many streams are served."""

    threads: int = 0
    spinning: bool = False
    cameras: int = 1
    graphs: bool = True


def factory(bundle: Bundle, backend: str, options: EngineOptions) -> Factory:
    """A function that makes the inactive engine of a variant.

    Raises:
        EngineError: no such backend.
    """
    if backend not in BACKENDS:
        raise EngineError(f"no backend {backend}; there are {', '.join(BACKENDS)}")

    gpu = PycudaGpu()  # opened by the first engine that is activated, on its thread

    def make(variant: str) -> Engine:
        precision = bundle.entry(variant, backend).precision_computed
        spec = EngineSpec(variant, precision, bundle.manifest.input_shape, bundle.manifest.output_shape, options.cameras)
        if backend == "stub":
            return StubEngine(spec)
        if backend == "tensorrt":
            plan, command = bundle.entry(variant, backend).plan, rebuild_command(bundle.folder)
            data = bundle.model_bytes(variant, backend)
            return TrtEngine(spec, data, plan, gpu, command=command, graphs=options.graphs)
        return OrtEngine(spec, bundle.model_bytes(variant, backend), threads=options.threads, spinning=options.spinning)

    return make


def open_pool(
    bundle: Bundle,
    backend: str,
    variants: Iterable[str] | None = None,
    *,
    options: EngineOptions | None = None,
    budget_mb: int | None = None,
) -> WarmPool:
    """The inactive pool over ``variants`` of a bundle (all that are built for ``backend`` when None); call ``activate``."""
    names = bundle.variants(backend) if variants is None else tuple(variants)
    entries = {name: bundle.manifest.variants.get(name, {}).get(backend) for name in names}
    expected = {name: one.qualification.warm_memory_mb for name, one in entries.items() if one and one.qualification}
    make = factory(bundle, backend, options or EngineOptions())
    return WarmPool(make, names, bundle.manifest.reference, budget_mb=budget_mb, expected_mb=expected)

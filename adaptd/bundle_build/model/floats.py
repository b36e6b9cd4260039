"""Runs a float graph for measuring: one thread, no fusion across what is looked at, the same numbers every time."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.onnx_io import (
    clone,
    from_bytes,
    import_onnx,
    inferred,
    keep_standard_domain,
    name_nodes,
    refill,
    to_bytes,
)
from adaptd.engine.base import probe_batch
from adaptd.engine.ort import failures, import_onnxruntime, session_options

Array = npt.NDArray[np.float32]


def session(model: bytes, *, threads: int = 1, level: str = "ORT_ENABLE_ALL", save_to: str = "") -> Any:
    """An ONNX Runtime session over ``model``; ``save_to`` also writes the graph as it really runs. Raises BuildError."""
    ort = import_onnxruntime()
    options = session_options(ort, threads)
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    if save_to:
        options.optimized_model_filepath = save_to
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except failures(ort) as error:
        raise BuildError(f"ONNX Runtime refuses the model: {str(error)[:300]}") from None


def trial(model: bytes, shape: tuple[int, ...], where: str) -> Array:
    """One run on a ramp from -1 to 1; finds shapes that the graph hard-codes. Raises BuildError, also on a non-finite output."""
    runner = session(model)
    try:
        output: Array = runner.run(None, {runner.get_inputs()[0].name: probe_batch(shape)})[0]
    except failures(import_onnxruntime()) as error:
        raise BuildError(f"{where}: does not run ({str(error)[:200]}); export it with batch 1 and fixed sizes") from None
    if not np.isfinite(output).all():
        raise BuildError(f"{where}: answers NaN or infinity to an ordinary picture, check the export")
    return output


def optimised(model: bytes, level: str = "ORT_ENABLE_ALL") -> Any:
    """The graph as the runtime rewrote it to run it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        session(model, level=level, save_to=str(path))
        return from_bytes(path.read_bytes())


def folded(model: bytes) -> Any:
    """The graph with constants folded and batch norms merged into convolutions, standard operators only."""
    graph = optimised(model, "ORT_ENABLE_BASIC")
    keep_standard_domain(graph)
    name_nodes(graph)  # the optimiser leaves some without
    graph.producer_name, graph.producer_version = "adaptd", ""
    return inferred(graph)


def with_all_outputs(model: Any) -> tuple[bytes, list[str]]:
    """The graph giving out every float activation, and their names, the graph's input first."""
    kind = import_onnx().TensorProto.FLOAT
    known = {item.name: item for item in [*model.graph.value_info, *model.graph.output]}
    made = [name for node in model.graph.node for name in node.output]
    names = [name for name in made if name in known and known[name].type.tensor_type.elem_type == kind]
    copy = clone(model)
    refill(copy.graph.output, [known[name] for name in names])
    return to_bytes(copy), [model.graph.input[0].name, *names]

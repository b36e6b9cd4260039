"""The precision really computed: read off the graph as the runtime rewrote it, not off the file's name.

FP16 on an x86 CPU is the case in point: the runtime inserts casts and computes in float32.
"""

import tempfile
from collections import Counter
from typing import Any

from adaptd.bundle_build.model.floats import session
from adaptd.bundle_build.model.onnx_io import from_bytes, import_onnx

INTEGER = (
    "QLinearConv",
    "QGemm",
    "QLinearMatMul",
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "ConvInteger",
    "QLinearConvTranspose",
)
FLOAT = ("Conv", "FusedConv", "NhwcFusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul")


def computed(model: bytes) -> tuple[str, Counter[str]]:
    """``int8``, ``fp16``, ``fp32`` or a mixture (``int8-fp32``), and how many convolutions and products run in each."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/optimised.onnx"
        session(model, save_to=path)
        with open(path, "rb") as file:
            graph = from_bytes(file.read()).graph
    counts = Counter(kind for node in graph.node if (kind := _kind(graph, node)))
    order = [kind for kind in ("int8", "fp16", "fp32") if counts[kind]]
    return "-".join(order) or "fp32", counts


def _kind(graph: Any, node: Any) -> str | None:
    if node.op_type in INTEGER:
        return "int8"
    if node.op_type not in FLOAT:
        return None
    kinds = import_onnx().TensorProto
    stored = {item.name: item.data_type for item in graph.initializer}
    return "fp16" if kinds.FLOAT16 in [stored.get(name) for name in node.input[1:2]] else "fp32"

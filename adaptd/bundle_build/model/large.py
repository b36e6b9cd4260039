"""A small file can ask for terabytes when it runs: what a graph would need is counted before anything runs it."""

from math import prod
from typing import Any

from adaptd.bundle_build.errors import BuildError

MOST_TENSOR_BYTES = 512 << 20
SIZES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}  # bytes of TensorProto.DataType


def refuse_large(model: Any) -> None:
    """Raises BuildError where a tensor between two layers would be larger than MOST_TENSOR_BYTES; ``model`` has inferred shapes.

    A shape that is only known when the model runs is no static shape, which is refused elsewhere.
    """
    for item in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        kind = item.type.tensor_type
        sides = [max(1, axis.dim_value) for axis in kind.shape.dim]
        needed = prod(sides) * SIZES.get(kind.elem_type, 8)
        if needed > MOST_TENSOR_BYTES:
            shape = " x ".join(map(str, sides))
            most = f"at most {MOST_TENSOR_BYTES >> 20} are served"
            raise BuildError(f"tensor {item.name} is {shape} and takes {needed >> 20:,} MiB when it runs, {most}")

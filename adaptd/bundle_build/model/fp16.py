"""The FP16 file: half precision inside, float32 at both ends, nothing that overflows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.graphs import array
from adaptd.bundle_build.model.onnx_io import check, clone, import_onnx, quiet
from adaptd.bundle_build.model.ranges import Range

LARGEST_HALF = 65504.0
SMALLEST_HALF = 5.96e-8
SAFE_SHARE = 0.5


def to_fp16(model: Any, ranges: Mapping[str, Range] | None = None) -> Any:
    """A copy computed in FP16 with float32 input and output.

    Nodes that produce or take values beyond half of what FP16 can hold, by the calibration ``ranges`` or as stored constants,
    stay in float32: the converter would clip constants.

    Raises:
        BuildError: the converter is not installed, or does not take the model: parts of it are FP16 already, for one.
    """
    try:
        from onnxconverter_common import float16
    except ImportError as error:
        raise BuildError(f"the FP16 conversion needs onnxconverter-common ({error}); pip install 'adaptd[build]'") from None
    try:
        with quiet():
            half = float16.convert_float_to_float16(
                clone(model),
                min_positive_val=SMALLEST_HALF,
                max_finite_val=LARGEST_HALF,
                keep_io_types=True,
                node_block_list=overflowing(model, ranges or {}),
            )
    except ValueError as error:
        raise BuildError(
            f"cannot be converted to FP16 ({str(error)[:160]}), give the model with its float part in FP32"
        ) from None
    check(half)
    return half


def overflowing(model: Any, ranges: Mapping[str, Range]) -> list[str]:
    """The names of the nodes that touch a tensor too large for FP16."""
    limit = SAFE_SHARE * LARGEST_HALF
    large = {name for name, span in ranges.items() if max(-span.low, span.high) > limit}
    large |= {item.name for item in model.graph.initializer if _largest(item) > limit}
    return [node.name for node in model.graph.node if large & {*node.input, *node.output}]


def _largest(item: Any) -> float:
    is_float = item.data_type == import_onnx().TensorProto.FLOAT
    return float(np.max(np.abs(array(item)), initial=0.0)) if is_float else 0.0

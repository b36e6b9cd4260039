"""The guard between an engine and everyone who believes it: right shape, and no NaN or infinity."""

import math

import numpy as np
import numpy.typing as npt

from adaptd.engine.errors import EngineFault

Array = npt.NDArray[np.float32]
SMALL, MEDIUM = 64, 8_192


def check(output: Array, shape: tuple[int, ...], name: str) -> Array:
    """Hands ``output`` on, or raises EngineFault naming the engine ``name``.

    A finite sum, or sum of squares, proves that every element is finite, in one pass; only one that is not finite (it may merely
    have overflowed) is looked at element by element.
    """
    if output.shape != shape:
        raise EngineFault(f"engine {name}: output shape {output.shape}, the manifest says {shape}; engine set aside")
    if not math.isfinite(np.vdot(output, output) if SMALL < output.size <= MEDIUM else _total(output)):
        wrong = int(np.size(output) - np.count_nonzero(np.isfinite(output)))
        if wrong:
            raise EngineFault(f"engine {name}: {wrong} of {np.size(output)} output values are NaN or infinite; engine set aside")
    return output


def _total(output: Array) -> float:
    """The sum. A classifier's few values are added in Python: after a network has filled the caches, numpy costs 70 us.

    Some thousand are multiplied with themselves above, which takes a third of adding them; more would wake other threads.
    """
    if output.size <= SMALL:
        return float(sum(output.ravel().tolist()))
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.add.reduce(output, axis=None))


def same_answer(first: Array, now: Array) -> bool:
    """Whether an engine still answers its probe as it did when it was activated, within 1 % of the largest value."""
    scale = float(np.max(np.abs(first), initial=0.0))
    return bool(np.max(np.abs(first - now), initial=0.0) <= 0.01 * scale + 1e-6)

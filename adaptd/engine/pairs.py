"""Which 8-bit weights every processor multiplies alike.

x86 kernels without VNNI multiply unsigned by signed bytes and add neighbours in saturating 16 bits (PMADDUBSW). Neighbours are
two values that follow one another along the sum: of a convolution's kernel in the order row, column, channel. Where no such pair
sums past 128 either way, nothing can saturate (255 x 128 = 32,640 < 32,768), and all kernels give the same bits.
"""

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.int8]
Wide = npt.NDArray[np.int32]
LARGEST_PAIR = 128


def worst_pair(rows: Weights, channels: int = 0) -> Wide:
    """The largest sum of like-signed neighbours in each row of (outputs, length) weights.

    ``channels`` is how many of a row belong to one position of a convolution's kernel. Some kernels sum position by position
    and pad an odd number of channels, others run on across positions: both ways of pairing are looked at. 0 for products.
    """
    worst = _worst(_pairs(rows))
    if channels % 2:
        outputs = len(rows)
        worst = np.maximum(worst, _worst(_pairs(rows.reshape(-1, channels))).reshape(outputs, -1).max(axis=1))
    return worst


def rows_of(weights: npt.NDArray[np.generic], op: str, *, transposed: bool = False) -> tuple[npt.NDArray[np.generic], int]:
    """Stored weights as (outputs, length) in the order that kernels sum, and the channels of one position (0 for products).

    ``op`` is Conv (outputs, channels, height, width), Gemm or MatMul (length, outputs); ``transposed`` is Gemm's transB.
    """
    if op == "Conv":
        moved = np.moveaxis(weights, 1, -1)
        return np.ascontiguousarray(moved).reshape(len(weights), -1), int(weights.shape[1])
    if transposed:
        return np.ascontiguousarray(weights), 0
    swapped = np.ascontiguousarray(np.swapaxes(weights, -1, -2))
    return swapped.reshape(-1, weights.shape[-2]), 0


def restored(
    rows: npt.NDArray[np.generic], shape: tuple[int, ...], op: str, *, transposed: bool = False
) -> npt.NDArray[np.generic]:
    """The inverse of ``rows_of``: rows back in the stored ``shape``."""
    if op == "Conv":
        outputs, channels, *window = shape
        return np.ascontiguousarray(np.moveaxis(rows.reshape(outputs, *window, channels), -1, 1))
    if transposed:
        return rows.reshape(shape)
    back = rows.reshape(*shape[:-2], shape[-1], shape[-2])
    return np.ascontiguousarray(np.swapaxes(back, -1, -2))


def _pairs(rows: npt.NDArray[np.generic]) -> Wide:
    padded = np.pad(rows.astype(np.int32), ((0, 0), (0, rows.shape[1] % 2)))
    return padded.reshape(len(rows), -1, 2)


def _worst(pairs: Wide) -> Wide:
    above, below = np.maximum(pairs, 0).sum(axis=2), np.maximum(-pairs, 0).sum(axis=2)
    worst: Wide = np.maximum(above, below).max(axis=1, initial=0)
    return worst

"""Scales of 8-bit sums at which every processor rounds alike.

A sum of two 8-bit tensors is worked out as ``a (x - zx) + b (y - zy) + z``, in float32 on x86 and in fixed point on Arm, and the
two round halves to different sides. Where ``a`` and ``b`` are whole multiples of 2^-F, small enough for float32 to hold every
intermediate exactly, and none of the 65,536 pairs (x, y) lands on a half, all give the same byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, frexp, ldexp, log2

import numpy as np

TRIES = 80
MANTISSA = 24
SHORT = 8  # bits of a sum's scale, so that scale x ratio is exact too


@dataclass(frozen=True, slots=True)
class Sum:
    """One addition: the names of the three scales, and the three zero points."""

    first: str
    second: str
    result: str
    zeros: tuple[int, int, int]


def settle(sums: list[Sum], scales: Mapping[str, float]) -> tuple[dict[str, np.float32], list[Sum]]:
    """New values for the scales of ``sums`` (in the order they run), and the sums that could not be settled.

    Scales only grow, by some parts in ten thousand, so nothing is clipped that was not.
    """
    fixed: dict[str, np.float32] = {}
    loose: list[Sum] = []
    for one in reversed(sums):
        found = _settled(one, scales, fixed)
        if found is None:
            loose.append(one)
        else:
            fixed.update(found)
    return fixed, loose


def _settled(one: Sum, scales: Mapping[str, float], fixed: Mapping[str, np.float32]) -> dict[str, np.float32] | None:
    if one.first == one.second or one.result in (one.first, one.second) or {one.first, one.second} <= fixed.keys():
        return None
    if one.first in fixed:
        swapped = Sum(one.second, one.first, one.result, (one.zeros[1], one.zeros[0], one.zeros[2]))
        return _settled(swapped, scales, fixed)
    if one.second in fixed:
        return None if one.result in fixed else _with_second(one, scales, fixed[one.second])
    result = fixed.get(one.result)
    return _with_result(one, scales, _short(scales[one.result]) if result is None else result)


def _with_result(one: Sum, scales: Mapping[str, float], result: np.float32) -> dict[str, np.float32] | None:
    """The sum's scale is given, those of both addends are chosen."""
    wanted = scales[one.first] / float(result), scales[one.second] / float(result)
    bits = _bits(wanted, one.zeros)
    least = [int(np.ceil(ratio * ldexp(1, bits))) for ratio in wanted]
    for turn in range(TRIES * TRIES):
        p, q = least[0] + turn % TRIES, least[1] + turn // TRIES
        first, second = _times(result, p, bits), _times(result, q, bits)
        if first is not None and second is not None and not has_tie(p, q, bits, one.zeros):
            return {one.first: first, one.second: second, one.result: result}
    return None


def _with_second(one: Sum, scales: Mapping[str, float], second: np.float32) -> dict[str, np.float32] | None:
    """One addend's scale is given; the sum's and the other's are chosen."""
    wanted = scales[one.first] / scales[one.result], float(second) / scales[one.result]
    bits = _bits(wanted, one.zeros)
    for q in range(int(wanted[1] * ldexp(1, bits)), 0, -1)[:TRIES]:
        result = np.float32(float(second) * ldexp(1, bits) / q)
        if _times(result, q, bits) != second:
            continue
        least = int(np.ceil(scales[one.first] / float(result) * ldexp(1, bits)))
        for p in range(least, least + TRIES):
            first = _times(result, p, bits)
            if first is not None and not has_tie(p, q, bits, one.zeros):
                return {one.first: first, one.result: result}
    return None


def has_tie(p: int, q: int, bits: int, zeros: tuple[int, int, int]) -> bool:
    """Whether some pair of bytes, not clipped, lands on a half with ratios p and q over 2^bits."""
    x, y = np.arange(256, dtype=np.int64)[:, None] - zeros[0], np.arange(256, dtype=np.int64)[None, :] - zeros[1]
    value = x * p + y * q
    one = 1 << bits
    inside = (value > -(zeros[2] + 1) * one) & (value < (256 - zeros[2]) * one)
    return bool((inside & (value % one == one // 2)).any())


def _bits(ratios: tuple[float, float], zeros: tuple[int, int, int]) -> int:
    """Bits after the point at which float32 holds every intermediate of the sum, in whatever order it is worked out."""
    most = 256 + 256 * (1.01 * ratios[0] + 0.01) + 256 * (1.01 * ratios[1] + 0.01) + zeros[2]
    return min(16, MANTISSA - 1 - floor(log2(most)))


def _times(scale: np.float32, parts: int, bits: int) -> np.float32 | None:
    """The scale whose ratio to ``scale`` is, in float32, exactly parts / 2^bits."""
    ratio = np.float32(ldexp(parts, -bits))
    found = np.float32(float(ratio) * float(scale))
    return found if np.float32(found / scale) == ratio else None


def _short(scale: float) -> np.float32:
    """The next larger value of SHORT bits."""
    part, power = frexp(scale)
    found: np.float32 = np.float32(ldexp(np.ceil(part * (1 << SHORT)) / (1 << SHORT), power))
    return found

"""Which light band it is. The bands overlap: the overlap is the hysteresis, so it is data and not code."""

from typing import NamedTuple

from adaptd.brain.estimate.light import ANY_MLX
from adaptd.config.policy import LightBand

UNKNOWN = "unknown"


class Edges(NamedTuple):
    """A light band: it is left where the light lies below ``down_mlx`` or above ``up_mlx``."""

    name: str
    down_mlx: int
    up_mlx: int


def edges(bands: tuple[LightBand, ...]) -> tuple[Edges, ...]:
    """The bands of a policy, from the darkest; where one has no edge, no light lies beyond it."""
    return tuple(
        Edges(
            one.name,
            -ANY_MLX if one.down_at_mlx is None else one.down_at_mlx,
            ANY_MLX if one.up_at_mlx is None else one.up_at_mlx,
        )
        for one in bands
    )


def follow(bands: tuple[Edges, ...], band: str, span: tuple[int, int] | None) -> str:
    """The band that holds all of ``span``, the interval in millilux in which the light lies: the one before where it still does.

    Else the next one in the direction in which the interval sticks out; from UNKNOWN the darkest. UNKNOWN without an interval
    and where no band holds all of it: then nobody can tell which account a frame belongs to.
    """
    if span is None:
        return UNKNOWN
    low, high = span
    at = 0
    for i, one in enumerate(bands):
        if one.name == band:
            at = i
    while at > 0 and low < bands[at].down_mlx:
        at -= 1
    while at < len(bands) - 1 and high > bands[at].up_mlx:
        at += 1
    return UNKNOWN if low < bands[at].down_mlx else bands[at].name

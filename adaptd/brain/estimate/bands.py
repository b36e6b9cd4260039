"""Which light band it is. The bands overlap: the overlap is the hysteresis, so it is data and not code."""

from adaptd.config.policy import LightBand

UNKNOWN = "unknown"


def follow(bands: tuple[LightBand, ...], band: str, span: tuple[int, int] | None) -> str:
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
    while at > 0 and _below(bands[at], low):
        at -= 1
    while at < len(bands) - 1 and _above(bands[at], high):
        at += 1
    return UNKNOWN if _below(bands[at], low) else bands[at].name


def _below(band: LightBand, light_mlx: int) -> bool:
    return band.down_at_mlx is not None and light_mlx < band.down_at_mlx


def _above(band: LightBand, light_mlx: int) -> bool:
    return band.up_at_mlx is not None and light_mlx > band.up_at_mlx

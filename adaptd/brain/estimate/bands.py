"""Which light band it is. The bands overlap: the overlap is the hysteresis, so it is data and not code."""

from adaptd.config.policy import LightBand

UNKNOWN = "unknown"


def follow(bands: tuple[LightBand, ...], band: str, light_mlx: int | None) -> str:
    """The band after a reading: left downwards below its lower edge, upwards above its upper edge, else kept.

    Without a reading the band is UNKNOWN; from there the darkest band that holds the reading is entered.
    """
    if light_mlx is None:
        return UNKNOWN
    at = next((i for i, one in enumerate(bands) if one.name == band), 0)
    while at > 0 and _below(bands[at], light_mlx):
        at -= 1
    while at < len(bands) - 1 and _above(bands[at], light_mlx):
        at += 1
    return bands[at].name


def _below(band: LightBand, light_mlx: int) -> bool:
    return band.down_at_mlx is not None and light_mlx < band.down_at_mlx


def _above(band: LightBand, light_mlx: int) -> bool:
    return band.up_at_mlx is not None and light_mlx > band.up_at_mlx

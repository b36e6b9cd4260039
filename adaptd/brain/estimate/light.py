"""In which interval the light lies: the mean of what a sensor said, and how far its scatter leaves that open.

A light band is a claim about the light and not about one reading of it. Readings r of one sensor scatter around the light by a
share that is learned; the level follows them as Kalman's filter does for a level that wanders (R. E. Kalman 1960, doi
10.1115/1.3662552), here in shares of the level:

    e = (r - level) / level,   P <- P + DRIFT^2 dt,   K = P / (P + scatter^2),   level <- level (1 + K e),   P <- P (1 - K)

A reading further off than JUMP_SIGMAS is a lamp, a cloud or a door: the level begins anew with it, as unsure as one reading is.
Light that is on its way leaves the level behind, so the interval is as much longer on the side on which the last readings lay. A
picture that is clipped says only how bright it is at least: then there is no upper end.
"""

from math import sqrt
from typing import NamedTuple

from adaptd.brain.judge.fusion import Held
from adaptd.vocabulary import Judged, MissingReason

PPM = 1_000_000
FIRST_PPM = 50_000  # scatter of a reading before any was seen: what the overlap of bands is made for
FLOOR_PPM, CEILING_PPM = 5_000, 100_000
SCATTER_MEMORY = 64
SCATTER_CUT = 3  # a step is no scatter
DRIFT_PPM = 5_000  # random walk of the light, per square root of a second
JUMP_SIGMAS = 4
LEAN_MEMORY = 3  # so many looks show which way the light is on its way
SIGMAS = 3  # light at the very end of the interval lies beyond it once in 740 looks
DARK_MLX = 1_000  # below a lux shares mean nothing: scatter is that of one lux
ANY_MLX = 1 << 62


class Light(NamedTuple):
    """Level in millilux (None: not known), the last reading, and when that was true.

    In ppm of the level: ``lean_ppm`` is where the last readings lay beside it, ``unsure_ppm`` and ``scatter_ppm`` are the
    deviations of the level and of one reading.
    """

    level_mlx: int | None = None
    last_mlx: int = 0
    at_us: int = 0
    lean_ppm: int = 0
    unsure_ppm: int = 0
    scatter_ppm: int = FIRST_PPM


NOTHING = Light()


def observe(light: Light, believed_mlx: int | None, heard: Held | None) -> Light:
    """What is known after this look. A reading that was heard already teaches nothing; one that is not believed ends all."""
    if believed_mlx is None or heard is None:
        return light if light.level_mlx is None else Light(scatter_ppm=light.scatter_ppm)
    reading_mlx, at_us = heard.value, heard.at_us
    if light.level_mlx is None:
        return _anew(reading_mlx, at_us, light.scatter_ppm)
    if at_us == light.at_us:
        return light
    whole = float(max(light.level_mlx, DARK_MLX))
    passed_s = max(0.0, (at_us - light.at_us) / 1e6)
    scatter = float(max(FLOOR_PPM, light.scatter_ppm))
    noise = scatter * scatter
    doubt = float(light.unsure_ppm) * light.unsure_ppm + float(DRIFT_PPM) * DRIFT_PPM * passed_s
    surprise = (reading_mlx - light.level_mlx) / whole * PPM
    if surprise * surprise > JUMP_SIGMAS * JUMP_SIGMAS * (doubt + noise):
        return _anew(reading_mlx, at_us, light.scatter_ppm)
    gain = doubt / (doubt + noise)
    apart = (reading_mlx - light.last_mlx) / whole * PPM
    seen = min(0.5 * apart * apart, SCATTER_CUT * SCATTER_CUT * noise)
    scatter = sqrt(noise + (seen - noise) / SCATTER_MEMORY)
    return Light(
        level_mlx=max(0, light.level_mlx + int(gain * surprise * whole / PPM)),
        last_mlx=reading_mlx,
        at_us=at_us,
        lean_ppm=light.lean_ppm + int((surprise - light.lean_ppm) / LEAN_MEMORY),
        unsure_ppm=int(sqrt(doubt * (1.0 - gain))),
        scatter_ppm=int(min(CEILING_PPM, max(FLOOR_PPM, scatter))),
    )


def between(light: Light, judged: Judged) -> tuple[int, int] | None:
    """The interval in millilux in which the light lies, None where nothing is known. A BOUND of who speaks has no upper end."""
    if light.level_mlx is None:
        return None
    at_least = False
    for one in judged.doubts:
        at_least = at_least or (one.reason is MissingReason.BOUND and one.source == judged.source)
    whole, wide = max(light.level_mlx, DARK_MLX), SIGMAS * max(0, light.unsure_ppm)
    up, down = wide + max(0, light.lean_ppm), wide + max(0, -light.lean_ppm)
    low, high = light.level_mlx - whole * down // (PPM + down), light.level_mlx + whole * up // PPM
    return low, ANY_MLX if at_least else high


def _anew(reading_mlx: int, at_us: int, scatter_ppm: int) -> Light:
    """One reading is all that is known."""
    return Light(reading_mlx, reading_mlx, at_us, 0, scatter_ppm, scatter_ppm)

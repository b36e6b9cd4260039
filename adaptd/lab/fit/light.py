"""The light of a log without the sensor's noise, and with it the light band that a frame was really taken in."""

import numpy as np
from numpy.typing import NDArray

from adaptd.lab.fit.readings import DAY_S, MINUTE_S, Grid
from adaptd.lab.timeline import Array
from adaptd.twin.world import TrueBand

LIGHT_STEP_S = 300.0
EDGE_MIN = 5  # minutes beside a change of band in which a frame may be booked to either


def light_of(grid: Grid, day: int) -> Array:
    """The middle light of every five minutes of a day, NaN where none was read."""
    rows = grid.light_lux[grid.day(day)]
    width = max(1, round(LIGHT_STEP_S / grid.tick_s))
    count = round(DAY_S / (width * grid.tick_s))
    padded = np.full(count * width, np.nan)
    padded[: min(len(rows), len(padded))] = rows[: len(padded)]
    return _middles(padded.reshape(count, width))


def _middles(rows: Array) -> Array:
    """The median of what is known of each row, NaN where nothing is."""
    found, some = np.full(len(rows), np.nan), np.isfinite(rows).any(axis=1)
    found[some] = np.nanmedian(rows[some], axis=1)
    return found


def usual_light(grid: Grid, days: tuple[int, ...]) -> Array:
    """The middle of these days' light, five minutes by five minutes, without holes."""
    found = _middles(np.array([light_of(grid, day) for day in days]).T)
    known = np.flatnonzero(np.isfinite(found))
    return np.asarray(np.interp(np.arange(len(found)), known, found[known])) if len(known) else np.zeros(len(found))


def filled(light: Array, usual: Array) -> Array:
    """The light of a day, the usual one where none was read."""
    return np.where(np.isfinite(light), light, usual)


def _band_of_minutes(grid: Grid, minutes: int) -> list[str | None]:
    """The light band of each minute of the log, None beside a change of band and where no light was read."""
    days = -(-minutes * MINUTE_S // DAY_S)
    steps = np.concatenate([light_of(grid, day) for day in range(days)])
    step_min = days * DAY_S / MINUTE_S / len(steps)
    known = np.flatnonzero(np.isfinite(steps))
    if not len(known):
        return [None] * minutes
    middles = (known + 0.5) * step_min
    lux = np.interp(np.arange(minutes) + 0.5, middles, steps[known])
    follower = TrueBand(grid.policy.bands)
    names = [follower.follow(float(one) * 1000) for one in lux]
    read = np.isfinite(steps)[(np.arange(minutes) / step_min).astype(int)]
    return [
        names[at] if read[at] and len(set(names[max(0, at - EDGE_MIN) : at + EDGE_MIN + 1])) == 1 else None
        for at in range(minutes)
    ]


def compared(grid: Grid, days: tuple[int, ...]) -> dict[tuple[str, str], NDArray[np.int64]]:
    """Shadow frames compared and differing in each minute of these days, by band of the real light and variant, (2, minutes).

    A sensor near the edge of a band books frames to the band beside the one that they were taken in. The twin's own sensor does
    so too, and it would count twice if those frames made the answers of a whole band look worse: minutes at an edge are left out.
    """
    found: dict[tuple[str, str], NDArray[np.int64]] = {}
    if not grid.shadows:
        return found
    count = next(iter(grid.shadows.values())).shape[1]
    inside = np.isin(np.arange(count) * MINUTE_S // DAY_S, days)
    bands = np.array(_band_of_minutes(grid, count), dtype=object)
    for variant in sorted({variant for _, variant in grid.shadows}):
        both = np.sum([one for (_, name), one in grid.shadows.items() if name == variant], axis=0)
        for band in (one.name for one in grid.policy.bands):
            minutes = np.where(inside & (bands == band), both, 0)
            if minutes[0].any():
                found[band, variant] = minutes
    return found

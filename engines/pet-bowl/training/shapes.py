"""Anti-aliased shapes on a square picture: every function returns the window it touches and the coverage in it, 0 to 1."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZE = 128
Floats = NDArray[np.float32]
_ROWS, _COLS = (np.arange(SIZE, dtype=np.float32) + 0.5 for _ in range(2))


class Mask(NamedTuple):
    """Coverage of one shape inside the window ``rows x cols`` of the picture, with pixel centres relative to the shape."""

    rows: slice
    cols: slice
    cover: Floats
    dx: Floats
    dy: Floats


def _window(x0: float, x1: float, y0: float, y1: float) -> tuple[slice, slice]:
    cols = slice(min(max(int(x0) - 1, 0), SIZE), min(max(int(x1) + 2, 0), SIZE))
    rows = slice(min(max(int(y0) - 1, 0), SIZE), min(max(int(y1) + 2, 0), SIZE))
    return rows, cols


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0) -> Mask:
    """A filled ellipse at ``(x, y)`` turned by ``angle`` radians (clockwise on screen)."""
    reach = max(rx, ry)
    rows, cols = _window(x - reach, x + reach, y - reach, y + reach)
    dx, dy = _COLS[cols][None, :] - np.float32(x), _ROWS[rows][:, None] - np.float32(y)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u, v = (c * dx + s * dy) / np.float32(rx), (c * dy - s * dx) / np.float32(ry)
    edge = (1.0 - np.sqrt(u * u + v * v)) * np.float32(min(rx, ry)) + np.float32(0.5)
    return Mask(rows, cols, np.clip(edge, 0.0, 1.0), dx, dy)


def capsule(x0: float, y0: float, x1: float, y1: float, r0: float, r1: float) -> Mask:
    """A limb from ``(x0, y0)`` with radius ``r0`` to ``(x1, y1)`` with radius ``r1``."""
    reach = max(r0, r1)
    rows, cols = _window(min(x0, x1) - reach, max(x0, x1) + reach, min(y0, y1) - reach, max(y0, y1) + reach)
    dx, dy = _COLS[cols][None, :] - np.float32(x0), _ROWS[rows][:, None] - np.float32(y0)
    lx, ly = x1 - x0, y1 - y0
    along = np.clip((dx * np.float32(lx) + dy * np.float32(ly)) / np.float32(max(lx * lx + ly * ly, 1e-6)), 0.0, 1.0)
    gap = np.hypot(dx - along * np.float32(lx), dy - along * np.float32(ly))
    edge = np.float32(r0) + along * np.float32(r1 - r0) - gap + np.float32(0.5)
    return Mask(rows, cols, np.clip(edge, 0.0, 1.0), dx, dy)


def polygon(points: list[tuple[float, float]]) -> Mask:
    """A convex polygon with its corners in clockwise order on screen."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    rows, cols = _window(min(xs), max(xs), min(ys), max(ys))
    dx, dy = _COLS[cols][None, :], _ROWS[rows][:, None]
    inside = np.full((rows.stop - rows.start, cols.stop - cols.start), np.inf, np.float32)
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        length = np.float32(max(np.hypot(bx - ax, by - ay), 1e-6))
        side = (np.float32(bx - ax) * (dy - np.float32(ay)) - np.float32(by - ay) * (dx - np.float32(ax))) / length
        inside = np.minimum(inside, side)
    return Mask(rows, cols, np.clip(inside + np.float32(0.5), 0.0, 1.0), dx - np.float32(xs[0]), dy - np.float32(ys[0]))


class Layer:
    """A picture of reflectances, premultiplied by its coverage: ``rgb`` is HxWx3, ``cover`` is HxWx1."""

    def __init__(self, rgb: Floats | None = None) -> None:
        self.rgb: Floats = np.zeros((SIZE, SIZE, 3), np.float32) if rgb is None else rgb
        self.cover: Floats = np.full((SIZE, SIZE, 1), 0.0 if rgb is None else 1.0, np.float32)

    def paint(self, mask: Mask, colour: Floats, shade: Floats | None = None) -> None:
        """Lay ``colour`` (3 reflectances, times ``shade`` per pixel when given) over what is there."""
        cover = mask.cover[:, :, None]
        ink = cover * colour if shade is None else cover * colour * shade[:, :, None]
        self.rgb[mask.rows, mask.cols] = self.rgb[mask.rows, mask.cols] * (1 - cover) + ink
        self.cover[mask.rows, mask.cols] = self.cover[mask.rows, mask.cols] * (1 - cover) + cover

    def cut(self, mask: Mask) -> None:
        """Remove what lies under ``mask``."""
        keep = 1 - mask.cover[:, :, None]
        self.rgb[mask.rows, mask.cols] *= keep
        self.cover[mask.rows, mask.cols] *= keep

    def over(self, back: Floats) -> Floats:
        """This layer laid over the picture ``back``."""
        return self.rgb + back * (1 - self.cover)

"""Scratches and dents on a part, and the boxes that name them: labels are true by construction.

A scratch is a bent hair line, bright where it lays metal bare and dark where it holds dirt; a dent turns the surface, so one
side of it is lit and the other is in shade. A box of a scratch is its extent and `PAD_PX` on each side: a hair line has no area,
and two boxes of a pixel's height never overlap by half.
"""

from typing import NamedTuple

import numpy as np
from parts import Floats, Part
from pet_optics import shapes

CLASSES = ("scratch", "dent", "missing_screw")
PAD_PX = 3.0
REACH = 0.72  # defects lie within this share of the plate's half sides


class Defect(NamedTuple):
    """Class number and corners in pixels of the picture."""

    kind: int
    left: float
    top: float
    right: float
    bottom: float


def _clear_of(part: Part, x: float, y: float, room: float, taken: list[Defect]) -> bool:
    """Whether nothing else is within ``room`` pixels: what hides in a bore can not be labelled."""
    for u, v, radius in part.bores:
        bx, by = part.at(u, v)
        if np.hypot(x - bx, y - by) < radius + room + 2:
            return False
    if part.label is not None:
        lx, ly = part.at(part.label[0], part.label[1])
        if np.hypot(x - lx, y - ly) < part.label[2] + room:
            return False
    for u, v, _ in part.screws:
        sx, sy = part.at(u, v)
        if np.hypot(x - sx, y - sy) < part.screw_r + room + 2:
            return False
    return all(np.hypot(x - (d.left + d.right) / 2, y - (d.top + d.bottom) / 2) > room + 8 for d in taken)


def missing_screws(part: Part) -> list[Defect]:
    """A box for every screw that is not there."""
    found = []
    for u, v, missing in part.screws:
        if missing:
            x, y = part.at(u, v)
            r = part.screw_r + 1.0
            found.append(Defect(2, x - r, y - r, x + r, y + r))
    return found


def scratch(rng: np.random.Generator, layer: shapes.Layer, part: Part, taken: list[Defect]) -> Defect | None:
    """Draw one; None where there is no room."""
    for _ in range(12):
        x, y = part.at(rng.uniform(-REACH, REACH), rng.uniform(-REACH, REACH))
        length, angle, bend = rng.uniform(14, 46), rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5)
        t = np.linspace(-0.5, 0.5, 7)
        xs = x + length * (t * np.cos(angle) - bend * (t**2 - 0.1) * np.sin(angle))
        ys = y + length * (t * np.sin(angle) + bend * (t**2 - 0.1) * np.cos(angle))
        on_plate = all(_inside(part, a, b) for a, b in ((xs[0], ys[0]), (xs[-1], ys[-1])))
        if on_plate and all(_clear_of(part, xs[i], ys[i], 2.0, taken) for i in (0, 3, 6)):
            break
    else:
        return None
    bright = rng.random() < 0.65 or part.material == "black"
    ink: Floats = (
        np.clip(part.colour * rng.uniform(1.7, 2.6) + 0.08, 0, 0.95) if bright else part.colour * rng.uniform(0.2, 0.45)
    ).astype(np.float32)
    width = float(rng.uniform(0.45, 0.95))
    for i in range(6):
        taper = width * (0.6 if i in (0, 5) else 1.0)
        layer.paint(shapes.capsule(xs[i], ys[i], xs[i + 1], ys[i + 1], taper, taper), ink)
    return Defect(0, float(xs.min()) - PAD_PX, float(ys.min()) - PAD_PX, float(xs.max()) + PAD_PX, float(ys.max()) + PAD_PX)


def dent(rng: np.random.Generator, layer: shapes.Layer, part: Part, taken: list[Defect], lit_from: float) -> Defect | None:
    """Draw one, lit from the angle ``lit_from``; None where there is no room."""
    for _ in range(12):
        x, y = part.at(rng.uniform(-REACH, REACH), rng.uniform(-REACH, REACH))
        rx = float(rng.uniform(4.5, 9.5))
        ry = rx * float(rng.uniform(0.7, 1.0))
        if _clear_of(part, x, y, rx, taken):
            break
    else:
        return None
    mask = shapes.ellipse(x, y, rx, ry)
    lean = (mask.dx * np.cos(lit_from) + mask.dy * np.sin(lit_from)) / rx
    bowl = np.sin(np.clip(np.hypot(mask.dx / rx, mask.dy / ry), 0, 1) * np.pi)  # the wall slopes, floor and rim do not
    depth = float(rng.uniform(0.5, 1.1))
    shade = np.clip(1.0 + depth * lean * bowl - 0.15 * depth * bowl, 0.15, 2.2).astype(np.float32)
    layer.paint(mask, part.colour, shade)
    return Defect(1, x - rx, y - ry, x + rx, y + ry)


def _inside(part: Part, x: float, y: float) -> bool:
    dx, dy = x - part.x, y - part.y
    c, s = np.cos(part.turn), np.sin(part.turn)
    u, v = (c * dx + s * dy) / part.half_w, (-s * dx + c * dy) / part.half_h
    return bool(abs(u) < 0.92 and abs(v) < 0.92)

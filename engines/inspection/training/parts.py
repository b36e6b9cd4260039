"""What lies under the camera: a machined or painted plate with screws, bores, a label and edges, on a belt or a pallet.

A part is a handful of numbers drawn from a seeded generator; `draw_part` turns it into reflectance, 128x128x3, 0 to 1, linear.
Things that belong there (bores, labels, engraved edges, oil) are drawn too: a detector has to leave them alone.
"""

from dataclasses import dataclass

import numpy as np
from pet_optics import shapes

SIZE = shapes.SIZE
Floats = shapes.Floats
MATERIALS = ("steel", "aluminium", "painted", "black")
_ROWS, _COLS = np.meshgrid(np.arange(SIZE, dtype=np.float32) + 0.5, np.arange(SIZE, dtype=np.float32) + 0.5, indexing="ij")


@dataclass(frozen=True)
class Part:
    """A plate: centre, half sides, turn (radians), colour, grain, screws (x, y, missing) and what else is on it, in pixels."""

    x: float
    y: float
    half_w: float
    half_h: float
    turn: float
    material: str
    colour: Floats
    grain: float
    screw_r: float
    screws: tuple[tuple[float, float, bool], ...]
    bores: tuple[tuple[float, float, float], ...]
    label: tuple[float, float, float, float] | None
    groove: float | None
    stains: tuple[tuple[float, float, float, float], ...]
    floor: Floats
    texture_seed: int

    def at(self, u: float, v: float) -> tuple[float, float]:
        """A point of the plate (shares of its half sides, -1 to 1) in pixels of the picture."""
        dx, dy = u * self.half_w, v * self.half_h
        c, s = np.cos(self.turn), np.sin(self.turn)
        return float(self.x + c * dx - s * dy), float(self.y + s * dx + c * dy)


def _colour_of(rng: np.random.Generator, material: str) -> Floats:
    if material == "painted":
        base = np.array([[0.05, 0.12, 0.35], [0.08, 0.3, 0.14], [0.5, 0.3, 0.05], [0.55, 0.55, 0.5]])[rng.integers(0, 4)]
        return np.clip(base * rng.uniform(0.7, 1.4), 0.03, 0.8).astype(np.float32)
    grey = {"steel": (0.22, 0.42), "aluminium": (0.4, 0.65), "black": (0.05, 0.11)}[material]
    return (rng.uniform(*grey) * (1 + rng.uniform(-0.04, 0.04, 3))).astype(np.float32)


def sample_part(rng: np.random.Generator, missing_share: float) -> Part:
    """A part with four or six screws, each absent with ``missing_share``."""
    material = str(rng.choice(MATERIALS))
    u, v = rng.uniform(0.74, 0.84), rng.uniform(0.72, 0.84)
    places = [(-u, -v), (u, -v), (u, v), (-u, v)] + ([(-u, 0.0), (u, 0.0)] if rng.random() < 0.4 else [])
    bores = (
        [(float(rng.uniform(-0.35, 0.35)), float(rng.uniform(-0.3, 0.3)), float(rng.uniform(7, 13)))]
        if rng.random() < 0.5
        else []
    )
    label = None
    if rng.random() < 0.4:
        label = (
            float(rng.uniform(-0.4, 0.4)),
            float(rng.uniform(-0.4, 0.4)),
            float(rng.uniform(9, 16)),
            float(rng.uniform(5, 8)),
        )
    stains = [
        (float(rng.uniform(-0.7, 0.7)), float(rng.uniform(-0.7, 0.7)), float(rng.uniform(5, 14)), float(rng.uniform(0.06, 0.22)))
        for _ in range(int(rng.integers(0, 3)))
    ]
    return Part(
        x=float(rng.uniform(58, 70)),
        y=float(rng.uniform(58, 70)),
        half_w=float(rng.uniform(42, 54)),
        half_h=float(rng.uniform(38, 50)),
        turn=float(rng.uniform(-0.2, 0.2) + np.pi / 2 * rng.integers(0, 4)),
        material=material,
        colour=_colour_of(rng, material),
        grain=float(rng.uniform(0.02, 0.07) if material != "painted" else rng.uniform(0.0, 0.02)),
        screw_r=float(rng.uniform(4.2, 6.2)),
        screws=tuple((float(a), float(b), bool(rng.random() < missing_share)) for a, b in places),
        bores=tuple(bores),
        label=label,
        groove=float(rng.uniform(0.5, 0.65)) if rng.random() < 0.35 else None,
        stains=tuple(stains),
        floor=(rng.uniform(0.03, 0.3) * (1 + rng.uniform(-0.2, 0.2, 3))).astype(np.float32),
        texture_seed=int(rng.integers(0, 2**31)),
    )


def _grain(rng: np.random.Generator, turn: float, strength: float) -> Floats:
    """Brushed metal: stripes along the plate, factor around 1."""
    across = -np.sin(turn) * _COLS + np.cos(turn) * _ROWS
    lines = 1 + strength * rng.standard_normal(2 * SIZE * 2).astype(np.float32)
    grain: Floats = lines[np.clip((across * 1.5 + SIZE).astype(np.int32), 0, 4 * SIZE - 1)]
    return grain


def _floor(part: Part, rng: np.random.Generator) -> Floats:
    ribs = 1 + 0.12 * np.sin(_COLS * rng.uniform(0.3, 0.9) + _ROWS * rng.uniform(-0.2, 0.2))
    speckle = 1 + 0.05 * rng.standard_normal((SIZE, SIZE), np.float32)
    floor: Floats = (part.floor * (ribs * speckle)[:, :, None]).astype(np.float32)
    return floor


def _outline(part: Part, grow: float) -> shapes.Mask:
    cut, w, h = 0.14, 1 + grow / part.half_w, 1 + grow / part.half_h
    corners = [
        (-w + cut, -h),
        (w - cut, -h),
        (w, -h + cut),
        (w, h - cut),
        (w - cut, h),
        (-w + cut, h),
        (-w, h - cut),
        (-w, -h + cut),
    ]
    return shapes.polygon([part.at(u, v) for u, v in corners])


def draw_part(part: Part) -> shapes.Layer:
    """The floor, the plate and everything that belongs on it, missing screws included; scratches and dents come after."""
    rng = np.random.default_rng(part.texture_seed)
    layer = shapes.Layer(_floor(part, rng))
    shadow = _outline(part, 2.5)
    layer.paint(shadow._replace(cover=shadow.cover * 0.6), part.floor * 0.25)
    edge, face = _outline(part, 0.0), _outline(part, -1.8)
    layer.paint(edge, part.colour * 0.62)
    grain = _grain(rng, part.turn, part.grain)
    layer.paint(face, part.colour, grain[face.rows, face.cols])
    if part.groove is not None:
        _groove(layer, part, part.groove)
    for u, v, radius, depth in part.stains:
        _stain(layer, part, u, v, radius, depth)
    for u, v, radius in part.bores:
        _bore(layer, part, u, v, radius)
    if part.label is not None:
        _label(layer, part, rng)
    for u, v, missing in part.screws:
        (_hole if missing else _screw)(layer, part, *part.at(u, v), float(rng.uniform(0, np.pi)))
    return layer


def _groove(layer: shapes.Layer, part: Part, share: float) -> None:
    """An engraved edge parallel to a side: long and straight, and no scratch."""
    (x0, y0), (x1, y1) = part.at(-0.92, share), part.at(0.92, share)
    layer.paint(shapes.capsule(x0, y0, x1, y1, 0.6, 0.6), part.colour * 0.55)
    layer.paint(shapes.capsule(x0, y0 + 1.2, x1, y1 + 1.2, 0.4, 0.4), np.clip(part.colour * 1.3, 0, 0.95))


def _stain(layer: shapes.Layer, part: Part, u: float, v: float, radius: float, depth: float) -> None:
    """Oil: darker, flat and soft, with neither rim nor lit side."""
    x, y = part.at(u, v)
    mask = shapes.ellipse(x, y, radius, radius * 0.8)
    soft = np.clip(1.2 - np.hypot(mask.dx, mask.dy) / radius, 0, 1)
    layer.paint(mask._replace(cover=mask.cover * soft * depth), part.colour * 0.3)


def _bore(layer: shapes.Layer, part: Part, u: float, v: float, radius: float) -> None:
    x, y = part.at(u, v)
    layer.paint(shapes.ellipse(x, y, radius + 1.6, radius + 1.6), np.clip(part.colour * 1.25, 0, 0.95))
    inner = shapes.ellipse(x, y, radius, radius)
    layer.paint(inner, part.floor * 0.4, np.clip(0.7 + inner.dy / (3 * radius), 0.2, 1.2))


def _label(layer: shapes.Layer, part: Part, rng: np.random.Generator) -> None:
    assert part.label is not None
    u, v, w, h = part.label
    x, y = part.at(u, v)
    c, s = np.cos(part.turn), np.sin(part.turn)

    def corner(a: float, b: float) -> tuple[float, float]:
        return x + c * a - s * b, y + s * a + c * b

    layer.paint(shapes.polygon([corner(-w, -h), corner(w, -h), corner(w, h), corner(-w, h)]), np.full(3, 0.75, np.float32))
    at = -w + 2.0
    while at < w - 2.0:
        wide = float(rng.uniform(0.3, 0.9))
        layer.paint(shapes.capsule(*corner(at, -h * 0.6), *corner(at, h * 0.6), wide, wide), np.full(3, 0.05, np.float32))
        at += 2 * wide + float(rng.uniform(0.8, 1.8))


def _screw(layer: shapes.Layer, part: Part, x: float, y: float, turn: float) -> None:
    """A cross-headed screw: a bright head with a rim in shadow and a dark cross."""
    r = part.screw_r
    layer.paint(shapes.ellipse(x, y, r + 1.0, r + 1.0), part.colour * 0.4)
    head = shapes.ellipse(x, y, r, r)
    steel = np.full(3, 0.5, np.float32)
    layer.paint(head, steel, np.clip(1.0 - (head.dx + head.dy) / (5 * r), 0.6, 1.3))
    for angle in (turn, turn + np.pi / 2):
        dx, dy = np.cos(angle) * r * 0.62, np.sin(angle) * r * 0.62
        layer.paint(shapes.capsule(x - dx, y - dy, x + dx, y + dy, 0.7, 0.7), np.full(3, 0.08, np.float32))


def _hole(layer: shapes.Layer, part: Part, x: float, y: float, _turn: float) -> None:
    """Where a screw should be: the seat it leaves, and a threaded hole."""
    r = part.screw_r
    layer.paint(shapes.ellipse(x, y, r + 1.0, r + 1.0), part.colour * 0.7)
    layer.paint(shapes.ellipse(x, y, r * 0.72, r * 0.72), np.clip(part.colour * 1.2, 0, 0.95))
    hole = shapes.ellipse(x, y, r * 0.58, r * 0.58)
    layer.paint(hole, np.full(3, 0.025, np.float32), np.clip(1.0 + hole.dy / r, 0.4, 1.8))

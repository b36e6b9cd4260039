"""The pet: a cat or a dog seen from the side, standing, sitting or lying beside the bowl, its head up or in the bowl."""

from dataclasses import dataclass, replace

import numpy as np
from shapes import SIZE, Floats, Layer, capsule, ellipse

POSTURES = ("stand", "sit", "lie")
COATS: tuple[tuple[float, float, float], ...] = (
    (0.035, 0.033, 0.032),
    (0.75, 0.73, 0.70),
    (0.24, 0.24, 0.25),
    (0.50, 0.26, 0.10),
    (0.20, 0.12, 0.07),
    (0.60, 0.48, 0.32),
    (0.34, 0.22, 0.14),
)


@dataclass(frozen=True)
class Pet:
    """One pet in one pose, in pixels. ``side`` is +1 when it looks to the right, -1 to the left.

    ``x, y`` is the middle of the body, ``head_x, head_y`` the middle of the head, ``ground`` where the feet are,
    ``gaze`` the angle of the muzzle in radians (0 = level, positive = down), ``phase`` moves legs, tail and markings.
    """

    kind: str
    posture: str
    side: int
    x: float
    y: float
    ground: float
    length: float
    head_x: float
    head_y: float
    head_r: float
    gaze: float
    coat: Floats
    patch: Floats
    pattern: str
    phase: float

    @property
    def muzzle(self) -> tuple[float, float]:
        """The tip of the muzzle."""
        reach = self.head_r * (1.75 if self.kind == "dog" else 1.3)
        return self.head_x + self.side * reach * float(np.cos(self.gaze)), self.head_y + reach * float(np.sin(self.gaze))


def in_bowl(pet: Pet, x: float, y: float, rx: float, ry: float, scale: float = 1.0) -> bool:
    """Whether the muzzle lies inside the rim of a bowl, the rim scaled by ``scale``."""
    mx, my = pet.muzzle
    return ((mx - x) / (rx * scale)) ** 2 + ((my - y) / (ry * scale)) ** 2 <= 1.0


def head_at(muzzle_x: float, muzzle_y: float, side: int, head_r: float, gaze: float, kind: str) -> tuple[float, float]:
    """Where the head must be for its muzzle to end at a given point."""
    reach = head_r * (1.75 if kind == "dog" else 1.3)
    return muzzle_x - side * reach * float(np.cos(gaze)), muzzle_y - reach * float(np.sin(gaze))


def sample_pet(
    rng: np.random.Generator, x: float, y: float, rx: float, ry: float, *, eating: bool, wander: tuple[float, float]
) -> Pet:
    """A pet beside the bowl at ``(x, y)``: eating means the muzzle is inside the rim; otherwise it is clearly outside of it.

    ``wander`` is how many of those that do not eat have turned away, and how many are only half in the picture.
    """
    side = 1 if rng.random() < 0.5 else -1
    kind = str(rng.choice(["cat", "dog"]))
    posture = str(rng.choice(POSTURES, p=[0.6, 0.15, 0.25] if eating else [0.45, 0.35, 0.2]))
    length = rx * rng.uniform(1.7, 2.5)
    head_r = length * rng.uniform(0.2, 0.26)
    ground = y + rng.uniform(0.0, 0.5) * ry
    height = length * {"stand": 0.52, "sit": 0.5, "lie": 0.24}[posture] * rng.uniform(0.9, 1.15)
    if eating:
        gaze = rng.uniform(0.7, 1.25)
        head_x, head_y = head_at(
            x - side * rx * rng.uniform(-0.15, 0.4), y + ry * rng.uniform(0.0, 0.4), side, head_r, gaze, kind
        )
    else:
        gaze = rng.uniform(-0.4, 0.45)
        lift = {"stand": rng.uniform(0.9, 1.35), "sit": rng.uniform(1.3, 1.8), "lie": rng.uniform(1.3, 2.1)}[posture]
        head_x, head_y = x - side * rx * rng.uniform(0.75, 1.7), ground - height * lift - head_r * 0.5
        reach = head_r * 1.75
        floor_y = y - ry - reach * max(float(np.sin(gaze)), 0.0) - head_r * 0.9
        head_y = min(head_y, floor_y)
    back = length * (0.28 if posture == "sit" else 0.52)
    coat = np.array(COATS[int(rng.integers(len(COATS)))], np.float32) * np.float32(rng.uniform(0.85, 1.15))
    pet = Pet(
        kind=kind,
        posture=posture,
        side=side,
        x=float(min((head_x - side * head_r * 0.6) * side, (x - side * rx) * side) * side - side * back * rng.uniform(0.75, 1.0)),
        y=float(ground - height),
        ground=float(ground),
        length=float(length),
        head_x=float(head_x),
        head_y=float(head_y),
        head_r=float(head_r),
        gaze=float(gaze),
        coat=coat,
        patch=np.array(COATS[int(rng.integers(len(COATS)))], np.float32),
        pattern=str(rng.choice(["plain", "stripes", "patches"])),
        phase=float(rng.uniform(0, 2 * np.pi)),
    )
    return pet if eating else _stray(rng, pet, wander)


def _stray(rng: np.random.Generator, pet: Pet, wander: tuple[float, float]) -> Pet:
    """Not every pet in view looks at its bowl: some have turned away, some are only half in the picture, coming or going."""
    if rng.random() < wander[0]:
        pet = turned(pet)
    if rng.random() < wander[1]:
        leaves_left = pet.x < SIZE / 2
        innermost = max(pet.head_x, pet.x) if leaves_left else min(pet.head_x, pet.x)
        room = max(innermost if leaves_left else SIZE - innermost, 0.0)
        pet = moved(pet, room * float(rng.random()) * (-1 if leaves_left else 1), 0.0)
    return pet


def moved(pet: Pet, dx: float, dy: float) -> Pet:
    """The whole pet shifted."""
    return replace(pet, x=pet.x + dx, y=pet.y + dy, ground=pet.ground + dy, head_x=pet.head_x + dx, head_y=pet.head_y + dy)


def turned(pet: Pet) -> Pet:
    """The pet facing the other way on the same spot."""
    return replace(pet, side=-pet.side, head_x=2 * pet.x - pet.head_x)


def _body(layer: Layer, pet: Pet, rx: float, ry: float, angle: float) -> None:
    mask = ellipse(pet.x, pet.y, rx, ry, angle)
    shade = np.clip(1.0 - mask.dy / (3.0 * ry), 0.55, 1.35) + 0 * mask.dx
    layer.paint(mask, pet.coat, shade)
    if pet.pattern == "stripes":
        bars = np.clip(np.sin(mask.dx * np.float32(9.0 / rx) + np.float32(pet.phase)) * 2 - 0.6, 0, 1)
        layer.paint(mask._replace(cover=mask.cover * bars * 0.6), pet.coat * 0.35)
    elif pet.pattern == "patches":
        spot = ellipse(pet.x + rx * 0.4 * np.cos(pet.phase), pet.y - ry * 0.2, rx * 0.4, ry * 0.6, pet.phase)
        layer.paint(spot, pet.patch)


def _legs(layer: Layer, pet: Pet, rx: float, ry: float) -> None:
    if pet.posture == "lie":
        paw = pet.x + pet.side * rx
        layer.paint(capsule(pet.x + pet.side * rx * 0.5, pet.ground - 3, paw, pet.ground - 2, 3.0, 2.5), pet.coat * 0.85)
        return
    swing = float(np.sin(pet.phase)) * 0.12
    places = (-0.75, -0.55, 0.6, 0.8) if pet.posture == "stand" else (0.35, 0.6)
    for i, place in enumerate(places):
        hip = pet.x + pet.side * rx * place
        foot = hip + pet.length * swing * (1 if i % 2 else -1)
        colour = pet.coat * (0.6 if i % 2 else 0.85)
        layer.paint(capsule(hip, pet.y + ry * 0.4, foot, pet.ground, pet.length * 0.075, pet.length * 0.05), colour)


def _tail(layer: Layer, pet: Pet, rx: float) -> None:
    root = pet.x - pet.side * rx * 0.92
    up = 0.35 + 0.3 * float(np.sin(pet.phase * 1.7))
    tip_x, tip_y = root - pet.side * pet.length * 0.28, pet.y - pet.length * up * 0.6
    width = pet.length * (0.045 if pet.kind == "cat" else 0.065)
    layer.paint(capsule(root, pet.y, tip_x, tip_y, width, width * 0.7), pet.coat * 0.8)


def _head(layer: Layer, pet: Pet) -> None:
    r, side = pet.head_r, pet.side
    c, s = float(np.cos(pet.gaze)), float(np.sin(pet.gaze))
    mx, my = pet.muzzle
    crown_x, crown_y = pet.head_x + side * s * r * 0.75 - side * c * r * 0.25, pet.head_y - c * r * 0.75 - s * r * 0.25
    if pet.kind == "cat":
        for shift in (-0.45, 0.45):
            ex, ey = crown_x + side * c * r * shift, crown_y + s * r * shift
            layer.paint(capsule(ex, ey, ex + side * s * r * 0.6, ey - c * r * 0.6, r * 0.32, 0.6), pet.coat * 0.8)
    mask = ellipse(pet.head_x, pet.head_y, r, r * 0.92, side * pet.gaze)
    layer.paint(mask, pet.coat, np.clip(1.1 - mask.dy / (3.0 * r), 0.6, 1.4) + 0 * mask.dx)
    if pet.kind == "dog":
        layer.paint(
            capsule(crown_x, crown_y, crown_x - side * c * r * 0.5, crown_y + r * 0.8, r * 0.3, r * 0.22), pet.coat * 0.55
        )
    layer.paint(capsule(pet.head_x + side * c * r * 0.5, pet.head_y + s * r * 0.5, mx, my, r * 0.5, r * 0.3), pet.coat * 1.1)
    layer.paint(ellipse(mx, my, r * 0.2, r * 0.2), np.full(3, 0.02, np.float32))
    eye_x, eye_y = pet.head_x + side * (c * r * 0.4 + s * r * 0.35), pet.head_y + s * r * 0.4 - c * r * 0.35
    layer.paint(ellipse(eye_x, eye_y, r * 0.16, r * 0.16), np.array([0.10, 0.14, 0.03], np.float32))


def draw_pet(layer: Layer, pet: Pet) -> None:
    """Draw the pet from its far side to its near side."""
    rx = pet.length * (0.3 if pet.posture == "sit" else 0.5)
    ry = pet.length * {"stand": 0.21, "sit": 0.36, "lie": 0.2}[pet.posture]
    _tail(layer, pet, rx)
    _legs(layer, pet, rx, ry)
    _body(layer, pet, rx, ry, 0.0)
    chest_x, chest_y = pet.x + pet.side * rx * 0.7, pet.y - ry * 0.15
    layer.paint(capsule(chest_x, chest_y, pet.head_x, pet.head_y, ry * 0.72, pet.head_r * 0.7), pet.coat * 0.95)
    _head(layer, pet)

"""What stands before the camera: a floor, a feeding bowl, perhaps a pet, things in the way, and the light on them.

A scene is a handful of numbers drawn from a seeded generator; `draw` turns it into layers of reflectance (0 to 1, linear)
and a map of relative illuminance. How bright the day is and what a camera makes of it is the business of `camera.py`.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from pets import Pet, draw_pet, sample_pet
from shapes import SIZE, Floats, Layer, capsule, ellipse, polygon

CLASSES = ("empty", "pet_at_bowl", "eating")
BANDS = {"night": (0.1, 10.0), "dim": (10.0, 200.0), "bright": (200.0, 100_000.0)}  # lux; the shipped policies' bands
MIN_VISIBLE_PX = 480.0  # 3 % of the picture
WANDER = (0.2, 0.35)  # of the pets that do not eat: turned away, half in the picture
FLOORS = ("plain", "planks", "tiles", "carpet")
_GRID = np.stack(np.meshgrid(np.linspace(-1, 1, SIZE), np.linspace(-1, 1, SIZE)), axis=-1).astype(np.float32)


@dataclass(frozen=True)
class Bowl:
    """The feeding bowl: centre and radii of its rim in pixels, wall height, colours, and how full it is (0 to 1)."""

    x: float
    y: float
    rx: float
    ry: float
    depth: float
    colour: Floats
    food: Floats
    fill: float


@dataclass(frozen=True)
class Scene:
    """One instant: everything `draw` needs, and ``velocity`` of the pet in pixels a second."""

    label: str
    floor: str
    floor_colour: Floats
    wall_colour: Floats
    horizon: float
    pitch_px: float
    bowl: Bowl
    pet: Pet | None
    clutter: tuple[tuple[str, float, float, float, float, Floats], ...]
    occluder: tuple[float, float, float, float, Floats] | None
    slope: tuple[float, float]
    sun: tuple[float, float, float, float] | None
    illuminant: Floats
    texture_seed: int
    velocity: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Layers:
    """A drawn scene: background and what hides the pet as reflectance, the moving pet between them, relative light (mean 1)."""

    back: Floats
    pet: Layer
    front: Layer
    light: Floats
    velocity: tuple[float, float] = field(default=(0.0, 0.0))


def generator(seed: int, split: int, index: int) -> np.random.Generator:
    """The generator of picture ``index``: independent of every other picture, so any part of a set can be rendered alone."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, split, index))))


def sample_lux(rng: np.random.Generator, band: str) -> float:
    """An illuminance in ``band``, evenly spread over its decades."""
    low, high = BANDS[band]
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _colour(rng: np.random.Generator, low: float, high: float, tint: float) -> Floats:
    grey = np.exp(rng.uniform(np.log(low), np.log(high)))
    colour: Floats = np.clip(grey * (1 + rng.uniform(-tint, tint, 3)), 0.02, 0.9).astype(np.float32)
    return colour


def sample_bowl(rng: np.random.Generator) -> Bowl:
    """A bowl in the lower middle of the picture, where a feeder's camera points."""
    rx = rng.uniform(17, 25)
    return Bowl(
        x=rng.uniform(44, 84),
        y=rng.uniform(80, 98),
        rx=rx,
        ry=rx * rng.uniform(0.34, 0.5),
        depth=rx * rng.uniform(0.4, 0.65),
        colour=_colour(rng, 0.12, 0.75, 0.45),
        food=(_colour(rng, 0.06, 0.25, 0.2) * np.array([1.25, 1.0, 0.7], np.float32)),
        fill=rng.uniform(0.0, 1.0),
    )


def sample_illuminant(rng: np.random.Generator, lux: float) -> Floats:
    """The colour that is left after white balance: warm lamps indoors, blue shade and moon, always imperfectly corrected."""
    warmth = rng.normal(0.06 if 5 < lux < 300 else -0.03, 0.07)
    return np.array([1 + warmth, 1.0, 1 - warmth], np.float32)


def _sample_clutter(rng: np.random.Generator, bowl: Bowl) -> tuple[tuple[str, float, float, float, float, Floats], ...]:
    things = []
    for _ in range(int(rng.integers(0, 4))):
        kind = str(rng.choice(["ball", "cushion", "box", "stick"]))
        x, y = rng.uniform(0, SIZE), rng.uniform(48, SIZE)
        size = {
            "ball": rng.uniform(4, 9),
            "cushion": rng.uniform(12, 24),
            "box": rng.uniform(8, 18),
            "stick": rng.uniform(10, 22),
        }[kind]
        if abs(x - bowl.x) > bowl.rx + size * 0.7:
            things.append((kind, float(x), float(y), float(size), float(rng.uniform(-0.6, 0.6)), _colour(rng, 0.06, 0.7, 0.5)))
    return tuple(things)


def _sample_occluder(rng: np.random.Generator, bowl: Bowl) -> tuple[float, float, float, float, Floats] | None:
    """A plant, a chair leg or a door frame close to the lens, at a side of the picture and never over the bowl."""
    if rng.random() > 0.3:
        return None
    left = bool(rng.random() < bowl.x / SIZE)
    room = (bowl.x - bowl.rx) * 0.6 if left else (SIZE - bowl.x - bowl.rx) * 0.6
    width = rng.uniform(3, max(4.0, room))
    at = rng.uniform(0, width) if left else SIZE - rng.uniform(0, width)
    lean = rng.uniform(-8, 8)
    return float(at), float(width / 2), float(lean), float(rng.uniform(60, SIZE + 20)), _colour(rng, 0.03, 0.5, 0.4)


def sample_scene(rng: np.random.Generator, label: str, lux: float, wander: tuple[float, float] = WANDER) -> Scene:
    """A scene of class ``label``; only things that depend on the hour (sun patches, colour of the light) look at ``lux``."""
    bowl = sample_bowl(rng)
    sun = None
    if lux > 1500 and rng.random() < 0.45:
        sun = (rng.uniform(0.1, 0.9) * SIZE, rng.uniform(14, 40), rng.uniform(-0.8, 0.8), rng.uniform(2.0, 7.0))
    pet = None if label == "empty" else sample_pet(rng, bowl.x, bowl.y, bowl.rx, bowl.ry, eating=label == "eating", wander=wander)
    speed = rng.exponential(35.0 if label == "eating" else 50.0)
    heading = rng.uniform(0, 2 * np.pi)
    return Scene(
        label=label,
        floor=str(rng.choice(FLOORS)),
        floor_colour=_colour(rng, 0.1, 0.6, 0.25),
        wall_colour=_colour(rng, 0.2, 0.75, 0.15),
        horizon=rng.uniform(-10, 44),
        pitch_px=rng.uniform(12, 30),
        bowl=bowl,
        pet=pet,
        clutter=_sample_clutter(rng, bowl),
        occluder=_sample_occluder(rng, bowl),
        slope=(rng.normal(0, 0.3), rng.normal(0, 0.2)),
        sun=sun,
        illuminant=sample_illuminant(rng, lux),
        texture_seed=int(rng.integers(0, 2**31)),
        velocity=(min(speed, 220.0) * float(np.cos(heading)), min(speed, 220.0) * 0.5 * float(np.sin(heading))),
    )


def _floor(scene: Scene, rng: np.random.Generator) -> Floats:
    x, y = _GRID[:, :, 0] * 64 + 64, _GRID[:, :, 1] * 64 + 64
    depth = np.clip((y - scene.horizon) / np.float32(SIZE), 0.08, 1.0)
    shade = np.ones((SIZE, SIZE), np.float32)
    across = (x - 64) / (0.5 + 0.5 * depth) / np.float32(scene.pitch_px)
    if scene.floor in ("planks", "tiles"):
        shade -= 0.35 * (np.abs(across - np.round(across)) < 0.05)
        shade *= 1 + 0.12 * np.sin(np.floor(across + 0.5) * 12.9)
    if scene.floor == "tiles":
        along = np.sqrt(depth) * np.float32(SIZE * 1.6 / scene.pitch_px)
        shade -= 0.35 * (np.abs(along - np.round(along)) < 0.06)
    grain = {"plain": 0.02, "planks": 0.04, "tiles": 0.02, "carpet": 0.12}[scene.floor]
    shade += np.float32(grain) * rng.standard_normal((SIZE, SIZE), np.float32)
    floor = scene.floor_colour * np.clip(shade, 0.3, 1.5)[:, :, None]
    wall = (_GRID[:, :, 1] * 64 + 64 < scene.horizon)[:, :, None]
    return np.where(wall, scene.wall_colour, floor).astype(np.float32)


def _draw_clutter(layer: Layer, scene: Scene) -> None:
    for kind, x, y, size, turn, colour in scene.clutter:
        if kind == "ball":
            mask = ellipse(x, y, size, size)
            layer.paint(mask, colour, np.clip(1.1 - mask.dy / (2.2 * size), 0.4, 1.5))
        elif kind == "cushion":
            mask = ellipse(x, y, size, size * 0.55, turn * 0.3)
            layer.paint(mask, colour, np.clip(1.05 - mask.dy / (2.5 * size), 0.5, 1.4) + 0 * mask.dx)
        elif kind == "box":
            layer.paint(polygon([(x - size, y - size), (x + size, y - size), (x + size, y), (x - size, y)]), colour)
            layer.paint(
                polygon([(x - size, y), (x + size, y), (x + size, y + size * 0.6), (x - size, y + size * 0.6)]), colour * 0.6
            )
        else:
            layer.paint(
                capsule(
                    x - size * np.cos(turn), y - size * np.sin(turn), x + size * np.cos(turn), y + size * np.sin(turn), 1.8, 1.8
                ),
                colour,
            )


def _bowl_back(layer: Layer, bowl: Bowl) -> None:
    shadow = ellipse(bowl.x, bowl.y + bowl.depth, bowl.rx * 1.1, bowl.ry * 1.1)
    layer.paint(shadow._replace(cover=shadow.cover * 0.45), np.full(3, 0.02, np.float32))
    layer.paint(ellipse(bowl.x, bowl.y, bowl.rx, bowl.ry), bowl.colour * 1.1)
    inner = ellipse(bowl.x, bowl.y + 0.4, bowl.rx * 0.88, bowl.ry * 0.84)
    layer.paint(inner, bowl.colour * 0.5, np.clip(0.8 + inner.dy / (2 * bowl.ry), 0.3, 1.3) + 0 * inner.dx)
    if bowl.fill > 0.15:
        layer.paint(
            ellipse(bowl.x, bowl.y + bowl.ry * 0.3, bowl.rx * 0.75 * bowl.fill**0.3, bowl.ry * 0.5 * bowl.fill**0.3), bowl.food
        )


def _bowl_front(bowl: Bowl) -> Layer:
    """The near wall of the bowl, which hides a muzzle that is in it."""
    front = Layer()
    low = bowl.y + bowl.depth
    front.paint(ellipse(bowl.x, low, bowl.rx * 0.82, bowl.ry * 0.82), bowl.colour * 0.55)
    wall = polygon(
        [(bowl.x - bowl.rx, bowl.y), (bowl.x + bowl.rx, bowl.y), (bowl.x + bowl.rx * 0.82, low), (bowl.x - bowl.rx * 0.82, low)]
    )
    front.paint(wall, bowl.colour, np.clip(0.85 - (wall.dx - bowl.rx) / (4 * bowl.rx), 0.5, 1.2) + 0 * wall.dy)
    front.cut(ellipse(bowl.x, bowl.y, bowl.rx * 0.95, bowl.ry * 0.92))
    return front


def light_map(scene: Scene) -> Floats:
    """Relative illuminance, mean 1: a slope across the room and, by day, a patch of sun through a window (glare)."""
    light = np.exp(_GRID[:, :, 0] * np.float32(scene.slope[0]) + _GRID[:, :, 1] * np.float32(scene.slope[1]))
    if scene.sun is not None:
        at, width, lean, strength = scene.sun
        away = np.abs(_GRID[:, :, 0] * 64 + 64 - at - lean * _GRID[:, :, 1] * 64)
        light = light * (1 + np.float32(strength) * np.clip((width / 2 - away) / 3 + 0.5, 0, 1))
    even: Floats = (light / light.mean())[:, :, None].astype(np.float32)
    return even


def draw(scene: Scene) -> Layers:
    """Draw ``scene`` into layers of 128x128 reflectances."""
    rng = generator(scene.texture_seed, 0, 0)
    back = Layer(_floor(scene, rng))
    _draw_clutter(back, scene)
    _bowl_back(back, scene.bowl)
    pet = Layer()
    if scene.pet is not None:
        feet = ellipse(scene.pet.x, scene.pet.ground, scene.pet.length * 0.55, scene.pet.length * 0.12)
        back.paint(feet._replace(cover=feet.cover * 0.4), np.full(3, 0.03, np.float32))
        draw_pet(pet, scene.pet)
    front = _bowl_front(scene.bowl)
    if scene.occluder is not None:
        at, half, lean, low, colour = scene.occluder
        front.paint(capsule(at, -10, at + lean, low, half, half * 0.8), colour)
    return Layers(back.rgb, pet, front, light_map(scene), scene.velocity)


def visible_px(layers: Layers) -> float:
    """How many pixels of the pet can be seen."""
    return float((layers.pet.cover * (1 - layers.front.cover)).sum())


def compose(rng: np.random.Generator, label: str, lux: float, wander: tuple[float, float] = WANDER) -> tuple[Scene, Layers]:
    """A scene of class ``label`` and its drawing; a pet that hides or has nearly left is drawn anew, to keep labels true."""
    while True:
        scene = sample_scene(rng, label, lux, wander)
        layers = draw(scene)
        if scene.pet is None or visible_px(layers) >= MIN_VISIBLE_PX:
            return scene, layers


def with_pet(scene: Scene, pet: Pet | None, label: str, velocity: tuple[float, float]) -> Scene:
    """The same room with the pet moved, for a film."""
    return replace(scene, pet=pet, label=label, velocity=velocity)

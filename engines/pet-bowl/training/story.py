"""The minute that the clip tells: one room from midday to night, and who comes to the bowl when."""

from dataclasses import replace

import numpy as np
from pets import COATS, Pet, head_at, in_bowl, moved, turned
from scenes import MIN_VISIBLE_PX, Bowl, Layers, Scene, generator, sample_scene, visible_px
from shapes import SIZE

FPS, SECONDS = 15, 60
CLIP_SPLIT = 9
LUX_AT_S = (
    (0, 18_000),
    (8, 22_000),
    (11, 6_000),
    (15, 9_000),
    (20, 900),
    (23, 350),
    (27, 60),
    (31, 45),
    (37, 55),
    (43, 18),
    (47, 3),
    (51, 2),
    (60, 1.2),
)
TRUTH_CLEAR = (1.25, 2.2)  # a muzzle between the rim and this much of it (x, y) is neither in the bowl nor out of it
GONE_PX = 8.0
LAMP_BELOW_LUX = 400.0


def lux_at(t_s: float) -> float:
    """The light of the clip: straight lines in the logarithm."""
    times, levels = zip(*LUX_AT_S, strict=True)
    return float(np.exp(np.interp(t_s, times, np.log(levels))))


def _ease(t: float, begin: float, end: float) -> float:
    u = min(max((t - begin) / (end - begin), 0.0), 1.0)
    return u * u * (3 - 2 * u)


def _stand(bowl: Bowl, side: int, kind: str, coat: int, down: float, phase: float) -> Pet:
    """A standing pet whose head is lowered by ``down`` (0 = up, 1 = in the bowl)."""
    length = bowl.rx * 2.1
    head_r = length * 0.23
    gaze = 0.05 + 0.95 * down
    low = head_at(bowl.x - side * bowl.rx * 0.15, bowl.y + bowl.ry * 0.2, side, head_r, 1.0, kind)
    high = (bowl.x - side * bowl.rx * 1.1, bowl.y - length * 0.85)
    head_x, head_y = (high[i] + (low[i] - high[i]) * down for i in range(2))
    x = bowl.x - side * (bowl.rx * 0.95 + length * 0.45)
    ground = bowl.y + bowl.ry * 0.3
    return Pet(
        kind=kind,
        posture="stand",
        side=side,
        x=x,
        y=ground - length * 0.5,
        ground=ground,
        length=length,
        head_x=head_x,
        head_y=head_y,
        head_r=head_r,
        gaze=gaze,
        coat=np.array(COATS[coat], np.float32),
        patch=np.array(COATS[1], np.float32),
        pattern="stripes" if kind == "cat" else "plain",
        phase=phase,
    )


def _meal(t: float, begin: float, end: float, bowl: Bowl, side: int, kind: str, coat: int) -> Pet | None:
    """One visit: walks in for 2 s, looks for 1 s, eats, looks up, turns round and walks out in the last 2 s."""
    if not begin <= t < end:
        return None
    down = _ease(t, begin + 3.0, begin + 3.5) - _ease(t, end - 4.0, end - 3.5)
    away = (1 - _ease(t, begin, begin + 2.0)) + _ease(t, end - 2.2, end)
    walking = t < begin + 2.0 or t > end - 2.2
    pet = _stand(bowl, side, kind, coat, down, 9.0 * t if walking else 1.0 + 0.6 * float(np.sin(2.1 * t)))
    bob = down * 0.9 * float(np.sin(2 * np.pi * 2.4 * t))
    pet = replace(pet, head_y=pet.head_y + bob, head_x=pet.head_x + 0.5 * bob)
    if t > end - 2.6:
        pet = turned(pet)
    return moved(pet, -side * away * SIZE * 0.95, 0.0)


def pet_at(t: float, bowl: Bowl) -> Pet | None:
    """Who is there at ``t`` seconds: a ginger cat by day, a dog in the evening, the cat again at night."""
    return (
        _meal(t, 2.5, 14.5, bowl, 1, "cat", 3)
        or _meal(t, 18.0, 27.0, bowl, -1, "dog", 5)
        or _meal(t, 30.0, 41.0, bowl, 1, "cat", 3)
        or _meal(t, 45.0, 57.0, bowl, -1, "dog", 5)
    )


def room(seed: int) -> Scene:
    """The room of the clip: an empty scene with the bowl near the middle and a window on the left."""
    rng = generator(seed, CLIP_SPLIT, 0)
    scene = sample_scene(rng, "empty", 100.0)
    bowl = replace(scene.bowl, x=64.0, y=92.0, rx=21.0, ry=9.0, depth=11.0, fill=0.7)
    return replace(scene, bowl=bowl, horizon=30.0, slope=(-0.25, 0.05), occluder=None, clutter=scene.clutter[:2])


def lit(base: Scene, lux: float, t: float) -> Scene:
    """The room in the light of ``t`` seconds: a patch of sun that wanders and fades with the day, the lamp's colour after it."""
    strength = 2.5 * min(max((lux - 2_000) / 16_000, 0.0), 1.0)
    sun = (20.0 + 1.5 * t, 24.0, -0.5, strength) if strength > 0 else None
    warmth = 0.06 if lux < LAMP_BELOW_LUX else 0.0
    return replace(base, sun=sun, illuminant=np.array([1 + warmth, 1, 1 - warmth], np.float32))


def scene_at(base: Scene, t: float) -> Scene:
    """The scene at ``t`` seconds; the pet's velocity is that of its head over one frame."""
    pet = pet_at(t, base.bowl)
    before, after = pet_at(t - 0.5 / FPS, base.bowl), pet_at(t + 0.5 / FPS, base.bowl)
    velocity = (0.0, 0.0)
    if before is not None and after is not None and before.side == after.side:
        velocity = ((after.head_x - before.head_x) * FPS, (after.head_y - before.head_y) * FPS)
    return replace(lit(base, lux_at(t), t), pet=pet, velocity=velocity)


def truth_of(scene: Scene, layers: Layers) -> str | None:
    """The class that a person would name; None while the pet is hardly in view or its head on the way to the bowl."""
    seen = visible_px(layers)
    if scene.pet is None or seen < GONE_PX:
        return "empty"
    bowl = scene.bowl
    if in_bowl(scene.pet, bowl.x, bowl.y, bowl.rx, bowl.ry):
        return "eating"
    near = in_bowl(scene.pet, bowl.x, bowl.y, bowl.rx * TRUTH_CLEAR[0], bowl.ry * TRUTH_CLEAR[1])
    return None if near or seen < MIN_VISIBLE_PX else "pet_at_bowl"

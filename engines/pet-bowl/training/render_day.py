"""A rendered day at the bowl: 16 visits of one cat, drawn, photographed in the light of the hour, and read by the shipped model.

    python engines/pet-bowl/training/render_day.py [--variant int8|fp16|both] [--fps 4] [--lux 60] [--seed 1] > day.jsonl

Writes one result a line in the form of the daemon's results, with ``utc_us``, ``light_mlx`` and ``truth`` beside it. Visits are
rendered at ``--fps``; between visits one picture a minute is rendered and its answer stands until the next. No daemon takes
part: the pictures go to ONNX Runtime as the bundle's manifest says.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from camera import LUMA, auto_exposure, encode, hot_pixels, rate_of, sense
from numpy.typing import NDArray
from pets import Pet, draw_pet, moved, turned
from scenes import Layers, Scene, draw, generator, sample_scene
from shapes import SIZE, Layer, ellipse
from story import _ease, _stand, truth_of

BUNDLE = Path(__file__).resolve().parents[1]
DAY_SPLIT = 10  # of the seed; 0 to 3 are the pictures of training and tests, 9 the clip
CLASSES = ("empty", "pet_at_bowl", "eating")
HOURS = (0, 5.5, 6.5, 8, 12, 16, 18, 18.5, 22.5, 23, 24)
LUX = (12, 12, 40, 600, 5_000, 900, 120, 90, 80, 12, 12)  # a lamp in the evening, a night light until morning
REPEAT_US, IDLE_EVERY_US = 4_000_000, 60_000_000
BANDS = ((10.0, "night"), (200.0, "dim"))
THREADS = 2


@dataclass(frozen=True)
class Visit:
    """One visit: begins ``at`` seconds into the day; ``bites`` are stretches with the head down, seconds from the beginning."""

    at: float
    length: float
    bites: tuple[tuple[float, float], ...]
    side: int


def lux_of_hour(hour: float) -> float:
    """The light of the rendered day, straight lines in the logarithm."""
    return float(np.exp(np.interp(hour, HOURS, np.log(LUX))))


def visits(rng: np.random.Generator, count: int, eating_s: float) -> list[Visit]:
    """``count`` visits spread over the day with two peaks, ``eating_s`` of eating in all."""
    hours = np.sort(
        np.where(rng.random(count) < 0.6, rng.choice([7.0, 19.0], count) + rng.normal(0, 1.8, count), rng.uniform(0, 24, count))
        % 23.7
    )
    weights = rng.uniform(0.6, 1.4, count)
    made, free = [], 0.0
    for hour, part in zip(hours, eating_s * weights / weights.sum(), strict=True):
        bites, at, left = [], 4.0, float(part)
        while left > 0.5:
            bite = min(float(rng.uniform(12, 50)), left)
            bites.append((at, at + bite))
            at, left = at + bite + float(rng.uniform(4, 12)), left - bite
        length = bites[-1][1] + 4.5
        begin = max(float(hour) * 3600, free)
        made.append(Visit(begin, length, tuple(bites), int(rng.choice([-1, 1]))))
        free = begin + length + 120
    return made


def pet_in(visit: Visit, t: float, scene: Scene, coat: int) -> Pet | None:
    """The cat ``t`` seconds into its visit."""
    if not 0 <= t < visit.length:
        return None
    down = sum(_ease(t, begin - 0.5, begin) - _ease(t, end, end + 0.5) for begin, end in visit.bites)
    away = (1 - _ease(t, 0, 2.0)) + _ease(t, visit.length - 2.2, visit.length)
    walking = t < 2.0 or t > visit.length - 2.2
    pet = _stand(scene.bowl, visit.side, "cat", coat, down, 9.0 * t if walking else 1.0 + 0.6 * float(np.sin(2.1 * t)))
    bob = down * 0.9 * float(np.sin(2 * np.pi * 2.4 * t))
    pet = replace(pet, head_y=pet.head_y + bob, head_x=pet.head_x + 0.5 * bob)
    if t > visit.length - 2.6:
        pet = turned(pet)
    return moved(pet, -visit.side * away * SIZE * 0.95, 0.0)


class Film:
    """One room and one camera; ``picture`` gives a frame and its true class."""

    def __init__(self, seed: int) -> None:
        self.rng = generator(seed, DAY_SPLIT, 0)
        self.scene = replace(sample_scene(self.rng, "empty", 100.0), occluder=None)
        self.visits: list[Visit] = []
        self._bare = draw(self.scene)
        self._hot = hot_pixels(self.rng)
        self.coat = int(self.rng.integers(7))

    def picture(self, visit: Visit | None, t: float, lux: float) -> tuple[NDArray[np.uint8], str | None]:
        """128x128x3 RGB and the class a person would name; None while the head is on its way."""
        pet = None if visit is None else pet_in(visit, t, self.scene, self.coat)
        speed = (0.0, 0.0)
        if visit is not None and pet is not None:
            later = pet_in(visit, t + 0.03, self.scene, self.coat)
            speed = (
                ((later.head_x - pet.head_x) / 0.03, (later.head_y - pet.head_y) / 0.03)
                if later and later.side == pet.side
                else speed
            )
        layers = self._layers(pet, speed)
        meter = float((rate_of(layers, lux, self.scene.illuminant) @ LUMA).mean())
        exposure = auto_exposure(meter)
        linear = sense(self.rng, rate_of(layers, lux, self.scene.illuminant, exposure.time_s), exposure, self._hot)
        return encode(linear), truth_of(replace(self.scene, pet=pet), layers)

    def _layers(self, pet: Pet | None, velocity: tuple[float, float]) -> Layers:
        """The room is drawn once; the pet and its shadow for every frame."""
        if pet is None:
            return self._bare
        back, front = Layer(self._bare.back.copy()), Layer()
        feet = ellipse(pet.x, pet.ground, pet.length * 0.55, pet.length * 0.12)
        back.paint(feet._replace(cover=feet.cover * 0.4), np.full(3, 0.03, np.float32))
        draw_pet(front, pet)
        return Layers(back.rgb, front, self._bare.front, self._bare.light, velocity)


class Model:
    """One variant of the shipped bundle."""

    def __init__(self, variant: str, bundle: Path = BUNDLE) -> None:
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        manifest = json.loads((bundle / "manifest.json").read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        file = bundle / manifest["variants"][variant]["ort"]["file"]
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0]
        self._type = np.float16 if "16" in self._input.type else np.float32

    def answer(self, picture: NDArray[np.uint8]) -> tuple[str, int, int]:
        """Class, score in ppm, microseconds."""
        begin = time.perf_counter_ns()
        pixels = np.ascontiguousarray(picture.transpose(2, 0, 1)[None]).astype(np.float32) / 255
        logits = self._session.run(None, {self._input.name: pixels.astype(self._type)})[0].astype(np.float64).ravel()
        shares = np.exp(logits - logits.max())
        best = int(logits.argmax())
        return CLASSES[best], int(shares[best] / shares.sum() * 1_000_000), (time.perf_counter_ns() - begin) // 1000


def band_of(lux: float) -> str:
    """The light band of the shipped policies, without its hysteresis."""
    return next((name for edge, name in BANDS if lux < edge), "bright")


def moments(film: Film, fps: float, idle_us: int = IDLE_EVERY_US) -> Iterator[tuple[int, Visit | None, float]]:
    """When a picture is taken: microseconds of the day, the visit, seconds into it."""
    at_us = 0
    for visit in [*film.visits, None]:
        begin_us = 86_400_000_000 if visit is None else int((visit.at - 3) * 1e6)
        while at_us < begin_us:
            yield at_us, None, 0.0
            at_us = min(at_us + idle_us, max(begin_us, at_us + 1))
        if visit is not None:
            while at_us < int((visit.at + visit.length + 3) * 1e6):
                yield at_us, visit, at_us / 1e6 - visit.at
                at_us += int(1e6 / fps)


def day(
    film: Film, models: dict[str, Model], fps: float, lux: float | None, first_us: int = 0, idle_us: int = IDLE_EVERY_US
) -> Iterator[dict[str, Any]]:
    """The results of a day. With several models the efficient one answers from 10 lux on, the reference below."""
    number = 0
    pending: dict[str, Any] | None = None
    for at_us, visit, t in moments(film, fps, idle_us):
        while pending is not None and at_us - (pending["mono_us"] - first_us) > REPEAT_US:
            pending = {**pending, "mono_us": pending["mono_us"] + REPEAT_US, "frame": number}
            number += 1
            yield pending
        light = lux or lux_of_hour(at_us / 3_600e6)
        variant = next(iter(models)) if len(models) == 1 else "fp16" if band_of(light) == "night" else "int8"
        picture, truth = film.picture(visit, t, light)
        label, score, took = models[variant].answer(picture)
        pending = {
            "frame": number,
            "class": label,
            "score_ppm": score,
            "latency_us": took,
            "variant": variant,
            "mono_us": first_us + at_us,
            "shadowed": False,
            "light_mlx": round(light * 1000),
            "band": band_of(light),
            "truth": truth,
        }
        number += 1
        yield pending


def main() -> int:
    """Write a day."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--variant", choices=["int8", "fp16", "both"], default="both")
    parser.add_argument("--fps", type=float, default=4.0)
    parser.add_argument("--lux", type=float, default=None, help="one light all day (default: the light of the hour)")
    parser.add_argument("--visits", type=int, default=16)
    parser.add_argument("--eating-min", type=float, default=19.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first-us", type=int, default=0, help="what mono_us is at midnight")
    parser.add_argument("--idle-s", type=int, default=60, help="seconds from picture to picture between visits")
    wanted = parser.parse_args()
    film = Film(wanted.seed)
    film.visits = visits(generator(wanted.seed, DAY_SPLIT, 1), wanted.visits, wanted.eating_min * 60)
    names = ["int8", "fp16"] if wanted.variant == "both" else [wanted.variant]
    for result in day(
        film, {name: Model(name) for name in names}, wanted.fps, wanted.lux, wanted.first_us, wanted.idle_s * 1_000_000
    ):
        sys.stdout.write(json.dumps(result, separators=(",", ":")) + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

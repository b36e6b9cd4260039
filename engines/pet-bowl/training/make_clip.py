"""Render `clip/day-to-night.mp4` (one minute, 15 frames a second) and its sidecar `day-to-night.json`.

    python engines/pet-bowl/training/make_clip.py [-o FOLDER] [--seed 5]

One room from midday to night, with four meals in it; scene and camera are those of the training pictures. The sidecar says
what was true: light per second, class per frame (`null` while nobody could say), and how the mean luma of the decoded
picture relates to the light, so that a camera without a light sensor can be used as one.
"""

import argparse
import hashlib
import json
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from camera import LUMA, auto_exposure, encode, hot_pixels, rate_of, sense
from numpy.typing import NDArray
from rich.progress import track
from scenes import CLASSES, draw, generator
from shapes import SIZE
from story import CLIP_SPLIT, FPS, SECONDS, lit, lux_at, room, scene_at, truth_of

BUNDLE = Path(__file__).resolve().parents[1]
NAME = "day-to-night"
METER_TAU_S = 0.25
SWEEP_LUX = (0.1, 100_000.0)
SWEEP_STEPS, SWEEP_FRAMES = 36, 6
Pictures = list[NDArray[np.uint8]]


def frames(seed: int) -> tuple[Pictures, list[float], list[str | None]]:
    """Every frame (128x128x3 RGB), its light in lux and its class; the auto exposure follows with a lag, as cameras do."""
    base, rng = room(seed), generator(seed, CLIP_SPLIT, 1)
    hot = hot_pixels(rng)
    meter = 0.0
    pictures, lights, truths = [], [], []
    for index in track(range(FPS * SECONDS), "rendering"):
        scene, lux = scene_at(base, index / FPS), lux_at(index / FPS)
        layers = draw(scene)
        now = float((rate_of(layers, lux, scene.illuminant) @ LUMA).mean())
        meter = now if meter == 0.0 else meter * (now / meter) ** float(1 - np.exp(-1 / FPS / METER_TAU_S))
        exposure = auto_exposure(meter)
        pictures.append(encode(sense(rng, rate_of(layers, lux, scene.illuminant, exposure.time_s), exposure, hot)))
        lights.append(lux)
        truths.append(truth_of(scene, layers))
    return pictures, lights, truths


def write_video(path: Path, pictures: Pictures) -> None:
    """MPEG-4 part 2 in an mp4 file: every OpenCV build reads it, and at this size it keeps the noise of the night."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), float(FPS), (SIZE, SIZE))
    if not writer.isOpened():
        raise SystemExit(f"{path}: OpenCV can write no MPEG-4 here, install opencv-python-headless")
    for picture in pictures:
        writer.write(np.ascontiguousarray(picture[:, :, ::-1]))
    writer.release()


def read_video(path: Path) -> Pictures:
    """Every frame of a file, RGB."""
    source = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    pictures: Pictures = []
    while True:
        good, picture = source.read()
        if not good:
            source.release()
            return pictures
        pictures.append(picture[:, :, ::-1])


def mean_luma(picture: NDArray[np.uint8]) -> float:
    """0.299 R + 0.587 G + 0.114 B over the whole 8-bit picture."""
    return float(picture.reshape(-1, 3).mean(axis=0) @ np.array([0.299, 0.587, 0.114]))


def sweep(seed: int) -> list[list[int]]:
    """Calibrate the camera in the empty room: points ``[luma in thousandths, light in millilux]``, both strictly rising.

    The light goes from 0.1 to 100,000 lux through the same exposure control and the same encoder as the clip.
    """
    base, rng = room(seed), generator(seed, CLIP_SPLIT, 2)
    hot = hot_pixels(rng)
    levels = np.geomspace(*SWEEP_LUX, SWEEP_STEPS * SWEEP_FRAMES)
    pictures = []
    for lux in levels:
        scene = lit(base, float(lux), 10.0)
        rate = rate_of(draw(scene), float(lux), scene.illuminant)
        pictures.append(encode(sense(rng, rate, auto_exposure(float((rate @ LUMA).mean())), hot)))
    with tempfile.TemporaryDirectory() as folder:
        write_video(Path(folder) / "sweep.mp4", pictures)
        lumas = np.array([mean_luma(picture) for picture in read_video(Path(folder) / "sweep.mp4")])
    means = lumas.reshape(SWEEP_STEPS, SWEEP_FRAMES).mean(axis=1)
    lights = np.exp(np.log(levels).reshape(SWEEP_STEPS, SWEEP_FRAMES).mean(axis=1))
    return rising([(float(luma), float(light)) for luma, light in zip(means, lights, strict=True)])


def rising(points: list[tuple[float, float]]) -> list[list[int]]:
    """Neighbouring points whose luma does not rise become one point (pool adjacent violators), in thousandths and millilux."""
    pools: list[tuple[float, float, int]] = []
    for point in points:
        luma, light, weight = point[0], float(np.log(point[1])), 1
        while pools and pools[-1][0] + 0.1 >= luma:
            below, lower, count = pools.pop()
            luma, light = (below * count + luma * weight) / (count + weight), (lower * count + light * weight) / (count + weight)
            weight += count
        pools.append((luma, light, weight))
    return [[round(luma * 1000), round(float(np.exp(light)) * 1000)] for luma, light, _ in pools]


def estimate_mlx(table: list[list[int]], luma: float) -> float:
    """Light from luma: straight lines between the points, the light in logarithms; flat outside of the table."""
    points = np.array(table, np.float64)
    return float(np.exp(np.interp(luma * 1000, points[:, 0], np.log(points[:, 1]))))


def sidecar(path: Path, lights: list[float], truths: list[str | None], seed: int) -> dict[str, Any]:
    """What was true in the clip, as plain JSON."""
    lumas = np.array([mean_luma(picture) for picture in read_video(path)])
    table = sweep(seed)
    error = np.abs(np.log([estimate_mlx(table, luma) / 1000 / lux for luma, lux in zip(lumas, lights, strict=True)]))
    runs, at = [], 0
    for label, members in groupby(truths):
        count = len(list(members))
        runs.append([at, at + count - 1, label])
        at += count
    return {
        "video": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "seed": seed,
        "fps": FPS,
        "frames": len(lights),
        "size": [SIZE, SIZE],
        "classes": list(CLASSES),
        "class_of_frames": runs,
        "mlx_per_second": [round(lights[second * FPS] * 1000) for second in range(SECONDS)],
        "luma": "mean of 0.299 R + 0.587 G + 0.114 B over the decoded 8-bit picture, in thousandths",
        "luma_to_mlx": table,
        "luma_to_mlx_median_error_pct": round(float(np.exp(np.median(error)) - 1) * 100),
    }


def main() -> int:
    """Render, encode, read back, describe."""
    parser = argparse.ArgumentParser(description="Render the day-to-night clip and its sidecar.")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, default=BUNDLE / "clip")
    wanted = parser.parse_args()
    wanted.output.mkdir(parents=True, exist_ok=True)
    video = wanted.output / f"{NAME}.mp4"
    pictures, lights, truths = frames(wanted.seed)
    write_video(video, pictures)
    facts = sidecar(video, lights, truths, wanted.seed)
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items())
    (wanted.output / f"{NAME}.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    print(f"{video}: {video.stat().st_size / 1024:.0f} KiB, {len(pictures)} frames")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

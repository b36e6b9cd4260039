"""Folders of small pictures: noise with a bright square whose colour is the class, darker by band."""

from pathlib import Path

import cv2
import numpy as np

CLASSES = ("a", "b", "c")
BANDS = {"night": 0.1, "dim": 0.5, "bright": 1.0}


def fill(folder: Path, each: int = 6, size: int = 32, seed: int = 0, bands: tuple[str, ...] = tuple(BANDS)) -> Path:
    """``BAND/CLASS/N.png``, ``each`` pictures of every class in every band."""
    rng = np.random.default_rng(seed)
    for band in bands:
        for number, label in enumerate(CLASSES):
            place = folder / band / label
            place.mkdir(parents=True, exist_ok=True)
            for index in range(each):
                write(place / f"{index}.png", picture(rng, number, BANDS[band], size))
    return folder


def picture(rng: np.random.Generator, channel: int, light: float, size: int = 32) -> np.ndarray:
    """One picture, height x width x 3, 8 bits."""
    pixels = rng.normal(20, 10, (size, size, 3))
    y, x = rng.integers(0, size // 2, 2)
    pixels[y : y + size // 3, x : x + size // 3, channel % 3] += 200 * light
    return np.clip(pixels, 0, 255).astype(np.uint8)


def write(path: Path, pixels: np.ndarray) -> Path:
    """As a PNG."""
    assert cv2.imwrite(str(path), pixels)
    return path

"""Render parts that pass a camera one after the other: a folder of pictures for `adaptd run --source`, and what is true of them.

    python engines/inspection/training/render_line.py -o DIR [--parts 20] [--frames 50] [--lux 400] [--seed 7]

Every part is seen in ``--frames`` pictures, shaken anew in each. ``parts.csv`` says of each its first picture and its defects.
"""

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
from defects import CLASSES
from hall import photograph, sample_scene
from pet_optics import scenes
from rich.progress import track

LINE_SPLIT = 9


def main() -> int:
    """Render one line."""
    parser = argparse.ArgumentParser(description="Render parts passing a camera as a folder of pictures.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--parts", type=int, default=20)
    parser.add_argument("--frames", type=int, default=50, help="pictures of every part")
    parser.add_argument("--lux", type=float, default=400.0)
    parser.add_argument("--seed", type=int, default=7)
    wanted = parser.parse_args()
    wanted.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in track(range(wanted.parts), "rendering"):
        rng = scenes.generator(wanted.seed, LINE_SPLIT, number)
        _, reflectance, found = sample_scene(rng)
        rows.append((f"plate-{number + 1:04d}", number * wanted.frames, "+".join(CLASSES[one.kind] for one in found) or "sound"))
        for frame in range(wanted.frames):
            picture = photograph(rng, reflectance, wanted.lux)
            path = wanted.output / f"{number * wanted.frames + frame:06d}.png"
            if not cv2.imwrite(str(path), np.ascontiguousarray(picture[:, :, ::-1])):
                raise SystemExit(f"{path}: can not be written, give a folder with room in it")
    with (wanted.output / "parts.csv").open("w", encoding="utf-8", newline="") as table:
        csv.writer(table, lineterminator="\n").writerows([("part", "first_picture", "truth"), *rows])
    print(f"{wanted.output}: {wanted.parts} parts, {wanted.parts * wanted.frames} pictures")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

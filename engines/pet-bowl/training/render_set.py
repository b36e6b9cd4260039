"""Render labelled pictures: a folder for calibration, a folder for qualification.

    python engines/pet-bowl/training/render_set.py calibration -o DIR [--each 100]
    python engines/pet-bowl/training/render_set.py test -o DIR [--each 1000] [--bands bright dim]

Writes ``BAND/CLASS/NNNN.png`` and ``labels.csv`` (file, class, band, lux). ``--each`` pictures a band, classes taking turns.
The two sets and the training pictures come from different branches of one seed and share no scene.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from camera import photograph
from numpy.typing import NDArray
from rich.progress import track
from scenes import BANDS, CLASSES, compose, generator, sample_lux

SPLITS = {"calibration": 1, "test": 2, "spare": 3}  # 0 is the training pictures
EACH = {"calibration": 100, "test": 1000, "spare": 1000}
BAND_STRIDE = 10_000_000


class Sample(NamedTuple):
    """One labelled picture, 128x128x3 8-bit RGB."""

    picture: NDArray[np.uint8]
    label: str
    band: str
    lux: float


def sample(split: str, seed: int, band: str, index: int) -> Sample:
    """Picture ``index`` of a band; the same arguments give the same bytes."""
    rng = generator(seed, SPLITS[split], list(BANDS).index(band) * BAND_STRIDE + index)
    label, lux = CLASSES[index % len(CLASSES)], sample_lux(rng, band)
    scene, layers = compose(rng, label, lux)
    return Sample(photograph(rng, layers, lux, scene.illuminant), label, band, lux)


def samples(split: str, seed: int, bands: list[str], each: int) -> Iterator[Sample]:
    """``each`` pictures of every band, one after the other."""
    for band in bands:
        for index in range(each):
            yield sample(split, seed, band, index)


def write(folder: Path, split: str, seed: int, bands: list[str], each: int) -> int:
    """Write the set below ``folder``; gives the number of pictures."""
    rows: list[tuple[str, str, str, str]] = []
    total = each * len(bands)
    for number, one in enumerate(track(samples(split, seed, bands, each), "rendering", total=total)):
        name = f"{one.band}/{one.label}/{number % each:04d}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(folder / name), np.ascontiguousarray(one.picture[:, :, ::-1])):
            raise SystemExit(f"{folder / name}: can not be written, give a folder with room in it")
        rows.append((name, one.label, one.band, f"{one.lux:.3f}"))
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as table:
        csv.writer(table, lineterminator="\n").writerows([("file", "class", "band", "lux"), *rows])
    return total


def main() -> int:
    """Render one set."""
    parser = argparse.ArgumentParser(description="Render labelled pictures of the feeding bowl in every light.")
    parser.add_argument("split", choices=list(SPLITS))
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--each", type=int, help="pictures a band (calibration 100, test 1000)")
    parser.add_argument("--bands", nargs="+", choices=list(BANDS), default=list(BANDS))
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    wanted.output.mkdir(parents=True, exist_ok=True)
    count = write(wanted.output, wanted.split, wanted.seed, wanted.bands, wanted.each or EACH[wanted.split])
    print(f"{wanted.output}: {count} pictures")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

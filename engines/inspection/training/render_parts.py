"""Render labelled pictures of parts: a folder for calibration, a folder for qualification.

    python engines/inspection/training/render_parts.py calibration -o DIR [--each 150]
    python engines/inspection/training/render_parts.py test -o DIR [--each 1000] [--bands hall dark]

Writes ``BAND/NNNN.png`` and beside it ``NNNN.txt``, one defect a line: class number, centre x, centre y, width, height (shares of
the picture). The sets and the training pictures come from different branches of one seed and share no part.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from defects import Defect
from hall import BANDS, Sample, sample
from parts import SIZE
from pet_optics import scenes
from rich.progress import track

SPLITS = {"calibration": 1, "test": 2, "spare": 3}  # 0 is the training pictures
EACH = {"calibration": 150, "test": 1000, "spare": 1000}
BAND_STRIDE = 10_000_000


def draw(split: str, seed: int, band: str, index: int) -> Sample:
    """Picture ``index`` of a band; the same arguments give the same bytes."""
    return sample(scenes.generator(seed, SPLITS[split], list(BANDS).index(band) * BAND_STRIDE + index), band)


def samples(split: str, seed: int, band: str, each: int) -> Iterator[Sample]:
    """``each`` pictures of a band."""
    return (draw(split, seed, band, index) for index in range(each))


def label(defect: Defect) -> str:
    """One line of a label file; what reaches over the picture's edge is cut there."""
    left, top, right, bottom = (min(max(value / SIZE, 0.0), 1.0) for value in defect[1:])
    return f"{defect.kind} {(left + right) / 2:.5f} {(top + bottom) / 2:.5f} {right - left:.5f} {bottom - top:.5f}"


def write(folder: Path, split: str, seed: int, bands: list[str], each: int) -> int:
    """Write the set below ``folder``; gives the number of pictures."""
    jobs = [(band, index) for band in bands for index in range(each)]
    for band, index in track(jobs, "rendering"):
        one = draw(split, seed, band, index)
        path = folder / band / f"{index:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(path), np.ascontiguousarray(one.picture[:, :, ::-1])):
            raise SystemExit(f"{path}: can not be written, give a folder with room in it")
        path.with_suffix(".txt").write_text("".join(label(defect) + "\n" for defect in one.defects), encoding="utf-8")
    return len(jobs)


def main() -> int:
    """Render one set."""
    parser = argparse.ArgumentParser(description="Render labelled pictures of parts in every light.")
    parser.add_argument("split", choices=list(SPLITS))
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--each", type=int, help="pictures a band (calibration 150, test 1000)")
    parser.add_argument("--bands", nargs="+", choices=list(BANDS), default=list(BANDS))
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    count = write(wanted.output, wanted.split, wanted.seed, wanted.bands, wanted.each or EACH[wanted.split])
    print(f"{wanted.output}: {count} pictures")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

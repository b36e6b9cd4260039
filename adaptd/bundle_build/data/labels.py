"""What the pictures are known to show: a class each, or boxes in a text file beside the picture."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.data.images import Dataset, LabelledImage
from adaptd.bundle_build.data.pictures import read_image
from adaptd.config.manifest import Preprocessing
from adaptd.vision.heads import CLASS_FORMS
from adaptd.vision.preprocess import region

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Labels:
    """How a dataset is labelled. ``classes`` says whether class names are used; ``form`` is that of ``heads.Head``."""

    form: str
    count: int
    words: Preprocessing
    classes: bool

    def boxes(self, sample: LabelledImage) -> Array | None:
        """The true boxes in pixels of the network's input, (n, 6) with score 1; None without a label file. Raises BuildError."""
        path = boxes_file(sample.path)
        if self.form in CLASS_FORMS or not path.is_file():
            return None
        lines = enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1)
        rows = [self._row(f"{path}:{number}", line) for number, line in lines if line.strip()]
        image = read_image(sample)
        if image is None:
            return None
        table = np.array(rows, np.float64).reshape(-1, 5)
        return place(*_within(table, (image.shape[0], image.shape[1]), self.words), self.words)

    def _row(self, where: str, line: str) -> list[float]:
        try:
            values = [float(word) for word in line.split()]
        except ValueError:
            values = []
        if len(values) != 5 or not 0 <= values[0] < self.count or not all(0 <= value <= 1 for value in values[1:]):
            raise BuildError(
                f"{where}: is no box; class number (0 to {self.count - 1}), centre x, centre y, width, height (0 to 1)"
            )
        return values


def boxes_file(picture: Path) -> Path:
    """The text file of a picture's boxes: beside it, or in Ultralytics' layout under ``labels`` where it lies under
    ``images``.
    """
    beside = picture.with_suffix(".txt")
    parts = list(beside.parts)
    if beside.is_file() or "images" not in parts:
        return beside
    at = len(parts) - 1 - parts[::-1].index("images")
    return Path(*parts[:at], "labels", *parts[at + 1 :])


def labels_of(dataset: Dataset, form: str, classes: tuple[str, ...], words: Preprocessing) -> tuple[Labels, list[str]]:
    """How to read a dataset's labels, and what to tell. Raises BuildError where only some labels are classes of the model."""
    odd = [label for label in dataset.labels if label not in classes]
    unnamed = Labels(form, len(classes), words, classes=False)
    if form not in CLASS_FORMS or not dataset.labels:
        return unnamed, []
    if len(odd) == len(dataset.labels):
        known = f"{', '.join(classes[:4])}{', ...' if len(classes) > 4 else ''}"
        why = f"labels such as {odd[0]!r} are not the model's classes ({known}): no score; build with --labels FILE to name them"
        return unnamed, [why]
    if odd:
        raise BuildError(f"{dataset.folder}: label {odd[0]!r} is no class of the model, it has {', '.join(classes[:12])}")
    return replace(unnamed, classes=True), []


def _within(
    table: npt.NDArray[np.float64], image: tuple[int, int], words: Preprocessing
) -> tuple[npt.NDArray[np.float64], tuple[int, int]]:
    """Boxes as shares of the region that is looked at, those with the centre outside left out, and its (height, width)."""
    if words.roi_ppm is None:
        return table, image
    rows, columns = region(words.roi_ppm, *image)
    size = rows.stop - rows.start, columns.stop - columns.start
    scale, start = np.array([image[1], image[0]]), np.array([columns.start, rows.start])
    inner = np.array([size[1], size[0]])
    moved = table.copy()
    moved[:, 1:3] = (table[:, 1:3] * scale - start) / inner
    moved[:, 3:5] = table[:, 3:5] * scale / inner
    inside = ((moved[:, 1:3] >= 0) & (moved[:, 1:3] < 1)).all(axis=1)
    if words.roi_points_ppm is not None:
        inside &= [_in_polygon(words.roi_points_ppm, *centre) for centre in (table[:, 1:3] * 1e6).tolist()]
    return moved[inside], size


def _in_polygon(points: tuple[tuple[int, ...], ...], x: float, y: float) -> bool:
    """Whether an odd number of sides lies to the right of (x, y)."""
    odd = False
    for (from_x, from_y), (to_x, to_y) in zip(points, (*points[1:], points[0]), strict=True):
        if (from_y > y) is not (to_y > y) and x < from_x + (y - from_y) * (to_x - from_x) / (to_y - from_y):
            odd = not odd
    return odd


def place(table: npt.NDArray[np.float64], image: tuple[int, int], words: Preprocessing) -> Array:
    """Boxes in shares of a picture of ``image`` (height, width) as rows in the input's pixels, as preprocessing moves them."""
    height, width = words.size
    scale_y, scale_x, shift_y, shift_x = height / image[0], width / image[1], 0.0, 0.0
    if words.fit == "letterbox":
        scale_y = scale_x = min(scale_y, scale_x)
    elif words.fit == "centre_crop":
        scale_y = scale_x = max(scale_y, scale_x) * 1e6 / words.crop_ppm
    if words.fit != "stretch":
        shift_y, shift_x = (height - image[0] * scale_y) / 2, (width - image[1] * scale_x) / 2
    centre = table[:, 1:3] * [image[1] * scale_x, image[0] * scale_y] + [shift_x, shift_y]
    half = table[:, 3:5] * [image[1] * scale_x, image[0] * scale_y] / 2
    corners = np.clip(np.hstack([centre - half, centre + half]), 0, [width, height, width, height])
    return np.column_stack([corners, np.ones(len(table)), table[:, 0]]).astype(np.float32)

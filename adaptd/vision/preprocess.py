"""A camera picture becomes the network's input, as the manifest says, in buffers that are made once.

Shrinking by two or more averages areas (a linear filter would alias there), anything else interpolates linearly. The arithmetic
``(value / divisor - mean) / std`` has only 256 results per channel: it is computed once in double precision and looked up.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from adaptd.config.manifest import Preprocessing

Image = npt.NDArray[np.uint8]
Batch = npt.NDArray[np.float32]
GREY = 128

cv2.setNumThreads(1)  # a few dozen microseconds of work: waking threads would cost more than it saves


@dataclass(frozen=True, slots=True)
class Fit:
    """Which part of the picture is read, and where in the network's picture it lands."""

    source: tuple[slice, slice]
    target: tuple[slice, slice]
    interpolation: int
    resize: bool

    @property
    def target_size(self) -> tuple[int, int]:
        """Width and height that the part is resized to."""
        rows, columns = self.target
        return columns.stop - columns.start, rows.stop - rows.start


class Preprocessor:
    """Turns uint8 pictures (height x width x 3, blue-green-red) into one float32 batch 1 x 3 x height x width.

    The batch returned is the same array each time: it holds until the next call.
    """

    def __init__(self, words: Preprocessing) -> None:
        self._words = words
        height, width = words.size
        self._canvas: Image = np.full((height, width, 3), GREY, np.uint8)
        self._planes: list[Image] = [np.empty((height, width), np.uint8) for _ in range(3)]
        self.batch: Batch = np.zeros((1, 3, height, width), np.float32)
        order = (2, 1, 0) if words.colour_order == "rgb" else (0, 1, 2)
        tables = _tables(words)
        self._channels = [(self._planes[source], tables[k], self.batch[0, k]) for k, source in enumerate(order)]
        self._shape: tuple[int, ...] = ()
        self._mask: Image | None = None
        self._behind: Image = self._canvas
        self._masked_of: tuple[int, ...] = ()
        self._fit = Fit((slice(0), slice(0)), (slice(0), slice(0)), 0, resize=False)

    def __call__(self, image: Image) -> Batch:
        if self._words.roi_ppm is not None and image.ndim == 3:
            rows, columns = region(self._words.roi_ppm, image.shape[0], image.shape[1])
            whole, image = image.shape, image[rows, columns]
            if self._words.roi_points_ppm is not None and image.shape[2] == 3 and image.dtype == np.uint8:
                image = self._masked(image, whole, (rows.start, columns.start))
        if image.shape != self._shape:
            self._meet(image)
        fit = self._fit
        if fit.resize:
            part = image[fit.source]
            cv2.resize(part, fit.target_size, dst=self._canvas[fit.target], interpolation=fit.interpolation)
            image = self._canvas
        cv2.split(np.ascontiguousarray(image), self._planes)
        for plane, table, out in self._channels:
            cv2.LUT(plane, table, dst=out)
        return self.batch

    def _masked(self, image: Image, whole: tuple[int, ...], start: tuple[int, int]) -> Image:
        """The part around the polygon of a picture of shape ``whole``, grey outside; the camera keeps its own."""
        if self._mask is None or self._mask.shape != image.shape[:2] or self._masked_of != whole:
            corners = np.array(self._words.roi_points_ppm, np.float64) * [whole[1], whole[0]] / 1e6
            self._mask = np.zeros(image.shape[:2], np.uint8)
            cv2.fillPoly(self._mask, [np.round(corners - [start[1], start[0]]).astype(np.int32)], 255)
            self._behind, self._masked_of = np.full(image.shape, GREY, np.uint8), whole
        cv2.copyTo(image, self._mask, self._behind)
        return self._behind

    def _meet(self, image: Any) -> None:
        """A picture of a new size: work out how it fits.

        Raises:
            ValueError: it is no 8-bit picture of three channels.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"a picture of {image.dtype} {image.shape}: 8-bit with three channels is served")
        self._fit = _fit(self._words, image.shape[0], image.shape[1])
        self._canvas[:] = GREY
        self._shape = image.shape


def region(roi_ppm: tuple[int, ...], height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a picture that a region covers, one of each at least."""
    left, top, across, down = roi_ppm
    first_row, first_column = min(top * height // 1_000_000, height - 1), min(left * width // 1_000_000, width - 1)
    last_row, last_column = -(-(top + down) * height // 1_000_000), -(-(left + across) * width // 1_000_000)
    return slice(first_row, max(last_row, first_row + 1)), slice(first_column, max(last_column, first_column + 1))


def _tables(words: Preprocessing) -> list[Batch]:
    value = np.arange(256, dtype=np.float64) / words.divisor
    facts = zip(words.mean_ppm, words.std_ppm, strict=True)
    return [((value - mean / 1e6) / (std / 1e6)).astype(np.float32) for mean, std in facts]


def _fit(words: Preprocessing, height: int, width: int) -> Fit:
    to_height, to_width = words.size
    rows, columns = slice(0, height), slice(0, width)
    to_rows, to_columns = slice(0, to_height), slice(0, to_width)
    if words.fit == "centre_crop":
        scale = min(height / to_height, width / to_width) * words.crop_ppm / 1e6
        rows, columns = _centred(height, round(to_height * scale)), _centred(width, round(to_width * scale))
    elif words.fit == "letterbox":
        scale = min(to_height / height, to_width / width)
        to_rows, to_columns = _centred(to_height, round(height * scale)), _centred(to_width, round(width * scale))
    shrink = min(
        (rows.stop - rows.start) / (to_rows.stop - to_rows.start),
        (columns.stop - columns.start) / (to_columns.stop - to_columns.start),
    )
    same = (rows, columns) == (to_rows, to_columns) and (height, width) == (to_height, to_width)
    return Fit((rows, columns), (to_rows, to_columns), cv2.INTER_AREA if shrink >= 2 else cv2.INTER_LINEAR, resize=not same)


def _centred(whole: int, part: int) -> slice:
    """The middle ``part`` of ``whole``, at least one and at most all of it."""
    part = min(max(part, 1), whole)
    start = (whole - part) // 2
    return slice(start, start + part)

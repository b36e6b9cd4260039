"""From a sample on disk to the network's input, with the very code that serves; small sets stay in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.data.images import LabelledImage
from adaptd.config.manifest import Preprocessing

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
CACHE_BYTES = 256 << 20


class Pictures:
    """The readable pictures of a set, in order, as float32 batches of one. ``unreadable`` names the others once they were met."""

    def __init__(self, samples: Sequence[LabelledImage], words: Preprocessing) -> None:
        from adaptd.vision.preprocess import Preprocessor

        self._samples = samples
        self._prepare = Preprocessor(words)
        self._size = words.size
        self._cache: dict[Path, Array] = {}
        self.unreadable: dict[Path, str] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[tuple[LabelledImage, Array]]:
        """Each sample with its batch, an array that holds until the next step."""
        for sample in self._samples:
            batch = self._batch(sample)
            if batch is not None:
                yield sample, batch

    def _batch(self, sample: LabelledImage) -> Array | None:
        kept = self._cache.get(sample.path)
        if kept is not None or sample.path in self.unreadable:
            return kept
        image = read_image(sample)
        if image is None:
            self.unreadable[sample.path] = sample.name
            return None
        batch = self._prepare(image)
        if len(self._samples) * batch.nbytes <= CACHE_BYTES:
            self._cache[sample.path] = batch = batch.copy()
        return batch


def read_image(sample: LabelledImage) -> Image | None:
    """The picture as height x width x 3, 8 bits, blue-green-red; None where it cannot be read."""
    try:
        import cv2
    except ImportError as error:
        raise BuildError(f"reading pictures needs OpenCV ({error}); pip install 'adaptd[camera]'") from None
    try:
        data = np.frombuffer(sample.path.read_bytes(), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (OSError, cv2.error):
        return None
    return None if image is None or image.dtype != np.uint8 or image.ndim != 3 else image


def unreadable_note(pictures: Pictures) -> list[str]:
    """One line about the pictures that could not be read. Raises BuildError when that is all of them."""
    bad = list(pictures.unreadable.values())
    if bad and len(bad) == len(pictures):
        raise BuildError(f"none of the {len(bad)} pictures can be read ({bad[0]} first); 8-bit PNG or JPEG files are needed")
    return [f"{len(bad)} pictures cannot be read and were left out ({bad[0]} first)"] if bad else []

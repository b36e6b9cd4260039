"""A folder of images and its subfolders as a camera: in the order of their names, at a set rate, again and again."""

from pathlib import Path
from typing import Any

from adaptd.base.clock import WaitingClock
from adaptd.protocol.source_spec import SourceError, images_in
from adaptd.worker.sources.base import Paced
from adaptd.worker.sources.opencv import bgr, import_opencv

DEFAULT_MFPS = 10_000


class FolderSource(Paced):
    """``mfps`` overrides the rate of DEFAULT_MFPS."""

    def __init__(self, folder: Path, clock: WaitingClock, mfps: int | None = None) -> None:
        super().__init__(str(folder), mfps or DEFAULT_MFPS, clock)
        self._folder = folder
        self._cv2: Any = None
        self._files: list[Path] = []

    def open(self) -> None:
        self._cv2 = import_opencv()
        self._files = sorted(images_in(self._folder))
        if not self._files:
            raise SourceError(f"{self.name}: holds no images; put some there or name another folder")
        super().open()

    def picture(self) -> Any:
        path = self._files[(self._count - 1) % len(self._files)]
        image = self._cv2.imread(str(path), self._cv2.IMREAD_COLOR)
        if image is None:
            raise SourceError(f"{path}: is no image that OpenCV can read; replace or remove it")
        return bgr(self._cv2, image)

    def close(self) -> None:
        self._files = []

"""A folder of images and its subfolders as a camera: in the order of their names, at a set rate, again and again."""

from pathlib import Path
from typing import Any

from adaptd.base.clock import WaitingClock
from adaptd.protocol.source_spec import SourceError, images_in
from adaptd.worker.sources.base import FrameSource
from adaptd.worker.sources.opencv import bgr, import_opencv

DEFAULT_MFPS = 10_000


class FolderSource(FrameSource):
    """``loop`` False ends after one pass."""

    def __init__(self, folder: Path, clock: WaitingClock, mfps: int | None = None, *, loop: bool = True) -> None:
        self.name = str(folder)
        self.mfps: int | None = mfps or DEFAULT_MFPS
        self._folder = folder
        self._clock = clock
        self._loop = loop
        self._cv2: Any = None
        self._files: list[Path] = []
        self._due_us = self._count = 0

    def open(self) -> None:
        self._cv2 = import_opencv()
        self._files = images_in(self._folder)
        if not self._files:
            raise SourceError(f"{self.name}: holds no images; put some there or name another folder")
        self._due_us, self._count = self._clock.now_us(), 0

    def advance(self) -> bool:
        assert self.mfps is not None
        if not self._loop and self._count == len(self._files):
            return False
        if not self._clock.wait_until(self._due_us + self._count * 1_000_000_000 // self.mfps):
            return False
        self._count += 1
        return True

    def picture(self) -> Any:
        path = self._files[(self._count - 1) % len(self._files)]
        image = self._cv2.imread(str(path), self._cv2.IMREAD_COLOR)
        if image is None:
            raise SourceError(f"{path}: is no image that OpenCV can read; replace or remove it")
        return bgr(self._cv2, image)

    def close(self) -> None:
        self._files = []

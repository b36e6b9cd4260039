"""A video file as a camera: paced at its own rate on an absolute schedule, from the start again when it ends."""

from pathlib import Path
from typing import Any

from adaptd.base.clock import WaitingClock
from adaptd.protocol.source_spec import SourceError
from adaptd.worker.sources.base import FrameSource
from adaptd.worker.sources.opencv import bgr, import_opencv

DEFAULT_MFPS = 25_000
MAX_MFPS = 1_000_000
CATCH_UP_US = 1_000_000
WHOLE_SHARE = 0.9


class VideoSource(FrameSource):
    """``mfps`` overrides the file's rate."""

    def __init__(self, path: Path, clock: WaitingClock, mfps: int | None = None) -> None:
        self.name = str(path)
        self.mfps: int | None = mfps
        self._path = path
        self._clock = clock
        self._cv2: Any = None
        self._capture: Any = None
        self._due_us = self._count = self._in_pass = 0

    def open(self) -> None:
        self._cv2 = import_opencv()
        self._refuse_damaged()
        self._rewind()
        if self.mfps is None:
            told = self._capture.get(self._cv2.CAP_PROP_FPS)
            self.mfps = round(told * 1000) if 0 < told * 1000 <= MAX_MFPS else DEFAULT_MFPS
        self._due_us, self._count = self._clock.now_us(), 0

    def advance(self) -> bool:
        assert self.mfps is not None
        at_us = self._due_us + self._count * 1_000_000_000 // self.mfps
        now_us = self._clock.now_us()
        if now_us - at_us > CATCH_UP_US:  # the machine slept: go on from here instead of racing through what was missed
            self._due_us, self._count, at_us = now_us, 0, now_us
        if not self._clock.wait_until(at_us):
            return False
        self._count += 1
        return self._grab()

    def picture(self) -> Any:
        done, image = self._capture.retrieve()
        if not done:
            raise SourceError(f"{self.name}: frame {self._in_pass} cannot be decoded; re-encode the file")
        return bgr(self._cv2, image)

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _grab(self) -> bool:
        if self._capture.grab():
            self._in_pass += 1
            return True
        self._refuse_short_pass()
        self._rewind()
        if not self._capture.grab():
            raise SourceError(f"{self.name}: holds no frame that can be decoded; re-encode it, for example as H.264 in mp4")
        self._in_pass = 1
        return True

    def _rewind(self) -> None:
        self.close()
        self._in_pass = 0
        self._capture = self._cv2.VideoCapture(self.name)
        if not self._capture.isOpened():
            self.close()
            raise SourceError(
                f"{self.name}: is no video that OpenCV can read (damaged or an unknown format); re-encode or copy it again"
            )

    def _refuse_damaged(self) -> None:
        if not self._path.is_file():
            raise SourceError(f"{self.name}: no such file; name an existing video")
        missing = missing_bytes(self._path)
        if missing:
            raise SourceError(f"{self.name}: is cut short, {missing} bytes are missing at the end; copy the file again")

    def _refuse_short_pass(self) -> None:
        promised = self._capture.get(self._cv2.CAP_PROP_FRAME_COUNT)
        if self._in_pass < promised * WHOLE_SHARE:
            raise SourceError(f"{self.name}: ends after {self._in_pass} of {promised:.0f} frames; copy the file again")


def missing_bytes(path: Path) -> int:
    """How many bytes an MP4 or MOV file lacks by its own account, its top-level boxes being longer than it; 0 for other formats.

    Box layout: ISO/IEC 14496-12, section 4.2 (32-bit size and type, 64-bit size where the first is 1, to the end where it is 0).
    """
    length, at, known = path.stat().st_size, 0, False
    with path.open("rb") as file:
        while at + 8 <= length:
            file.seek(at)
            header = file.read(16)
            size, kind = int.from_bytes(header[:4], "big"), header[4:8]
            known = known or kind == b"ftyp"
            if not known:
                return 0
            if size == 1:
                size = int.from_bytes(header[8:16], "big")
            if size < 8:
                return 0
            at += size
    return max(at - length, 0)

"""A camera: a V4L2 index or device, an address, or any pipeline string that OpenCV opens."""

from typing import Any

from adaptd.base.clock import WaitingClock
from adaptd.protocol.source_spec import SourceError
from adaptd.worker.sources.opencv import bgr, import_opencv

EXPOSURE_UNIT_US = 100  # V4L2_CID_EXPOSURE_ABSOLUTE counts 100 us


class CameraSource:
    """Opened again by the grabber when it stops."""

    live = True

    def __init__(self, target: str, clock: WaitingClock) -> None:
        self.name = target
        self.mfps: int | None = None
        self._clock = clock
        self._cv2: Any = None
        self._capture: Any = None
        self._v4l2 = False

    def open(self) -> None:
        self.close()
        self._cv2 = import_opencv()
        self._capture = self._new_capture()
        if not self._capture.isOpened():
            self.close()
            raise SourceError(
                f"camera {self.name}: cannot be opened; plug it in, join the group video, or close what else uses it"
            )
        self._capture.set(self._cv2.CAP_PROP_BUFFERSIZE, 1)
        told = self._capture.get(self._cv2.CAP_PROP_FPS)
        self.mfps = round(told * 1000) if 0 < told <= 1000 else None

    def advance(self) -> bool:
        return self._capture is not None and bool(self._capture.grab())

    def picture(self) -> Any:
        done, image = self._capture.retrieve()
        if not done:
            raise SourceError(f"camera {self.name}: a frame cannot be decoded; check the cable and the camera's format")
        return bgr(self._cv2, image)

    def settings(self) -> tuple[int | None, int | None]:
        if not self._v4l2 or self._capture is None:
            return None, None
        exposure, gain = (self._capture.get(key) for key in (self._cv2.CAP_PROP_EXPOSURE, self._cv2.CAP_PROP_GAIN))
        return (
            round(exposure) * EXPOSURE_UNIT_US if exposure > 0 else None,
            round(gain) if gain > 0 else None,
        )

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _new_capture(self) -> Any:
        self._v4l2 = self.name.isdigit() or self.name.startswith("/dev/")
        if self._v4l2:
            return self._cv2.VideoCapture(int(self.name) if self.name.isdigit() else self.name, self._cv2.CAP_V4L2)
        if " ! " in self.name:
            return self._cv2.VideoCapture(self.name, self._cv2.CAP_GSTREAMER)
        return self._cv2.VideoCapture(self.name)

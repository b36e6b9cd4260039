"""A camera: a V4L2 index or device, an address, libcamera, or any pipeline string that OpenCV opens."""

import os
from typing import Any

from adaptd.base.clock import WaitingClock
from adaptd.base.redact import redact
from adaptd.protocol.source_options import SourceOptions
from adaptd.protocol.source_spec import BadFrameError, SourceError, UnusableSourceError
from adaptd.worker.sources.base import FrameSource, Lens
from adaptd.worker.sources.opencv import bgr, has_gstreamer, import_opencv

EXPOSURE_UNIT_US = 100  # V4L2_CID_EXPOSURE_ABSOLUTE counts 100 us
MANUAL = 1  # V4L2_EXPOSURE_MANUAL; every other answer is, or may be, automatic
NETWORK_TIMEOUT_MS = 8_000  # below the time after which a source counts as stuck in its driver
_NO_GSTREAMER = (
    "needs GStreamer, and this OpenCV has none (the wheels of pip never have); use JetPack's or Debian's python3-opencv "
    "in a venv made with --system-site-packages, or push frames (--source push:SOCKET)"
)


class CameraSource(FrameSource):
    """Opened again by the grabber when it stops. Whatever OpenCV does wrong is a source's fault and never a worker's crash."""

    live = True

    def __init__(self, target: str, clock: WaitingClock, options: SourceOptions | None = None) -> None:
        self.name = redact(target)
        self.mfps: int | None = None
        self._target = target
        self._options = options or SourceOptions()
        self._clock = clock
        self._cv2: Any = None
        self._capture: Any = None
        self._v4l2 = False
        self._first: tuple[float, float] | None = None
        self._moved = False

    def open(self) -> None:
        self.close()
        self._cv2 = import_opencv()
        self._capture = self._safely(self._new_capture)
        if not self._safely(self._capture.isOpened):
            self.close()
            raise SourceError(
                f"camera {self.name}: cannot be opened; plug it in, join the group video, or close what else uses it"
            )
        self._safely(self._ask)
        self._first, self._moved = None, False
        told = self._safely(lambda: self._capture.get(self._cv2.CAP_PROP_FPS))
        self.mfps = round(told * 1000) if 0 < told <= 1000 else None

    def advance(self) -> bool:
        return self._capture is not None and bool(self._safely(self._capture.grab))

    def picture(self) -> Any:
        done, image = self._safely(self._capture.retrieve)
        if not done:
            raise BadFrameError(f"camera {self.name}: a frame cannot be decoded; check the cable and the camera's format")
        try:
            image = self._safely(lambda: bgr(self._cv2, image, self._options.white))
        except UnusableSourceError as error:
            raise UnusableSourceError(f"camera {self.name}: {error}") from None
        return self._safely(lambda: self._turned(image))

    def settings(self) -> Lens:
        if not self._v4l2 or self._capture is None:
            return Lens()
        keys = (self._cv2.CAP_PROP_EXPOSURE, self._cv2.CAP_PROP_GAIN, self._cv2.CAP_PROP_AUTO_EXPOSURE)
        exposure, gain, how = (self._safely(lambda key=key: self._capture.get(key)) for key in keys)
        self._first = self._first or (exposure, gain)
        self._moved |= (exposure, gain) != self._first
        return Lens(
            round(exposure) * EXPOSURE_UNIT_US if exposure > 0 else None,
            round(gain) if gain > 0 else None,
            still=how != MANUAL and not self._moved,
        )

    def close(self) -> None:
        if self._capture is not None:
            capture, self._capture = self._capture, None
            self._safely(capture.release)

    def _safely(self, call: Any) -> Any:
        """What ``call`` gives; OpenCV's own errors, and what its bindings raise instead, as a fault of the source."""
        try:
            return call()
        except (self._cv2.error, RuntimeError, TypeError, ValueError, SystemError, OSError) as error:
            raise BadFrameError(f"camera {self.name}: OpenCV fails ({str(error)[:200] or type(error).__name__})") from None

    def _new_capture(self) -> Any:
        cv2, target = self._cv2, self._target
        self._v4l2 = target.isdigit() or target.startswith("/dev/")
        if self._v4l2:
            return cv2.VideoCapture(int(target) if target.isdigit() else target, cv2.CAP_V4L2)
        if target.startswith("libcamera") or " ! " in target:
            if not has_gstreamer(cv2):
                raise UnusableSourceError(f"camera {self.name}: {_NO_GSTREAMER}")
            return cv2.VideoCapture(libcamera_pipeline(target, self._options), cv2.CAP_GSTREAMER)
        if "://" in target:
            if self._options.transport:
                os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"rtsp_transport;{self._options.transport}"
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, NETWORK_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, NETWORK_TIMEOUT_MS]
            return cv2.VideoCapture(target, cv2.CAP_FFMPEG, limits)
        return cv2.VideoCapture(target)

    def _ask(self) -> None:
        """What was asked of the camera; it takes what it can, the format first since sizes and rates depend on it."""
        cv2, options = self._cv2, self._options
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if options.fourcc:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*options.fourcc))
        if options.size:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, options.size[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, options.size[1])
        if options.mfps:
            self._capture.set(cv2.CAP_PROP_FPS, options.mfps / 1000)

    def _turned(self, image: Any) -> Any:
        codes = {90: self._cv2.ROTATE_90_CLOCKWISE, 180: self._cv2.ROTATE_180, 270: self._cv2.ROTATE_90_COUNTERCLOCKWISE}
        return self._cv2.rotate(image, codes[self._options.rotate]) if self._options.rotate else image


def libcamera_pipeline(target: str, options: SourceOptions) -> str:
    """``libcamera`` or ``libcamera:NAME`` as a pipeline of libcamera's own GStreamer source; any other pipeline as it stands."""
    if not target.startswith("libcamera") or " ! " in target:
        return target
    name = target.partition(":")[2]
    which = f' camera-name="{name}"' if name else ""
    size = f",width={options.size[0]},height={options.size[1]}" if options.size else ""
    rate = f",framerate={options.mfps}/1000" if options.mfps else ""
    caps = f" ! video/x-raw{size}{rate}" if size or rate else ""
    return f"libcamerasrc{which}{caps} ! videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1 sync=false"

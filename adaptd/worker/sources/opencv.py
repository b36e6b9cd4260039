"""OpenCV, imported once and kept to one thread, and what its pictures may look like."""

from typing import Any

import numpy as np

from adaptd.protocol.source_spec import BadFrameError, UnusableSourceError


def import_opencv() -> Any:
    """The module.

    Raises:
        UnusableSourceError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise UnusableSourceError(f"OpenCV cannot be imported ({error}); pip install 'adaptd[camera]'") from None
    cv2.setNumThreads(1)
    return cv2


def has_gstreamer(cv2: Any) -> bool:
    """Whether this OpenCV was built with GStreamer; the wheels of pip never are."""
    return cv2.CAP_GSTREAMER in cv2.videoio_registry.getBackends()


def bgr(cv2: Any, image: Any, white: int | None = None) -> Any:
    """A picture as height x width x 3, blue-green-red, 8 bits a channel.

    One, three and four channels are converted, two are YUYV; 16-bit pixels are scaled so that ``white`` is white.

    Raises:
        BadFrameError: there is no picture (OpenCV has answered None, or 0 x 0).
        UnusableSourceError: pixels of another kind, or 16-bit ones whose white nobody named.
    """
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3) or 0 in image.shape:
        raise BadFrameError("a frame without a picture; check the cable and the camera's format")
    image = _eight_bits(image, white)
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels == 3:
        return image
    codes = {1: cv2.COLOR_GRAY2BGR, 2: cv2.COLOR_YUV2BGR_YUYV, 4: cv2.COLOR_BGRA2BGR}
    if channels not in codes:
        raise UnusableSourceError(f"gives pictures of {channels} channels; 1, 2 (YUYV), 3 and 4 can be served, set fourcc=")
    return cv2.cvtColor(image, codes[channels])


def _eight_bits(image: Any, white: int | None) -> Any:
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16 and white is not None:
        return np.minimum(image.astype(np.uint32) * 255 // white, 255).astype(np.uint8)
    if image.dtype == np.uint16:
        raise UnusableSourceError("gives 16-bit pixels; say which value is white, for example #white=4095 behind the source")
    raise UnusableSourceError(
        f"gives {image.dtype} pixels; 8-bit and 16-bit ones can be served, set fourcc= or another camera mode"
    )

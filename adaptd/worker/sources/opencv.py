"""OpenCV, imported once and kept to one thread; the client's environment keeps it quiet."""

from typing import Any

from adaptd.protocol.source_spec import SourceError


def import_opencv() -> Any:
    """The module.

    Raises:
        SourceError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise SourceError(f"OpenCV cannot be imported ({error}); pip install 'adaptd[camera]'") from None
    cv2.setNumThreads(1)
    return cv2


def bgr(cv2: Any, image: Any) -> Any:
    """A picture of one, three or four channels as three, blue-green-red."""
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return cv2.cvtColor(image, cv2.COLOR_BGRA2BGR) if image.shape[2] == 4 else image

"""What evidence is kept for: a light band, or where several cameras share the device, a band of one camera: ``BAND/CAMERA``.

Every word that names a band (shadows, stretches, evidence, statements) names a cell where there are several cameras. A name of a
band or of a camera never holds a slash.
"""

from functools import lru_cache

MOST_CAMERAS = 32  # that one device serves: every decision looks at the evidence of each


def cell_of(band: str, camera: str) -> str:
    """The cell of a band and a camera; the band itself where the camera has no name."""
    return f"{band}/{camera}" if camera else band


@lru_cache(maxsize=1024)
def band_of(cell: str) -> str:
    """The light band of a cell."""
    return cell.partition("/")[0]


def camera_of(cell: str) -> str:
    """The camera of a cell; empty where one camera without a name is served."""
    return cell.partition("/")[2]

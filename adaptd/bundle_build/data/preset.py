"""What the user says of preprocessing and class names, and the usual answers."""

from dataclasses import dataclass
from pathlib import Path

from adaptd.bundle_build import BuildError
from adaptd.config.manifest import Preprocessing

MILLION = 1_000_000
Three = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Preset:
    """``(value / divisor - mean) / std`` per channel and the way a picture is fitted; see ``config.manifest.Preprocessing``."""

    divisor: int
    mean_ppm: Three
    std_ppm: Three
    colour_order: str
    fit: str
    crop_ppm: int = MILLION
    roi_ppm: tuple[int, ...] | None = None
    roi_points_ppm: tuple[tuple[int, ...], ...] | None = None

    def words(self, size: tuple[int, int]) -> Preprocessing:
        """The manifest's preprocessing for a network that takes ``size`` (height, width)."""
        return Preprocessing.model_validate(
            {
                "size": size,
                "divisor": self.divisor,
                "mean_ppm": self.mean_ppm,
                "std_ppm": self.std_ppm,
                "colour_order": self.colour_order,
                "fit": self.fit,
                "crop_ppm": self.crop_ppm,
                "roi_ppm": self.roi_ppm,
                "roi_points_ppm": self.roi_points_ppm,
            }
        )


PRESETS = {
    "imagenet": Preset(255, (485_000, 456_000, 406_000), (229_000, 224_000, 225_000), "rgb", "centre_crop", 875_000),
    "unit": Preset(255, (0, 0, 0), (MILLION, MILLION, MILLION), "rgb", "stretch"),
    "symmetric": Preset(255, (500_000, 500_000, 500_000), (500_000, 500_000, 500_000), "rgb", "stretch"),
    "yolo": Preset(255, (0, 0, 0), (MILLION, MILLION, MILLION), "rgb", "letterbox"),
    "raw": Preset(1, (0, 0, 0), (MILLION, MILLION, MILLION), "bgr", "stretch"),
}
"""``imagenet`` is that of torchvision's classifiers (resize to 256, crop 224); ``unit`` 0 to 1; ``symmetric`` -1 to 1."""


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names, one a line, in the order of the network's output. Raises BuildError."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"{path}: cannot be read as text ({error}), one class name a line is needed") from None
    names = tuple(line.strip() for line in lines if line.strip())
    if not names or len(set(names)) != len(names):
        raise BuildError(f"{path}: is empty or repeats a name, one class name a line is needed")
    return names


def class_names(declared: tuple[str, ...] | None, seen: tuple[str, ...], count: int) -> tuple[str, ...]:
    """The names as declared; else those of the class folders, in alphabetical order, if their number fits; else numbers."""
    if declared is not None:
        return declared
    return seen if len(seen) == count else tuple(f"class{number}" for number in range(count))

"""The camera and the drawing tools are those of the other shipped model: one physics for both, kept in one place."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "pet-bowl" / "training"))

import camera as optics
import scenes
import shapes

__all__ = ["optics", "scenes", "shapes"]

"""The scripts of the reference model are no package: their folder goes on the path for these tests."""

import sys
from pathlib import Path

import pytest

BUNDLE = Path(__file__).resolve().parents[2] / "engines" / "pet-bowl"
sys.path.insert(0, str(BUNDLE / "training"))


@pytest.fixture(scope="session")
def bundle() -> Path:
    """The shipped reference bundle."""
    return BUNDLE

"""What every test shares: the repository's folders, and an empty home so that nothing is written to the user's."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture
def feeder_text() -> str:
    """The shipped feeder policy as text, to be damaged."""
    return (ROOT / "policies" / "feeder.yaml").read_text()

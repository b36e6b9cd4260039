"""What the sensor tests share: captured trees, their profiles, and a clock that a test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adaptd.config.profile import HardwareProfile, load_profile
from adaptd.config.shipped import profiles_dir
from tests.sense.fakes import FaultySysfs, HandClock

TREES = Path(__file__).parent / "trees"


def tree(name: str) -> Path:
    """A captured device tree."""
    return TREES / name


def profile(name: str) -> HardwareProfile:
    """A shipped profile."""
    return load_profile(profiles_dir() / f"{name}.yaml")


@pytest.fixture
def clock() -> HandClock:
    """Time that stands still until it is moved."""
    return HandClock()


@pytest.fixture
def orin_nx() -> Iterator[FaultySysfs]:
    """The Orin NX tree with files that can fail; blocked reads are released at the end."""
    sysfs = FaultySysfs(tree("orin-nx-16gb"))
    yield sysfs
    sysfs.release()

"""A house with a feeder, empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apps.streams import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A monitor on an empty store."""
    one = House(tmp_path / "feeder.sqlite3")
    yield one
    one.store.close()

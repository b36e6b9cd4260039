"""What every test shares: the repository's folders, and an empty home so that nothing is written to the user's."""

import contextlib
import importlib.util
import os
from pathlib import Path

import pytest

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

with contextlib.suppress(ImportError):
    from hypothesis import settings

    # A busy machine is slow and not wrong: no example has a deadline of its own.
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini file's ``timeout`` belongs to pytest-timeout; a GPU machine with pytest alone runs ``tests/gpu`` all the same."""
    if importlib.util.find_spec("pytest_timeout") is None:
        parser.addini("timeout", "read by pytest-timeout, which is not installed here")


@pytest.fixture
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture
def feeder_text() -> str:
    """The shipped feeder policy as text, to be damaged."""
    return (ROOT / "policies" / "feeder.yaml").read_text()

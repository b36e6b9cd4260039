"""What every test shares: the repository's folders, and an empty home so that nothing is written to the user's."""

import contextlib
import importlib.util
import os
import resource
from collections.abc import Iterator
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


MOST_KB = 1 << 20  # no test may take over 1 GB, in its own process or in one that it starts


def largest_kb() -> int:
    """The most memory that this process or one of its children has had resident (Linux ru_maxrss, KiB)."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


@pytest.fixture(autouse=True)
def at_most_a_gigabyte() -> Iterator[None]:
    """The test that passes 1 GB fails: a machine that promises memory freely would really be filled."""
    before = largest_kb()
    yield
    after = largest_kb()
    assert before > MOST_KB or after <= MOST_KB, f"this test took {after >> 10} MiB, at most {MOST_KB >> 10} are allowed"


@pytest.fixture
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture
def feeder_text() -> str:
    """The shipped feeder policy as text, to be damaged."""
    return (ROOT / "policies" / "feeder.yaml").read_text()

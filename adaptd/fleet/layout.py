"""Where the lake's files lie, and the lock between whoever renames them and whoever reads them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TABLE = "summary"
LOCK = ".lock"


@contextmanager
def locked(folder: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold the lake's lock: readers share it, whoever renames files has it alone."""
    with (folder / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield

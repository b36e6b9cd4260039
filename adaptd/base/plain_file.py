"""Reading what may be anything: a folder that someone else filled can hold pipes, devices and files without end."""

import errno
import os
import stat
from pathlib import Path

MAX_SEGMENT = 1 << 28  # a writer begins the next segment at a few MiB
MAX_SMALL = 1 << 24  # head, key, hand-overs


def read_plain(path: Path, most: int) -> bytes:
    """The bytes of a plain file; OSError for anything else under that name, and for more than ``most`` bytes. Never waits."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        if found.st_size > most:
            raise OSError(errno.EFBIG, "larger than any log makes it", str(path))
        return file.read()

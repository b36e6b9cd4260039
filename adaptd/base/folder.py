"""A folder of the log: one writer, by an advisory lock that the kernel releases when the process ends, and files read with care.

A folder that someone else filled can hold pipes, devices and files without end.
"""

import errno
import fcntl
import os
import stat
from pathlib import Path

LOCK_FILE = "lock"
MAX_SEGMENT = 1 << 28  # a writer begins the next segment at a few MiB
MAX_SMALL = 1 << 24  # head, key, hand-overs


class FolderBusyError(RuntimeError):
    """Another process writes this log. The text is one line with the remedy."""


class FolderLock:
    """Held from construction to ``release``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() or "another process"
            os.close(self._fd)
            raise FolderBusyError(
                f"{folder}: this audit folder is in use by process {holder}; stop it or choose another folder with --audit"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    @property
    def holds(self) -> bool:
        """Whether the file that is locked is still the one that others find; without it a second writer would be let in."""
        try:
            return os.path.samestat(os.fstat(self._fd), os.stat(self._path, follow_symlinks=False))
        except OSError:
            return False

    def release(self) -> None:
        """Let another process in."""
        os.close(self._fd)


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

"""The folder of a log: the only place of this room that writes to a disk, and the one a test replaces by a disk that fails.

Every method raises OSError as the system gave it; nobody here retries. ``sync`` and ``sync_folder`` are the only durability.
"""

import contextlib
import errno
import os
from pathlib import Path

from adaptd.base.folder import FolderLock

_MODE = 0o640
_SECRET = 0o600


class Store:
    """Files directly inside one folder, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def inside(self, name: str) -> "Store":
        """The same kind of store for a folder inside this one."""
        return Store(self.folder / name)

    def lock(self) -> FolderLock:
        """Keep every other writer out until it is released; raises FolderBusyError."""
        return FolderLock(self.folder)

    def make_folder(self, mode: int = 0o750) -> None:
        """Create the folder and what leads to it, and make every entry durable, also one that a killed start had left."""
        made, above = [self.folder], self.folder.parent
        while not above.is_dir() and above != above.parent:
            made, above = [*made, above], above.parent
        there = self.folder.is_dir()
        self.folder.mkdir(mode=mode, parents=True, exist_ok=True)
        for one in reversed(made):
            with contextlib.suppress(*[PermissionError] if there else []):  # a folder that others gave us can be out of reach
                _sync_folder(one.parent)

    def names(self) -> list[str]:
        """Names of the plain files inside, sorted; none where the folder does not exist."""
        try:
            with os.scandir(self.folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        except FileNotFoundError:
            return []

    def read(self, name: str) -> bytes:
        """The whole file."""
        return (self.folder / name).read_bytes()

    def create(self, name: str, *, secret: bool = False) -> int:
        """Make a new file and return its descriptor; FileExistsError where there is one."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self.folder / name, flags, _SECRET if secret else _MODE)

    def open(self, name: str) -> int:
        """Open an existing file for reading and writing."""
        return os.open(self.folder / name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """Write all of ``data`` at ``offset``, however often the system writes less than it was given."""
        view = memoryview(data)
        while view:
            done = os.pwrite(fd, view, offset)
            if not done:
                raise OSError(errno.EIO, "the disk takes nothing and gives no error")
            view, offset = view[done:], offset + done

    def sync(self, fd: int) -> None:
        """Make the file's bytes and length durable; FileNotFoundError if it has no name any more and would vanish on close."""
        if os.fstat(fd).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "the log file was removed while it was being written")
        os.fdatasync(fd)

    def truncate(self, fd: int, length: int) -> None:
        os.ftruncate(fd, length)

    def close(self, fd: int) -> None:
        os.close(fd)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name; durable only after ``sync_folder``."""
        os.rename(self.folder / old, self.folder / new)

    def move_into(self, name: str, into: str) -> None:
        """Move a file or folder into the folder ``into`` inside this one, under its own name. Raises OSError."""
        (self.folder / name).rename(self.folder / into / name)

    def remove(self, name: str) -> None:
        os.unlink(self.folder / name)

    def sync_folder(self) -> None:
        """Make created, renamed and removed names durable."""
        _sync_folder(self.folder)

    def write_file(self, name: str, data: bytes, *, secret: bool = False) -> None:
        """Write a small file under a passing name, sync it, and put it in place; durable when this returns."""
        passing = f"{name}.new"
        with contextlib.suppress(FileNotFoundError):
            self.remove(passing)
        fd = self.create(passing, secret=secret)
        try:
            self.write(fd, data, 0)
            self.sync(fd)
        finally:
            self.close(fd)
        self.rename(passing, name)
        self.sync_folder()

    def erase(self, name: str) -> None:
        """Overwrite a file with zeros, sync, and remove it."""
        fd = self.open(name)
        try:
            self.write(fd, bytes(len(self.read(name))), 0)
            self.sync(fd)
        finally:
            self.close(fd)
        self.remove(name)
        self.sync_folder()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

"""A disk in memory with a page cache that can be lost: what was not synced survives a crash block by block, or does not.

It stands in for ``Store``. Names and contents are kept twice, as the process sees them and as the platter has them. ``sync``
copies one file to the platter, ``sync_folder`` the names. A crash keeps, of everything since, whatever subset the caller draws.
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from adaptd.log.format.store import Store

SECTOR = 512
PAGE = 4096


class Killed(BaseException):
    """The process ended here; not an Exception, so that nothing in the ledger can catch it."""


@dataclass(eq=False)
class Inode:
    """One file: its bytes in the cache, on the platter, and as the kernel believes them to be on the platter.

    The last two differ after a sync that failed: the kernel marks the pages clean all the same, and a later sync that succeeds
    does not write them.
    """

    cached: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    believed: bytes = b""

    def flush(self) -> None:
        """Write every page that is not believed to be on the platter."""
        new = bytes(self.cached)
        if self.believed == self.durable:
            self.durable = self.believed = new
            return
        platter = bytearray(self.durable[: len(new)].ljust(len(new), b"\0"))
        for at in range(0, len(new), PAGE):
            if new[at : at + PAGE] != self.believed[at : at + PAGE]:
                platter[at : at + PAGE] = new[at : at + PAGE]
        self.durable, self.believed = bytes(platter), new


@dataclass
class Folder:
    """Names in the cache and on the platter."""

    cached: dict[str, Inode] = field(default_factory=dict)
    durable: dict[str, Inode] = field(default_factory=dict)
    exists: bool = False


Fault = Callable[[str, int], OSError | None]  # (operation, its number) -> the error it shall raise; may raise Killed


def no_fault(operation: str, number: int) -> OSError | None:
    """Every operation succeeds."""
    del operation, number
    return None


class SimDisk:
    """The folders, the open files, and the fault that will strike."""

    def __init__(self, fault: Fault = no_fault) -> None:
        self.folders: dict[str, Folder] = {}
        self.open: dict[int, Inode] = {}
        self.fault = fault
        self.operations = 0
        self.log: list[str] = []
        self.lies = False  # a disk whose sync does nothing: the negative control

    def store(self, name: str = "log") -> "SimStore":
        return SimStore(self, name)

    def strike(self, operation: str) -> None:
        """Count one operation and let the fault strike."""
        number = self.operations
        self.operations += 1
        self.log.append(operation)
        error = self.fault(operation, number)
        if error is not None:
            raise error

    def after_crash(self, random: Random, *, keep: float = 0.5) -> "SimDisk":
        """The disk as the next boot finds it: synced data, and of the rest each name and sector with probability ``keep``."""
        disk = SimDisk()
        for path, folder in self.folders.items():
            names = dict(folder.durable)
            for name in sorted(folder.cached.keys() | folder.durable.keys()):
                if folder.cached.get(name) is not folder.durable.get(name) and random.random() < keep:
                    if name in folder.cached:
                        names[name] = folder.cached[name]
                    else:
                        names.pop(name, None)
            fresh = {name: Inode() for name in names}
            for name, inode in names.items():
                data = survived(inode, random, keep)
                fresh[name] = Inode(bytearray(data), data, data)
            disk.folders[path] = Folder(dict(fresh), dict(fresh), folder.exists)
        return disk

    def write_to(self, target: Path) -> Path:
        """Copy what the process sees into a real folder."""
        for path, folder in self.folders.items():
            place = target / Path(path).relative_to("log")
            place.mkdir(parents=True, exist_ok=True)
            for name, inode in folder.cached.items():
                (place / name).write_bytes(inode.cached)
        return target


def survived(inode: Inode, random: Random, keep: float) -> bytes:
    """The platter's bytes with a random part of the unsynced sectors and possibly the new length."""
    if bytes(inode.cached) == inode.durable:
        return inode.durable
    length = len(inode.cached) if random.random() < keep else len(inode.durable)
    data = bytearray(inode.durable[:length].ljust(length, b"\0"))
    for at in range(0, length, SECTOR):
        new = bytes(inode.cached[at : at + SECTOR])
        if new != bytes(data[at : at + len(new)]) and random.random() < keep:
            data[at : at + len(new)] = new[: length - at]
    return bytes(data)


class _NoLock:
    holds = True

    def release(self) -> None:
        return


class SimStore(Store):
    """``Store`` on a ``SimDisk``."""

    def __init__(self, disk: SimDisk, path: str) -> None:
        super().__init__(Path(path))
        self._disk, self._path = disk, path

    @property
    def _folder(self) -> Folder:
        return self._disk.folders.setdefault(self._path, Folder())

    def inside(self, name: str) -> "SimStore":
        return SimStore(self._disk, f"{self._path}/{name}")

    def lock(self) -> _NoLock:  # type: ignore[override]
        return _NoLock()

    def make_folder(self, mode: int = 0o750) -> None:
        del mode
        self._folder.exists = True

    def names(self) -> list[str]:
        return sorted(self._folder.cached)

    def read(self, name: str) -> bytes:
        if name not in self._folder.cached:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        return bytes(self._folder.cached[name].cached)

    def create(self, name: str, *, secret: bool = False) -> int:
        del secret
        self._disk.strike("create")
        if name in self._folder.cached:
            raise FileExistsError(errno.EEXIST, "File exists", name)
        self._folder.cached[name] = Inode()
        return self._opened(name)

    def open(self, name: str) -> int:
        self._disk.strike("open")
        if name not in self._folder.cached:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        return self._opened(name)

    def _opened(self, name: str) -> int:
        fd = max(self._disk.open, default=0) + 1
        self._disk.open[fd] = self._folder.cached[name]
        return fd

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """One write; a fault leaves half of it behind."""
        content = self._disk.open[fd].cached
        try:
            self._disk.strike("write")
        except BaseException:
            self._put(content, data[: len(data) // 2], offset)
            raise
        self._put(content, data, offset)

    @staticmethod
    def _put(content: bytearray, data: bytes, offset: int) -> None:
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data

    def sync(self, fd: int) -> None:
        inode = self._disk.open[fd]
        try:
            self._disk.strike("sync")
        except OSError:
            inode.believed = bytes(inode.cached)
            raise
        if not self._disk.lies:
            inode.flush()

    def truncate(self, fd: int, length: int) -> None:
        self._disk.strike("truncate")
        content = self._disk.open[fd].cached
        del content[length:]
        content.extend(bytes(length - len(content)))

    def close(self, fd: int) -> None:
        self._disk.open.pop(fd)
        self._disk.strike("close")

    def rename(self, old: str, new: str) -> None:
        self._disk.strike("rename")
        if old not in self._folder.cached:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", old)
        self._folder.cached[new] = self._folder.cached.pop(old)

    def remove(self, name: str) -> None:
        self._disk.strike("remove")
        if name not in self._folder.cached:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        del self._folder.cached[name]

    def sync_folder(self) -> None:
        self._disk.strike("sync_folder")
        if not self._disk.lies:
            self._folder.durable = dict(self._folder.cached)

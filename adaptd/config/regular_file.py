"""Reads a file that must be exactly what it seems: one regular file inside one folder, read once."""

import os
import re
import stat
from pathlib import Path

from adaptd.config.errors import ConfigError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,126}")


def read_regular(folder: Path, name: str, *, limit: int, hard_links: bool = False) -> bytes:
    """The bytes of ``folder/name``, opened without following a link and read to the end once.

    ``hard_links`` allows a file with several names, as package installers make them.

    Raises:
        ConfigError: a path instead of a name, a symbolic or hard link, no regular file, larger than ``limit`` bytes, unreadable.
    """
    where = f"{folder}/{name}"
    if not NAME.fullmatch(name):
        raise ConfigError(f"{where}: is a path or an odd name, a plain file name inside the bundle is needed")
    try:
        return _read(folder, name, where, limit, hard_links=hard_links)
    except OSError as error:
        linked = (folder / name).is_symlink()
        why = f"cannot be read ({error.strerror or error}), name the folder that holds it"
        reason = "is a symbolic link, put the file itself there" if linked else why
        raise ConfigError(f"{where}: {reason}") from None


def _read(folder: Path, name: str, where: str, limit: int, *, hard_links: bool) -> bytes:
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=inside)
    finally:
        os.close(inside)
    with open(handle, "rb") as file:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise ConfigError(f"{where}: is not a regular file, put the file itself there")
        if facts.st_nlink != 1 and not hard_links:
            raise ConfigError(f"{where}: has {facts.st_nlink} names (hard links), copy it so that nobody else can change it")
        if facts.st_size > limit:
            raise ConfigError(f"{where}: is {facts.st_size} bytes, at most {limit} are read")
        data = file.read(facts.st_size + 1)
    if len(data) != facts.st_size:
        raise ConfigError(f"{where}: changed while it was read, let nobody write into a bundle that is served")
    return data

"""Unix sockets in the file system: a path left behind by a dead process is taken over, one that somebody answers at is not."""

import contextlib
import os
import socket
import stat
from pathlib import Path

BACKLOG = 16
LONGEST = 107
MODE = 0o660


class SocketError(Exception):
    """A path that no socket can be made at; one line with the remedy."""


def foreign_folder(folder: Path) -> str:
    """Why a folder for a socket is not to be trusted, in one line; empty where it is. ``adaptd.client``, which imports nothing,
    has the same for the other side.

    In a folder in which everyone may write, such as /tmp, somebody else may have made it first and listen in it.
    """
    for one in (folder, *folder.parents):
        try:
            facts, above = one.lstat(), one.parent.stat()
        except OSError:
            continue
        if above.st_mode & stat.S_IWOTH and one != one.parent and facts.st_uid not in (0, os.geteuid()):
            return f"{one}: belongs to uid {facts.st_uid}, who may listen there; set XDG_RUNTIME_DIR or name a --socket elsewhere"
    return ""


def listen(path: str, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """A non-blocking listening socket at ``path``, readable and writable by user and group.

    Raises:
        SocketError: somebody listens there, something else is there, or the folder cannot be written.
    """
    if len(os.fsencode(path)) > LONGEST:
        raise SocketError(f"{path}: is longer than {LONGEST} bytes, the kernel's limit for sockets; choose a shorter path")
    _take_over(path, kind)
    listener = socket.socket(socket.AF_UNIX, kind)
    try:
        before = os.umask(0o777 & ~MODE)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        Path(path).chmod(MODE)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SocketError(
            f"{path}: no socket can be made there ({error.strerror}); choose another path or create its folder"
        ) from None
    listener.setblocking(False)
    return listener


def unlisten(listener: socket.socket, path: str) -> None:
    """Close ``listener`` and remove its path."""
    listener.close()
    with contextlib.suppress(OSError):
        Path(path).unlink()


def _take_over(path: str, kind: int) -> None:
    try:
        found = Path(path).lstat()
    except OSError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketError(f"{path}: exists and is no socket; remove it or choose another path")
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                Path(path).unlink()
            return
        except OSError:
            pass
    raise SocketError(f"{path}: another process listens there; stop it or choose another path")

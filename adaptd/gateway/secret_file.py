"""Files that hold a secret: read whole, small, and refused where others can read them too."""

import os
import stat
from pathlib import Path

from adaptd.gateway import GatewayError

MAX_SECRET_BYTES = 65_536


class SettingsError(GatewayError):
    """The settings cannot be used. ``str(error)`` is one line with the remedy."""


def secret_lines(path: Path, remedy: str = "name a file that this user can read") -> list[str]:
    """The lines of a file that holds a secret; ``remedy`` is for one that cannot be read.

    Raises:
        SettingsError: it cannot be read, or others can read it too.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            raw = file.read(MAX_SECRET_BYTES + 1) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}), {remedy}") from None
    if not stat.S_ISREG(status.st_mode) or len(raw) > MAX_SECRET_BYTES:
        raise SettingsError(f"{path}: is no file of at most {MAX_SECRET_BYTES} bytes")
    if status.st_mode & 0o077 and not _is_credential(path):
        raise SettingsError(f"{path}: others can read this secret, run: chmod 600 {path}")
    try:
        return [line.rstrip("\r") for line in raw.decode("utf-8").rstrip("\n").split("\n")]
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is no UTF-8 text") from None


def _is_credential(path: Path) -> bool:
    """Whether systemd put it there (LoadCredential=): it guards the folder by other means than the file's mode."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(folder) and path.resolve().parent == Path(folder).resolve()

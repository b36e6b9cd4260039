"""One number from one kernel file, or the reason why not.

The kernel answers a sensor that is off with an error number (EAGAIN, EIO, EINVAL, ETIMEDOUT...). Python's text files turn EAGAIN
into a ``TypeError``, an empty string or ``None``, so a file is opened, read once with ``os.read`` and closed, and the bytes are
parsed in a second step that knows one number and a newline and nothing else.
"""

import errno
import glob
import os
import re
from pathlib import Path

from adaptd.vocabulary import Missing, MissingReason

_LONGEST_BYTES = 64
_LONGEST_TEXT = 4096
_INTEGER = re.compile(rb"[+-]?[0-9]{1,15}")
_DECIMAL = re.compile(rb"([+-]?)([0-9]{1,12})(?:\.([0-9]{1,12}))?")
# O_NONBLOCK has no effect on a kernel attribute, but a pipe put in its place cannot hold the reader up.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class Sysfs:
    """A machine's file tree below ``root``: ``/`` on a device, a captured folder in a test or in ``adaptd doctor --root``."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def read_bytes(self, path: str, limit: int = _LONGEST_BYTES) -> bytes:
        """The first ``limit`` bytes of a file, in one read.

        Raises:
            OSError: what the kernel said; EAGAIN arrives as BlockingIOError.
        """
        descriptor = os.open(self.root / path.lstrip("/"), _FLAGS)
        try:
            return os.read(descriptor, limit)
        finally:
            os.close(descriptor)

    def read_int(self, path: str) -> int | Missing:
        """One integer."""
        raw = self._read(path, _LONGEST_BYTES)
        return raw if isinstance(raw, Missing) else parse_int(raw)

    def read_scaled(self, path: str, places: int) -> int | Missing:
        """One decimal number, times ``10**places``, rounded half away from zero."""
        raw = self._read(path, _LONGEST_BYTES)
        return raw if isinstance(raw, Missing) else parse_scaled(raw, places)

    def read_text(self, path: str) -> str | Missing:
        """One short text (a zone's type, a rail's label, a board's model), stripped of newlines and of trailing zero bytes."""
        raw = self._read(path, _LONGEST_TEXT)
        if isinstance(raw, Missing):
            return raw
        text = raw.rstrip(b"\0\n").decode("utf-8", "replace").strip()
        return text or Missing(MissingReason.UNREADABLE, "empty")

    def glob(self, pattern: str) -> list[str]:
        """Absolute paths (as seen from ``root``) that match, in the order a person counts: ``hwmon2`` before ``hwmon10``."""
        prefix = os.fspath(self.root).rstrip("/")
        found = glob.glob(prefix + "/" + pattern.lstrip("/"))
        return sorted((path[len(prefix) :] for path in found), key=_by_number)

    def exists(self, path: str) -> bool:
        """Whether the path is there; says nothing on whether it can be read."""
        try:
            return (self.root / path.lstrip("/")).exists()
        except OSError:
            return False

    def _read(self, path: str, limit: int) -> bytes | Missing:
        try:
            return self.read_bytes(path, limit)
        except OSError as error:
            return _refusal(error)


def _refusal(error: OSError) -> Missing:
    """The error number's name and its plain words, so that a log line says which of the kernel's refusals it was."""
    name = errno.errorcode.get(error.errno or 0, "error")
    reason, words = _REFUSALS.get(name, (MissingReason.DEVICE, os.strerror(error.errno or 0).lower()))
    return Missing(reason, f"{name}: {words}")


_REFUSALS = {
    "EACCES": (MissingReason.NO_ACCESS, "no permission to read"),
    "EPERM": (MissingReason.NO_ACCESS, "no permission to read"),
    "EAGAIN": (MissingReason.MOMENTARY, "sensor is off or busy"),
    "EINVAL": (MissingReason.DEVICE, "zone is disabled"),
    "ENODATA": (MissingReason.DEVICE, "sensor has no data"),
    "ENOENT": (MissingReason.GONE, "file is gone"),
    "ENODEV": (MissingReason.GONE, "device is gone"),
    "ENXIO": (MissingReason.GONE, "device is gone"),
    "EIO": (MissingReason.MOMENTARY, "bus or device failed"),
    "ETIMEDOUT": (MissingReason.MOMENTARY, "bus timed out"),
    "EREMOTEIO": (MissingReason.MOMENTARY, "device did not answer"),
}


def parse_int(raw: bytes) -> int | Missing:
    """ASCII digits with an optional sign, at most one newline at the end: everything else is ``Missing``."""
    match = _matched(raw, _INTEGER)
    return match if isinstance(match, Missing) else int(match[0])


def parse_scaled(raw: bytes, places: int) -> int | Missing:
    """The same with a decimal point, as IIO prints it: ``b"0.833333\\n"`` with ``places=6`` is 833333."""
    match = _matched(raw, _DECIMAL)
    if isinstance(match, Missing):
        return match
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or b""
    digits = int(whole + fraction)
    value = divide(digits * 10**places, 10 ** len(fraction))
    return -value if sign == b"-" else value


def divide(numerator: int, denominator: int) -> int:
    """Integer division, rounded half away from zero; the only rounding in this room."""
    half = abs(denominator) // 2
    size = (abs(numerator) + half) // abs(denominator)
    return size if (numerator < 0) == (denominator < 0) else -size


def _matched(raw: bytes, form: re.Pattern[bytes]) -> re.Match[bytes] | Missing:
    body = raw.removesuffix(b"\n")
    shown = f"unparsable: {body[:24].decode('ascii', 'replace')!a}" if body.strip() else "empty"
    return form.fullmatch(body) or Missing(MissingReason.UNREADABLE, shown)


def _by_number(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path)]

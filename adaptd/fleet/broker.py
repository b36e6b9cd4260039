"""Where the broker is, and with which credentials: ``mqtt://HOST[:PORT]``, ``mqtts://...``, or ``@FILE`` with the URL in it."""

import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerError(Exception):
    """No broker can be made of this. ``str(error)`` is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class BrokerAt:
    """One broker; ``password`` is never shown."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    user: str = ""
    password: str = field(default="", repr=False)


def broker_at(url: str, ca: Path | None = None) -> BrokerAt:
    """Read the URL; a password is taken from a file of mode 0600 alone.

    Raises:
        BrokerError: it names no broker, or a secret lies open.
    """
    from_file = url.startswith("@")
    if from_file:
        url = _secret(Path(url[1:]))
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/"):
        raise BrokerError("--mqtt: that is no broker, give mqtt://HOST[:PORT], mqtts://HOST[:PORT] or @FILE")
    if parts.password is not None and not from_file:
        raise BrokerError("--mqtt: a password in the command line is seen by every user, put the URL into a file: @FILE")
    tls = _context(ca) if parts.scheme == "mqtts" else None
    return BrokerAt(parts.hostname, port, tls, unquote(parts.username or ""), unquote(parts.password or ""))


def _secret(path: Path) -> str:
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BrokerError(f"{path}: others can read this secret, run: chmod 600 {path}")
        return path.read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise BrokerError(f"{path}: cannot be read ({error}), its first line is the broker's URL") from None


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(f"{ca}: cannot be used ({error}), give a PEM file that this user can read") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context

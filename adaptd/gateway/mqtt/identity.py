"""Which box this is: one short name that stays, fit for a topic, kept in the outbox once it is chosen.

First choice is the fingerprint of the log's public key: a box proves itself with that key, and whoever holds its checkpoints can
compute the name. Where the key cannot be read it is a hash of the machine's id, which itself is never told.
"""

import hashlib
import socket
from pathlib import Path

from adaptd.gateway.mqtt.topics import is_box
from adaptd.gateway.outbox import Outbox

KEPT = "box"
DIGITS = 12
PUBLIC_KEY = "log.pub"
MACHINE_ID = Path("/etc/machine-id")


def box_of(outbox: Outbox, audit: Path | None, machine_id: Path = MACHINE_ID) -> str:
    """The name kept before, or a new one from the log's key in ``audit``, the machine's id, or at last the host's name."""
    kept = outbox.kept(KEPT)
    if isinstance(kept, str) and is_box(kept):
        return kept
    box = _of_key(audit) or _of_machine(machine_id) or _digits(b"adaptd host\n" + socket.gethostname().encode())
    outbox.keep(KEPT, box)
    return box


def _of_key(audit: Path | None) -> str:
    """The first digits of SHA-256 over the text of ``log.pub`` without its newline; empty where it cannot be read."""
    return _of_file(audit / PUBLIC_KEY, b"") if audit is not None else ""


def _of_machine(path: Path) -> str:
    return _of_file(path, b"adaptd box\n")


def _of_file(path: Path, salt: bytes) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(1_000).strip()
    except OSError:
        return ""
    return _digits(salt + text) if text else ""


def _digits(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:DIGITS]

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
    places = ((b"", audit and audit / PUBLIC_KEY), (b"adaptd box\n", machine_id))
    texts = ((salt, _text(path)) for salt, path in places if path is not None)
    found = next((salt + text for salt, text in texts if text), b"adaptd host\n" + socket.gethostname().encode())
    box = hashlib.sha256(found).hexdigest()[:DIGITS]
    outbox.keep(KEPT, box)
    return box


def _text(path: Path) -> bytes:
    """What the file says, without its newline; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(1_000).strip()
    except OSError:
        return b""

"""The gateway's own signing key, and how a message carries its signature: as the last member of its JSON object.

The log's key never leaves the daemon, so the gateway signs with a key of its own. The daemon puts the public half on record on
request; the record is shown under a checkpoint that the log signed, and so the log vouches for the key.
"""

import base64
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adaptd.client import write_whole
from adaptd.gateway.secret_file import SettingsError, secret_lines

FILE_NAME = "gateway.key"
_OPEN, _CLOSE = b',"sig":"', b'"}'
_TAIL = len(_OPEN) + 88 + len(_CLOSE)  # 64 bytes are 88 characters of base64


class GatewayKey:
    """An Ed25519 key in the state folder. ``public`` is its public half in base64."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sealed(self, topic: str, payload: bytes) -> bytes:
        """The JSON object ``payload`` with the signature over its topic and bytes as its last member."""
        signature = base64.b64encode(self._key.sign(topic.encode() + b"\n" + payload))
        return payload[:-1] + _OPEN + signature + _CLOSE


def gateway_key(state: Path) -> GatewayKey:
    """The key in the state folder, made where there is none.

    Raises:
        SettingsError: the file is no key, others can read it, or it cannot be written.
    """
    path = state / FILE_NAME
    if not path.exists():
        try:
            write_whole(path, base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()) + b"\n", 0o600)
        except OSError as error:
            raise SettingsError(f"{path}: cannot be written ({error.strerror}), make its folder writable") from None
    try:
        return GatewayKey(base64.b64decode(secret_lines(path)[0], validate=True))
    except ValueError:
        raise SettingsError(f"{path}: is no key, remove it and a new one is made") from None


def unsealed(topic: str, payload: bytes, public: bytes) -> bytes | None:
    """The object without its signature; None where it has none of ``public`` for this topic."""
    head, tail = payload[:-_TAIL] + b"}", payload[-_TAIL:]
    if not tail.startswith(_OPEN) or not tail.endswith(_CLOSE):
        return None
    try:
        signature = base64.b64decode(tail[len(_OPEN) : -len(_CLOSE)], validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, topic.encode() + b"\n" + head)
    except (InvalidSignature, ValueError):
        return None
    return head


def cosigned(note: str, name: str, key_id: bytes, public: bytes) -> bool:
    """Whether a signed note carries this witness's cosignature (C2SP cosignature/v1)."""
    body, gap, tail = note.rpartition("\n\n")
    for line in tail.splitlines() if gap else ():
        try:
            raw = base64.b64decode(line.removeprefix(f"— {name} "), validate=True)
            if raw[:4] != key_id or len(raw) != 76:
                continue
            signed = f"cosignature/v1\ntime {int.from_bytes(raw[4:12], 'big')}\n{body}\n".encode()
            Ed25519PublicKey.from_public_bytes(public).verify(raw[12:], signed)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False

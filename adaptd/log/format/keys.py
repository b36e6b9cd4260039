"""Ed25519: signing, checking, and the key files. The old key of an epoch is overwritten once the new one is on record.

Signatures are those of RFC 8032 through the ``cryptography`` package. Overwriting a file does not reliably erase flash cells;
it does keep the key out of reach of anyone who later reads the file system.
"""

import base64
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from adaptd.log.format import note

if TYPE_CHECKING:  # loaded where a signature is made or checked: who only reads a log is not kept waiting for it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_MARK = "adaptd-key-1"


class KeyFileError(ValueError):
    """A key file cannot be read. The text says what is wrong with it."""


class Signer:
    """One private key with the name it signs under and its epoch."""

    def __init__(self, name: str, seed: bytes, epoch: int = 0) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        note.check_name(name)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        self.name = name
        self.epoch = epoch
        self.public = self._key.public_key().public_bytes_raw()
        self._key_id = note.key_id(name, note.ED25519, self.public)

    @classmethod
    def generate(cls, name: str | None = None, epoch: int = 0) -> "Signer":
        """A fresh key from the system's random source; without a name the log is named after the key."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.generate()
        return cls(name or f"adaptd/{key.public_key().public_bytes_raw().hex()[:12]}", key.private_bytes_raw(), epoch)

    @property
    def verifier_key(self) -> note.VerifierKey:
        return note.VerifierKey(self.name, note.ED25519, self.public)

    def sign(self, body: str) -> str:
        """Return the signed note of ``body``."""
        return note.signed(body, note.Signature(self.name, self._key_id, self._key.sign(body.encode())))

    def sign_bytes(self, message: bytes) -> bytes:
        """The bare 64-byte signature of ``message``."""
        return self._key.sign(message)

    def to_file(self) -> bytes:
        """The private key file: one line with mark, epoch, name and seed."""
        return f"{_MARK} {self.epoch} {self.name} {base64.b64encode(self._seed).decode()}\n".encode()

    @classmethod
    def from_file(cls, data: bytes) -> "Signer":
        """Read a private key file; raises KeyFileError."""
        try:
            mark, epoch, name, seed = data.decode("ascii").strip("\n\x00").split(" ")
            number = int(epoch) if mark == _MARK else -1
            if number < 0:
                raise KeyFileError("not a key file of adaptd")
            return cls(name, note.unbase64(seed), number)
        except (KeyFileError, note.NoteError) as error:
            raise KeyFileError(str(error)) from None
        except ValueError:  # undecodable text, another number of words, a seed of another length
            raise KeyFileError("not a key file of adaptd") from None


@lru_cache(maxsize=16_384)  # a fleet's server hears as many boxes
def _public(public: bytes) -> "Ed25519PublicKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(public)


def signature_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` over ``message`` was made by the private half of ``public``."""
    from cryptography.exceptions import InvalidSignature

    try:
        _public(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def note_holds(signed: note.Note, key: note.VerifierKey) -> bool:
    """Whether the note carries a good signature of ``key``, and only good ones under its name and key ID."""
    mine = [one for one in signed.signatures if one.name == key.name and one.key_id == key.key_id]
    return bool(mine) and all(signature_holds(key.public, one.data, signed.body.encode()) for one in mine)


def cosignature_time(signed: note.Note, witness: note.VerifierKey) -> int | None:
    """The time stamp in seconds under which ``witness`` cosigned the note, or None if it did not."""
    for one in signed.signatures:
        if one.name != witness.name or one.key_id != witness.key_id or len(one.data) != 72:
            continue
        time_s = int.from_bytes(one.data[:8], "big")
        if signature_holds(witness.public, one.data[8:], note.cosigned_message(signed.body, time_s)):
            return time_s
    return None


def fingerprint(text: str) -> str:
    """The first 16 hex digits of SHA-256 over a public key's text, in fours: short enough to read out on the telephone."""
    digits = sha256(text.strip().encode()).hexdigest()[:16]
    return " ".join(digits[at : at + 4] for at in range(0, 16, 4))

"""Signed notes and tlog checkpoints, as text: C2SP signed-note, tlog-checkpoint and tlog-cosignature. No key is handled here.

A note is a body ending in a newline, an empty line, and one line per signature:
em dash, space, key name, space, base64(4-byte key ID, signature), newline.
"""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256

ED25519 = 0x01
COSIGNATURE = 0x04  # timestamped Ed25519 cosignature of a witness, C2SP tlog-cosignature
MAX_SIGNATURES = 32
MAX_NOTE = 16_384
MAX_NAME = 96

_DASH = "— "


class NoteError(ValueError):
    """The text is not a well-formed signed note, checkpoint or key. The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who says it, by which key, and the bytes."""

    name: str
    key_id: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A body with its signatures. Nothing is verified yet."""

    body: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint body says: the tree of the first ``size`` records of the log ``origin`` has this root."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name, as in the text form ``name+hash+base64(type, key)``."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.kind, self.public)


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The first 4 bytes of SHA-256(name, newline, signature type, public key)."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def check_name(name: str) -> None:
    """Raise NoteError unless ``name`` can stand in a signature line of a head slot."""
    if not name or len(name) > MAX_NAME or not name.isascii() or any(mark in name for mark in "+ \t") or not name.isprintable():
        raise NoteError(f"{name!r:.120} cannot name a log: 1 to {MAX_NAME} printable ASCII characters, without space and plus")


def unbase64(text: str) -> bytes:
    """Decode standard base64 strictly: only the text that encoding would give back is accepted."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise NoteError(f"{text[:40]!r} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise NoteError(f"{text[:40]!r} is not base64 in its only form")
    return data


def verifier_key_text(key: VerifierKey) -> str:
    """The text form of a public key, one line without newline."""
    return f"{key.name}+{key.key_id.hex()}+{base64.b64encode(bytes([key.kind]) + key.public).decode()}"


def parse_verifier_key(text: str) -> VerifierKey:
    """Read ``name+hash+base64``; raises NoteError for another type of key or a hash that does not fit."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise NoteError("a public key reads name+hash+base64")
    data = unbase64(parts[2])
    if len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
        raise NoteError("the public key is not an Ed25519 key")
    check_name(parts[0])
    key = VerifierKey(parts[0], data[0], data[1:])
    if key.key_id.hex() != parts[1]:
        raise NoteError("the hash inside the public key does not fit the key")
    return key


def checkpoint_body(origin: str, size: int, root: bytes) -> str:
    """The body of a tlog-checkpoint note."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def parse_checkpoint(body: str) -> Checkpoint:
    """Read a checkpoint body; extension lines are refused, because this log writes none."""
    lines = body.split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteError("a checkpoint has three lines: origin, size, root")
    if not (lines[1].isascii() and lines[1].isdigit()) or len(lines[1]) > 16 or str(int(lines[1])) != lines[1]:
        raise NoteError("the size of a checkpoint is a decimal number")
    root = unbase64(lines[2])
    if len(root) != 32:
        raise NoteError("the root of a checkpoint has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def signed(body: str, signature: Signature) -> str:
    """The note of ``body`` with one signature."""
    return f"{body}\n{signature_line(signature)}"


def signature_line(signature: Signature) -> str:
    """One signature line, with its newline."""
    return f"{_DASH}{signature.name} {base64.b64encode(signature.key_id + signature.data).decode()}\n"


def parse_note(text: str) -> Note:
    """Split a note into body and signatures; raises NoteError unless every character has its place."""
    if len(text) > MAX_NOTE or any(char < " " and char != "\n" for char in text):
        raise NoteError("a note is short text without control characters")
    body, gap, tail = text.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise NoteError("a note ends in signature lines after an empty line")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"more than {MAX_SIGNATURES} signatures")
    return Note(body + "\n", tuple(_parse_signature(line) for line in lines))


def _parse_signature(line: str) -> Signature:
    name, space, data = line.removeprefix(_DASH).partition(" ")
    raw = unbase64(data)
    if not line.startswith(_DASH) or not space or not name or len(raw) < 5:
        raise NoteError("a signature line reads: em dash, name, base64")
    return Signature(name, raw[:4], raw[4:])


def cosigned_message(body: str, time_s: int) -> bytes:
    """What a witness signs: C2SP cosignature/v1 over the whole body and its own time stamp."""
    return f"cosignature/v1\ntime {time_s}\n{body}".encode()

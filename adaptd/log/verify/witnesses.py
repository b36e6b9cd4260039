"""What a C2SP witness (tlog-witness, ``add-checkpoint``) and a time stamp authority are asked, and what their answers are worth.

Queries of RFC 3161 are over SHA-256, in DER by hand: TimeStampReq ::= SEQUENCE { version 1, MessageImprint, nonce,
certReq TRUE }, some fifty bytes of one fixed shape. Of a reply the least is checked here; its signature is openssl's to check.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from adaptd.log.format import note
from adaptd.log.format.keys import cosignature_time
from adaptd.log.verify.headline import moment

MAX_LINES = 8
_SHA256 = bytes.fromhex("300d06096086480165030402010500")  # AlgorithmIdentifier: SHA-256, NULL
_TOKEN = bytes.fromhex("060b2a864886f70d0109100104")  # id-ct-TSTInfo: what a granted reply carries
GRANTED = (0, 1)  # PKIStatus: granted, grantedWithMods


class Refused(ValueError):  # noqa: N818 - the witness's answer is refused, nothing else is wrong
    """The answer of a witness cannot be used. One line."""


def request(old: int, proof: Sequence[bytes], text: str) -> bytes:
    """The body of the request: the size that the witness knows, a consistency proof from there, and the checkpoint note."""
    lines = [f"old {old}", *[base64.b64encode(one).decode() for one in proof], ""]
    return ("\n".join(lines) + "\n" + text).encode()


def cosigned(text: str, answer: bytes, key: note.VerifierKey | None) -> tuple[str, str]:
    """The note with the witness's signature lines behind its own, and when it was cosigned, in words.

    Raises:
        Refused: the answer holds no signature lines, or not one that holds under ``key``.
    """
    try:
        lines = answer.decode()
        if not lines.endswith("\n") or not 0 < lines.count("\n") <= MAX_LINES:
            raise Refused("answered without signature lines")
        together = text + lines
        signed = note.parse_note(together)
    except (UnicodeDecodeError, note.NoteError) as error:
        raise Refused(f"answered what is no signature ({error})") from None
    if key is None:
        return together, ", not checked under a key (give --witness-key)"
    time_s = cosignature_time(signed, key)
    if time_s is None:
        raise Refused(f"its signature does not hold under the key of {key.name}")
    return together, f" at {moment(time_s * 1000)}"


class StampError(ValueError):
    """A reply is not the time stamp that was asked for. One line."""


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked: the query in DER, the hash it is about, and the number that ties a reply to it."""

    der: bytes
    digest: bytes
    nonce: bytes


def query(data: bytes, random: bytes) -> Query:
    """A query for a time stamp over ``data``; ``random``: 8 fresh bytes."""
    digest = sha256(data).digest()
    number = b"\x02" + _sized((b"\x00" + random).lstrip(b"\x00") or b"\x00", pad=True)
    imprint = b"\x30" + _sized(_SHA256 + b"\x04" + _sized(digest))
    return Query(b"\x30" + _sized(b"\x02\x01\x01" + imprint + number + b"\x01\x01\xff"), digest, number)


def check_reply(reply: bytes, asked: Query) -> None:
    """Raise StampError unless the authority granted a stamp over this hash, in answer to this query."""
    body = _content(reply, 0x30)
    status = _content(_content(body, 0x30), 0x02)
    if int.from_bytes(status, "big") not in GRANTED:
        raise StampError(f"the authority refused (status {int.from_bytes(status, 'big')})")
    if _TOKEN not in body or b"\x04" + _sized(asked.digest) not in body or asked.nonce not in body:
        raise StampError("the reply is not about this checkpoint")


def _sized(content: bytes, *, pad: bool = False) -> bytes:
    """Length and content of a short element; an INTEGER is padded so that it stays positive."""
    content = b"\x00" + content if pad and content[0] & 0x80 else content
    return bytes([len(content)]) + content


def _content(data: bytes, tag: int) -> bytes:
    """The content of the element that ``data`` begins with."""
    if len(data) < 2 or data[0] != tag:
        raise StampError("the reply is no time stamp reply")
    length, at = data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    if len(data) < at + length:
        raise StampError("the reply is cut off")
    return data[at : at + length]

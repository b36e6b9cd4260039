"""Time stamp queries of RFC 3161 over SHA-256, and the least that a reply must say; its signature is checked by openssl.

DER by hand: TimeStampReq ::= SEQUENCE { version 1, MessageImprint, nonce, certReq TRUE }, some fifty bytes of one fixed shape.
"""

from dataclasses import dataclass
from hashlib import sha256

_SHA256 = bytes.fromhex("300d06096086480165030402010500")  # AlgorithmIdentifier: SHA-256, NULL
_TOKEN = bytes.fromhex("060b2a864886f70d0109100104")  # id-ct-TSTInfo: what a granted reply carries
GRANTED = (0, 1)  # PKIStatus: granted, grantedWithMods


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

"""What a C2SP witness (tlog-witness, ``add-checkpoint``) and a time stamp authority are asked, and what their answers are worth.

Queries of RFC 3161 are over SHA-256, in DER by hand: TimeStampReq ::= SEQUENCE { version 1, MessageImprint, nonce,
certReq TRUE }, some fifty bytes of one fixed shape. Of a reply the least is checked here; its signature is openssl's to check.

A witness wants a consistency proof between two sizes of a log (RFC 6962 section 2.1.2). All that lies left of the older size is
in the compact range there, which the header of its segment holds: so only the segments from that one on are read, however long
the log is. Nothing is judged here; a wrong proof convinces nobody.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from adaptd.base.folder import MAX_SEGMENT, read_plain
from adaptd.log.format import note
from adaptd.log.format.keys import cosignature_time
from adaptd.log.format.segment import Header, HeaderError, first_line, parse_header
from adaptd.log.format.tree import CompactRange
from adaptd.log.verify.headline import moment
from adaptd.log.verify.reader import segment_files

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


class ProofError(ValueError):
    """The log does not hold what the proof needs. One line."""


def consistency(folder: Path, old: int, new: int) -> list[bytes]:
    """The hashes that prove that the first ``old`` records are the beginning of the first ``new``; none where either is trivial.

    Raises:
        ProofError: those records are not there, or were pruned.
        OSError: a segment cannot be read.
    """
    if old in (0, new):
        return []
    wanted = _wanted(old, 0, new, whole=True)
    grown = {span: CompactRange() for span in wanted if span[0] >= old}
    known: dict[tuple[int, int], bytes] = {}
    tree: CompactRange | None = None
    for header, lines in _segments(folder, old):
        if tree is None:
            tree = CompactRange(header.first, header.peaks)
        for line in lines:
            if tree.size == old:
                known = _peaks(tree)
            if tree.size >= new:
                break
            for (first, end), inner in grown.items():
                if first <= tree.size < end:
                    inner.append(line)
            tree.append(line)
    if tree is None or tree.size < new:
        raise ProofError(f"{folder}: does not hold records {old} to {new - 1}")
    known |= {span: inner.root() for span, inner in grown.items()}
    missing = [span for span in wanted if span not in known]
    if missing:
        raise ProofError(f"{folder}: holds no hash over records {missing[0][0]} to {missing[0][1] - 1}")
    return [known[span] for span in wanted]


def _segments(folder: Path, old: int) -> list[tuple[Header, list[bytes]]]:
    """The segments from the one that holds record ``old`` on, each with its records' lines."""
    found: list[tuple[Header, list[bytes]]] = []
    for path in reversed(segment_files(folder)):
        head, *lines = read_plain(path, MAX_SEGMENT).rstrip(b"\0").split(b"\n")
        try:
            header = parse_header(first_line(head + b"\n"))[0]
        except HeaderError:
            continue
        following = found[0][0].first if found else header.first + len(lines)
        found.insert(0, (header, [line for line in lines if line][: following - header.first]))
        if header.first <= old:
            break
    return found


def _wanted(old: int, first: int, end: int, *, whole: bool) -> list[tuple[int, int]]:
    """The ranges of records whose roots make the proof, in its order: SUBPROOF of RFC 6962 over ``[first, end)``."""
    size = end - first
    if old == size:
        return [] if whole else [(first, end)]
    half = 1 << (size - 1).bit_length() - 1
    if old <= half:
        return [*_wanted(old, first, first + half, whole=whole), (first + half, end)]
    return [*_wanted(old - half, first + half, end, whole=False), (first, first + half)]


def _peaks(tree: CompactRange) -> dict[tuple[int, int], bytes]:
    """The roots of a compact range by the records that they cover."""
    found, first = {}, 0
    sizes = [1 << bit for bit in reversed(range(tree.size.bit_length())) if tree.size >> bit & 1]
    for size, peak in zip(sizes, tree.peaks, strict=True):
        found[first, first + size] = peak
        first += size
    return found

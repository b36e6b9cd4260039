"""A consistency proof between two sizes of a log (RFC 6962 section 2.1.2): what a witness asks for before it cosigns.

All that lies left of the older size is in the compact range there, which the header of its segment holds: so only the segments
from that one on are read, however long the log is. Nothing is judged here; a wrong proof convinces nobody.
"""

from pathlib import Path

from adaptd.base.folder import MAX_SEGMENT, read_plain
from adaptd.log.format.segment import Header, HeaderError, first_line, parse_header
from adaptd.log.format.tree import CompactRange
from adaptd.log.verify.reader import segment_files


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

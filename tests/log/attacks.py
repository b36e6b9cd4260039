"""What someone with the folder and no key can do to a log, as functions from the pristine files to the damaged ones.

A log is held in memory as ``{file name: bytes}``. Every attack says which record is the first that is not as it was.
"""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
Files = dict[str, bytes]


def second_verifier() -> ModuleType:
    """The single-file verifier, imported from tools/."""
    if "verify_audit" not in sys.modules:
        spec = importlib.util.spec_from_file_location("verify_audit", ROOT / "tools" / "verify_audit.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["verify_audit"] = module
        spec.loader.exec_module(module)
    return sys.modules["verify_audit"]


def read_files(folder: Path) -> Files:
    """The public files of a log."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in ("lock", "reserve")
    }


class Bench:
    """A folder in which one log after the other is put, writing only what changed."""

    def __init__(self, folder: Path, pristine: Files) -> None:
        self.folder, self.pristine = folder, pristine
        folder.mkdir(parents=True, exist_ok=True)
        self._held: Files = {}
        self.put(pristine)

    def put(self, files: Files) -> Path:
        """Make the folder hold exactly ``files``."""
        for name in self._held.keys() - files.keys():
            (self.folder / name).unlink()
        for name, data in files.items():
            if self._held.get(name) != data:
                (self.folder / name).write_bytes(data)
        self._held = dict(files)
        return self.folder


@dataclass(frozen=True)
class Line:
    """One line of one segment: where it stands, and the record whose loss it would be."""

    name: str
    start: int
    end: int  # behind the newline
    seq: int
    header: bool


def segments(files: Files) -> list[str]:
    return sorted(name for name in files if name.endswith(".log"))


def lines(files: Files) -> list[Line]:
    """Every line of every segment in order."""
    found, seq = [], 0
    for name in segments(files):
        at = 0
        for number, line in enumerate(files[name].split(b"\n")[:-1]):
            found.append(Line(name, at, at + len(line) + 1, seq, number == 0))
            at += len(line) + 1
            seq += number > 0
    return found


def seq_at(files: Files, name: str, offset: int) -> int:
    """The record that a change of the byte at ``offset`` damages first."""
    for line in lines(files):
        if line.name == name and line.start <= offset < line.end:
            return line.seq
    raise ValueError(f"{name} has no byte {offset}")


def flipped(files: Files, name: str, bit: int) -> Files:
    """One bit of one file turned over."""
    data = bytearray(files[name])
    data[bit // 8] ^= 1 << bit % 8
    return {**files, name: bytes(data)}


def _with(files: Files, name: str, start: int, end: int, middle: bytes) -> Files:
    data = files[name]
    return {**files, name: data[:start] + middle + data[end:]}


def deletions(files: Files) -> Iterator[tuple[int, Files]]:
    """Each line removed."""
    for line in lines(files):
        yield line.seq, _with(files, line.name, line.start, line.end, b"")


def duplications(files: Files) -> Iterator[tuple[int, Files]]:
    """Each line written twice; a doubled header damages the record behind it, a doubled record the next one."""
    for line in lines(files):
        text = files[line.name][line.start : line.end]
        yield line.seq + (not line.header), _with(files, line.name, line.end, line.end, text)


def neighbour_swaps(files: Files) -> Iterator[tuple[int, Files]]:
    """Each line and the next one of the same segment in the other order."""
    found = lines(files)
    for one, two in pairwise(found):
        if one.name == two.name:
            data = files[one.name]
            yield one.seq, _with(files, one.name, one.start, two.end, data[two.start : two.end] + data[one.start : one.end])


def truncations(files: Files, step: int = 1) -> Iterator[tuple[int, Files]]:
    """The last segment cut at every ``step``-th byte, and every later segment with it for the earlier ones."""
    names = segments(files)
    for at, name in enumerate(names):
        kept = {other: data for other, data in files.items() if other not in names[at + 1 :]}
        for end in range(0, len(files[name]) - (at + 1 == len(names)) + 1, step):
            if at + 1 == len(names) and end == len(files[name]):
                continue
            whole = files[name][:end].count(b"\n")
            first = next(line.seq for line in lines(files) if line.name == name)
            yield first + max(0, whole - 1), {**kept, name: files[name][:end]}


def segment_attacks(files: Files) -> Iterator[tuple[int, Files]]:
    """Segments removed (all but as a rollback), exchanged, copied over one another, and given another number."""
    names = segments(files)
    first = {name: next(line.seq for line in lines(files) if line.name == name) for name in names}
    for at, name in enumerate(names):
        yield first[name], {other: data for other, data in files.items() if other != name}
        for other in names[at + 1 :]:
            yield first[name], {**files, name: files[other], other: files[name]}
            yield first[name], {**files, name: files[other]}
            yield first[other], {**files, other: files[name]}


def splices(files: Files, foreign: Files, random: Random, count: int) -> Iterator[tuple[int, Files]]:
    """Single lines of another log of the same device put in the place of lines of this one."""
    own, other = lines(files), lines(foreign)
    for _ in range(count):
        mine = random.choice(own)
        theirs = random.choice([line for line in other if line.header == mine.header])
        text = foreign[theirs.name][theirs.start : theirs.end]
        if text == files[mine.name][mine.start : mine.end]:
            continue
        yield mine.seq, _with(files, mine.name, mine.start, mine.end, text)


def foreign_headers(files: Files, foreign: Files) -> Iterator[tuple[int, Files]]:
    """Each header replaced by each one of another log of the same device, well signed as they are."""
    theirs = [foreign[line.name][line.start : line.end] for line in lines(foreign) if line.header]
    for mine in lines(files):
        for text in theirs if mine.header else ():
            if text != files[mine.name][mine.start : mine.end]:
                yield mine.seq, _with(files, mine.name, mine.start, mine.end, text)


def grafts(files: Files, foreign: Files) -> Iterator[tuple[int, Files]]:
    """From each record of a segment on, everything replaced by what the other log has from there on: a fork without its head."""
    for line in lines(files):
        theirs = [other for other in lines(foreign) if (other.seq, other.header) == (line.seq, line.header)]
        if theirs and not line.header:
            tail = foreign[theirs[0].name][theirs[0].start :]
            if tail != files[line.name][line.start :]:
                yield line.seq, _with(files, line.name, line.start, len(files[line.name]), tail)


def random_damage(files: Files, random: Random) -> Files:
    """One or two arbitrary changes: flips, cuts, insertions, copies within and between files, of any file of the log."""
    damaged = dict(files)
    while damaged == files:
        for _ in range(random.choice((1, 1, 1, 2))):
            name = random.choice(sorted(files))
            damaged[name] = _changed(damaged[name], damaged[random.choice(sorted(files))], random)
    return damaged


def _changed(data: bytes, source: bytes, random: Random) -> bytes:
    """``data`` with one arbitrary change, possibly with bytes of ``source``."""
    if not data:
        return source
    at, end = sorted((random.randrange(len(data) + 1), random.randrange(len(data) + 1)))
    end = min(end, at + random.choice((1, 8, 64, 512, 100_000)))
    kind = random.randrange(7)
    if kind == 0:
        return flipped({"": data}, "", random.randrange(len(data) * 8))[""]
    if kind == 1:
        return data[:at] + data[end:]
    if kind == 2:
        return data[:at] + data[at:end] + data[at:]
    if kind == 3:
        return data[:at] + random.randbytes(end - at) + data[end:]
    if kind == 4:
        return data[:at] + source[at:end] + data[end:]
    if kind == 5:
        return data[:at]
    text = data.split(b"\n")
    one, two = random.randrange(len(text)), random.randrange(len(text))
    text[one], text[two] = text[two], text[one]
    return b"\n".join(text)

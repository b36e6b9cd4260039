"""What is read beside the daemon: new signed checkpoints in the log's segments, for others to hold, and the fitted twin.

A segment is a header line, then one JSON record a line, then zeros. Only lines of kind ``checkpoint`` are parsed; a segment that
goes away while it is read (pruning) is passed over. Nothing is verified here: a checkpoint carries its own signature.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from adaptd.gateway.mqtt.growth import segment_names
from adaptd.gateway.mqtt.watch import MustArrive
from adaptd.gateway.outbox import TWIN
from adaptd.gateway.spool import read_object, read_plain

MARK = b'"kind":"checkpoint"'
CHUNK_BYTES = 4 << 20
MAX_NOTE = 16_384
FILE = "twin.json"
TEXTS = ("typical", "policy", "profile")
MOST_BYTES = 49_152  # all of it together, so that a message of 64 kB holds it


class Checkpoint(NamedTuple):
    """One checkpoint record: the log's name, how many records it covers, when it was made (UTC), and the signed note."""

    origin: str
    size: int
    seq: int
    utc_ms: int
    note: str

    @property
    def key(self) -> str:
        return f"checkpoint:{self.origin}:{self.size}"

    def words(self, box: str) -> dict[str, Any]:
        """What is published; ``note`` is what `adaptd audit verify --witness` takes as a file."""
        return {
            "box": box,
            "origin": self.origin,
            "records": self.size,
            "record": self.seq,
            "made_utc_ms": self.utc_ms,
            "note": self.note,
        }


class CheckpointReader:
    """Remembers how far it has read. The first look takes the newest checkpoint alone: it covers those before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._segment = ""
        self._offset = 0

    def new(self) -> list[Checkpoint]:
        """The checkpoints since the last call, in order.

        Raises:
            OSError: the folder cannot be listed (another user's, or not there).
        """
        names = segment_names(self.folder)
        if not self._segment:
            return [one for name in names[-2:] for one in self._read(name, 0)][-1:]
        fresh = [name for name in names if name >= self._segment]
        return [one for name in fresh for one in self._read(name, self._offset if name == self._segment else 0)]

    def _read(self, name: str, offset: int) -> list[Checkpoint]:
        """Whole lines from ``offset`` to the end of what is written; the place is remembered."""
        found: list[Checkpoint] = []
        try:
            with (self.folder / name).open("rb") as file:
                file.seek(offset)
                while lines := _whole_lines(file.read(CHUNK_BYTES)):
                    found += [one for line in lines.split(b"\n") if MARK in line and (one := parse(line)) is not None]
                    offset += len(lines)
                    file.seek(offset)
        except OSError:
            return found
        self._segment, self._offset = name, offset
        return found


def _whole_lines(data: bytes) -> bytes:
    """Up to the last newline before the zeros of unused space."""
    written = data.partition(b"\0")[0]
    return written[: written.rfind(b"\n") + 1]


def parse(line: bytes) -> Checkpoint | None:
    """The checkpoint of a record's line; None where it is none, or its note has not three lines of body and a signature."""
    try:
        record = json.loads(line)
        note = record["note"]
        if record["kind"] != "checkpoint" or not isinstance(note, str) or len(note) > MAX_NOTE:
            return None
        origin, size, root, gap, signature = note.split("\n", 4)
        if gap or not root or not signature.strip():
            return None
        return Checkpoint(origin, int(size), int(record["seq"]), int(record["utc_ms"]), note)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


class TwinReader:
    """The fitted twin of this box, if its owner had one made: ``DIR.twin`` beside the log ``DIR``, read when it is another.

    What leaves is what `adaptd twin fit` wrote: estimates with their errors, counts of frames that were compared and differed,
    the pattern of a day (room, load and light), the policy and the profile. No picture, and no day by itself.
    """

    def __init__(self, box: str, say: Callable[[str], None]) -> None:
        self._box, self._say = box, say
        self._seen: tuple[Path, int, int] | None = None

    def new(self, log: Path) -> list[MustArrive]:
        """The message of a twin that was not seen before; a damaged or an overlong one is said once and passed over."""
        folder = log.with_name(f"{log.name}.twin")
        try:
            status = (folder / FILE).lstat()
        except OSError:
            return []
        seen = (folder, status.st_mtime_ns, status.st_ino)
        if seen == self._seen:
            return []
        self._seen = seen
        try:
            plain = read_object(folder / FILE, MOST_BYTES)
            texts = {name: read_plain(folder / f"{name}.yaml", MOST_BYTES).decode() for name in TEXTS}
        except (OSError, ValueError, TypeError, RecursionError) as error:
            self._say(f"fleet: {folder}: is not sent, it cannot be read ({error}), make it again with `adaptd twin fit`")
            return []
        body = {"box": self._box, "twin": plain, **texts}
        digest = sha256(repr(sorted(body.items())).encode()).hexdigest()[:16]
        length = status.st_size + sum(map(len, texts.values()))
        if length > MOST_BYTES:
            self._say(f"fleet: {folder}: is not sent, it has {length} bytes and a message takes {MOST_BYTES}")
            return []
        return [MustArrive(TWIN, f"twin:{self._box}:{digest}", body)]

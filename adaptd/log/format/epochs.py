"""Key epochs: the old key signs the new one over the root so far, the hand-over goes on record, then the old key is erased.

Epochs advance by record count and at every start, never by wall time. The private key lives in a folder of its own.
"""

import base64
import contextlib
from dataclasses import dataclass
from pathlib import Path

from adaptd.log.format import note
from adaptd.log.format.keys import KeyFileError, Signer
from adaptd.log.format.store import Store

KEY_FILE = "epoch.key"
NEXT_FILE = "epoch.key.next"
PUBLIC_FILE = "log.pub"
PRIVATE_FOLDER = "private"

_BODY = "adaptd epoch"

HANDOVERS_FILE = "handovers"


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the old key says: from record ``seq`` on, whose tree so far has ``root``, ``public`` is the key of ``epoch``."""

    origin: str
    epoch: int
    seq: int
    root: bytes
    public: bytes

    @property
    def body(self) -> str:
        root, public = base64.b64encode(self.root).decode(), base64.b64encode(self.public).decode()
        return f"{_BODY}\n{self.origin}\n{self.epoch}\n{self.seq}\n{root}\n{public}\n"


def parse_hand_over(body: str) -> HandOver:
    """Read the body of a hand-over note; raises NoteError."""
    try:
        _, origin, epoch, seq, root, public, _ = body.split("\n")
        found = HandOver(origin, int(epoch), int(seq), note.unbase64(root), note.unbase64(public))
    except ValueError:
        raise note.NoteError("not a hand-over") from None
    if found.body != body or len(found.root) != 32 or len(found.public) != 32:
        raise note.NoteError("not a hand-over")
    return found


class KeyFolder:
    """The private key of the current epoch, and the next one while a hand-over is under way."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    def beside(cls, log: Path) -> "KeyFolder":
        """The folder ``private`` inside a log folder."""
        return cls(Store(log / PRIVATE_FOLDER))

    def load(self) -> Signer | None:
        """The current key, or None where there is none; raises KeyFileError for a file that is no key."""
        return self._load(KEY_FILE)

    def create(self, name: str | None = None) -> Signer:
        """A root key (epoch 0), durable when this returns; raises FileExistsError rather than replace one."""
        self._store.make_folder(0o700)
        if KEY_FILE in self._store.names():
            raise FileExistsError(f"{self._store.folder / KEY_FILE} exists")
        signer = Signer.generate(name)
        self._store.write_file(KEY_FILE, signer.to_file(), secret=True)
        return signer

    def prepare(self, old: Signer) -> Signer:
        """The key of the next epoch, durable beside the old one."""
        self.hold(old)
        signer = Signer.generate(old.name, old.epoch + 1)
        self.discard()
        self._store.write_file(NEXT_FILE, signer.to_file(), secret=True)
        return signer

    def advance(self, new: Signer) -> None:
        """Put the next key in the old one's place, after the old one's bytes were overwritten."""
        if self._bytes(NEXT_FILE) != new.to_file():
            self.hold(new)
            return
        with contextlib.suppress(FileNotFoundError):
            self._store.erase(KEY_FILE)
        self._store.rename(NEXT_FILE, KEY_FILE)
        self._store.sync_folder()

    def discard(self) -> None:
        """Forget a next key that was never handed over to."""
        with contextlib.suppress(FileNotFoundError):
            self._store.erase(NEXT_FILE)

    def hold(self, current: Signer, following: Signer | None = None) -> None:
        """Make sure that the files hold these keys, also where the whole folder was lost under a running writer."""
        self._store.make_folder(0o700)
        for name, signer in ((NEXT_FILE, following), (KEY_FILE, current)):
            if signer is not None and self._bytes(name) != signer.to_file():
                self._store.write_file(name, signer.to_file(), secret=True)

    def settle(self, epoch: int, public: bytes) -> Signer | None:
        """The key that the log names as current, finishing or forgetting a hand-over that a crash cut short."""
        current, following = self._try(KEY_FILE), self._try(NEXT_FILE)
        if following is not None and (following.epoch, following.public) == (epoch, public):
            self.advance(following)
            return following
        if current is not None and (current.epoch, current.public) == (epoch, public):
            self.discard()
            return current
        return None

    def _bytes(self, name: str) -> bytes | None:
        try:
            return self._store.read(name)
        except FileNotFoundError:
            return None

    def _try(self, name: str) -> Signer | None:
        try:
            return self._load(name)
        except KeyFileError:
            return None

    def _load(self, name: str) -> Signer | None:
        data = self._bytes(name)
        return None if data is None else Signer.from_file(data)

"""Which pack a box runs: the one that is on trial, the one that was kept, or none, which is the owner's own files.

A folder holds each installed pack under the start of its hash, signed file included, and ``state.json``. A pack on trial is
counted at every start; one that was not kept after ``TRIES`` starts, or that may not run here, makes way for the one before it.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

from adaptd.config.errors import ConfigError
from adaptd.packs.form import Pack, parse_pack, read_bytes
from adaptd.packs.install import Place, differences, install

STATE, SIGNED = "state.json", "signed.pack"
TRIES = 3
NAME_DIGITS = 16


@dataclass(frozen=True, slots=True)
class State:
    """Packs by their SHA-256; empty is none. ``running`` is what the last start took; ``refused`` was set aside, and ``why``."""

    chosen: str = ""
    kept: bool = False
    before: str = ""
    starts: int = 0
    running: str = ""
    refused: str = ""
    why: str = ""


class Slot:
    """The packs of one box. Only one process changes it at a time: the start of a run, or a command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def state(self) -> State:
        """What holds; nothing chosen where the file is missing or damaged."""
        try:
            return State(**json.loads((self.folder / STATE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return State()

    def place(self, digest: str) -> Path:
        """Where an installed pack lies."""
        return self.folder / digest[:NAME_DIGITS]

    def take(self, path: Path, key: Path, here: Place, digest: str = "") -> str:
        """Check the pack in ``path`` and install it beside the others, on trial from the next start on; its SHA-256.

        Raises:
            ConfigError: it is not the one that was announced, not signed by the owner's key, or not for this machine.
        """
        data = read_bytes(path)
        found = sha256(data).hexdigest()
        if digest and found != digest:
            raise ConfigError(f"{path}: is not the pack that was announced, fetch it again")
        pack, target = parse_pack(data, str(path), key), self.place(found)
        if not (target / SIGNED).exists():
            shutil.rmtree(target, ignore_errors=True)
            install(pack, target, here)
            (target / SIGNED).write_bytes(data)
        now = self.state
        before = now.chosen if now.kept else now.before
        self._write(State(chosen=found, before="" if before == found else before, running=now.running))
        self._tidy({found, before})
        return found

    def begin(self) -> str:
        """The pack that this start is to run; one that was started ``TRIES`` times without being kept makes way.

        Where nothing can be written down (a full disk), a trial cannot be counted and only what was kept runs.
        """
        now = self.state
        try:
            if now.chosen and not now.kept and now.starts >= TRIES:
                self.back(f"it was started {now.starts} times and nobody found it good")
                now = self.state
            self._write(replace(now, starts=now.starts + 1, running=now.chosen))
        except ConfigError:
            return now.chosen if now.kept else ""
        return now.chosen

    def checked(self, digest: str, key: Path, here: Place) -> Pack:
        """The installed pack, once more: its signature, every byte of its files, board, power mode and runtime.

        Raises:
            ConfigError: something does not hold.
        """
        place = self.place(digest)
        data = read_bytes(place / SIGNED)
        if sha256(data).hexdigest() != digest:
            raise ConfigError(f"{place}: does not hold the pack that was chosen, take it again")
        pack = parse_pack(data, str(place / SIGNED), key)
        for name, inside in pack.files.items():
            if read_bytes(place / name) != inside:
                raise ConfigError(f"{place / name}: is not the file that was signed, take the pack again")
        if other := differences(pack.manifest.get("measured_on") or {}, here):
            raise ConfigError(*other)
        return pack

    def keep(self, digest: str) -> bool:
        """The pack on trial is good; False where another is chosen."""
        now = self.state
        if now.chosen != digest or not digest:
            return False
        self._write(replace(now, kept=True))
        return True

    def back(self, why: str) -> None:
        """The pack before the one that is chosen, or the owner's own files, from the next start on."""
        now = self.state
        self._write(State(chosen=now.before, kept=bool(now.before), running=now.running, refused=now.chosen, why=why[:300]))

    def _write(self, state: State) -> None:
        draft = self.folder / f".{STATE}.{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(asdict(state)) + "\n", encoding="utf-8")
            draft.replace(self.folder / STATE)
        except OSError as error:
            raise ConfigError(f"{self.folder}: cannot be written ({error.strerror}), name another folder") from None

    def _tidy(self, wanted: set[str]) -> None:
        """Remove packs that nothing leads to any more."""
        names = {digest[:NAME_DIGITS] for digest in wanted}
        for place in self.folder.glob("[0-9a-f]" * NAME_DIGITS):
            if place.name not in names:
                shutil.rmtree(place, ignore_errors=True)

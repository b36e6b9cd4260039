"""`adaptd fleet serve`: hear, judge, write, acknowledge, answer. Killed at any moment it goes on where it was."""

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from adaptd.fleet import rollout, store, wire
from adaptd.fleet.broker import BrokerAt
from adaptd.fleet.desk import Answer, Begun, Desk
from adaptd.fleet.keeper import Keeper
from adaptd.fleet.link import Delivery, Link
from adaptd.fleet.verify import Verifier
from adaptd.log.format.keys import KeyFileError, Signer
from adaptd.log.format.note import COSIGNATURE, VerifierKey, verifier_key_text
from adaptd.log.format.store import Store

KEY_FILE, PUBLIC_FILE = "fleet.key", "fleet.pub"
MAX_BATCH = 4_000
WAIT_S, OFFERS_S, FULL_DISK_S = 0.2, 0.5, 5.0
TELL_S = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator asked for."""

    broker: BrokerAt
    folder: Path
    export_s: float = 60.0
    helpers: int = 1


class Server:
    """One server; ``run`` returns when ``stop`` is set."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.stop = threading.Event()
        self._database = store.connect(options.folder)
        self.signer = load_signer(options.folder)
        self._verifier = Verifier(options.helpers)
        self.desk = Desk(self._database, self.signer, self._verifier)
        self._link = Link(options.broker, tell)
        self._told: dict[int, tuple[int, rollout.State]] = {}
        self._offers_s = self._tell_s = 0.0
        self._ahead: tuple[list[Delivery], Begun] | None = None

    def run(self) -> int:
        """Serve; 0 when told to stop, 1 where the lake is no longer written."""
        keeper = Keeper(self._options.folder, self._options.export_s)
        self._link.start()
        try:
            while not self.stop.is_set() and keeper.alive:
                self._round()
            if not self.stop.is_set():
                tell("the process that writes the lake has ended: so does the server, start it again")
                return 1
        finally:
            self.stop.set()
            self._link.stop()
            keeper.close()
            self._verifier.close()
            self._database.close()
        return 0

    def _round(self) -> None:
        """Hear the next batch and have its signatures checked, and meanwhile write the one before it."""
        deliveries = self._link.take(MAX_BATCH, 0.0 if self._ahead else WAIT_S)
        ahead, self._ahead = self._ahead, (deliveries, self.desk.begin([one.heard for one in deliveries])) if deliveries else None
        if ahead is not None:
            self._write(*ahead)
        now_s = time.monotonic()
        if now_s - self._offers_s > OFFERS_S:
            self._offers_s = now_s
            self._offer()
        if now_s - self._tell_s > TELL_S:
            self._tell_s = now_s
            counts = self.desk.counts
            tell(
                f"{counts.taken} summaries, {counts.checkpoints} checkpoints witnessed, {counts.repeats} repeats, "
                f"{counts.aside} put aside, {counts.alarms} alarms since the start"
            )

    def _write(self, deliveries: list[Delivery], begun: Begun) -> None:
        """Write a batch, then acknowledge it; a full disk is tried again until it is free or the server is told to stop."""
        while not self.stop.is_set():
            try:
                answers = self.desk.process(begun)
            except store.StoreError as error:
                tell(str(error))
                self.stop.wait(FULL_DISK_S)
                continue
            self._link.acknowledge(deliveries)
            for answer in answers:
                self._link.publish(answer)
            return

    def _offer(self) -> None:
        """Carry roll-outs on; at a new connection everything that holds is offered again."""
        if self._link.fresh.is_set():
            self._link.fresh.clear()
            self._told.clear()
        try:
            with store.change(self._database) as database:
                due = rollout.offers_due(database, self._told)
        except store.StoreError as error:
            tell(str(error))
            return
        for topic, words in due:
            self._link.publish(Answer(topic, wire.sealed(topic, words, self.signer)))


def load_signer(folder: Path) -> Signer:
    """The server's key, made where there is none; the public half lies beside it.

    Raises:
        StoreError: the file is no key or cannot be written.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            made = Signer.generate(f"adaptd-fleet/{os.urandom(4).hex()}")
            Store(folder).write_file(KEY_FILE, made.to_file(), secret=True)
        signer = Signer.from_file(path.read_bytes())
        public = VerifierKey(signer.name, COSIGNATURE, signer.public)
        (folder / PUBLIC_FILE).write_text(verifier_key_text(public) + "\n")
        Store(folder).sync_folder()
    except (OSError, KeyFileError) as error:
        raise store.StoreError(f"{path}: cannot be used ({error}), mend it or restore it from a copy") from None
    return signer


def tell(words: str) -> None:
    """One line for the operator."""
    print(f"fleet: {words}", file=sys.stderr, flush=True)  # noqa: T201 - the operational log


def main(options: Options) -> int:
    """Serve until SIGTERM or SIGINT."""
    server = Server(options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop.set())
    boxes = len(store.names(store.connect(options.folder)))
    tell(f"{boxes} boxes known, the lake is {options.folder}, boxes trust {options.folder / PUBLIC_FILE}")
    return server.run()


def enrol(folder: Path, box: str, log_pub: str) -> None:
    """From now on ``box`` is the one whose log has this public key, whatever its name."""
    database = store.connect(folder)
    with store.change(database):
        database.execute("INSERT OR REPLACE INTO enrolled VALUES (?, ?)", (box, log_pub.strip()))
    database.close()

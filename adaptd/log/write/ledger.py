"""The log as its writer sees it: append, commit in groups, checkpoint, hand over keys, and go on in memory while the disk fails.

A record is acknowledged once its bytes and then the head that names it are durable. ``append(durable=True)`` returns after
that, or with ``ok`` false. A sync error is final for its file: unacknowledged records move to another one, byte for byte.
"""

import contextlib
import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adaptd.base.canonical_json import Plain
from adaptd.base.folder import FolderBusyError, FolderLock
from adaptd.log.format import note
from adaptd.log.format.chain import Chain
from adaptd.log.format.epochs import HandOver, KeyFolder
from adaptd.log.format.keys import Signer
from adaptd.log.format.store import Store
from adaptd.log.write.write_budget import Wear
from adaptd.log.write.writer import Writer, has_reserve

MAX_RETRY_US = 30_000_000


class NotRecordedError(RuntimeError):
    """The disk has failed for so long that the memory for unwritten records is used up; this record was not taken."""


@dataclass(frozen=True, slots=True)
class LedgerLimits:
    """Sizes and times of a log. A periodic record waits ``group_us`` to ``window_us`` until it is durable, as wear allows."""

    segment_bytes: int = 8 << 20
    chunk_bytes: int = 256 << 10
    reserve_bytes: int = 256 << 10
    pending_bytes: int = 128 << 10
    memory_bytes: int = 4 << 20
    group_us: int = 1_000_000
    window_us: int = 60_000_000
    silence_us: int = 180_000_000
    checkpoint_records: int = 1024
    epoch_records: int = 4096
    wear_budget_mb: int = 80
    slow_us: int = 2_000_000
    retry_us: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Heads:
    """Where the log stands: records made, records acknowledged, size of the last checkpoint, and what fails if anything does."""

    seq: int
    acknowledged: int
    checkpoint_seq: int
    degraded: str | None


class Ledger:
    """One writer of one folder, made by ``opening.open_ledger``. Every method belongs to the same thread."""

    def __init__(
        self,
        store: Store,
        keys: KeyFolder,
        signer: Signer,
        *,
        mono_us: Callable[[], int],
        utc_ms: Callable[[], int],
        limits: LedgerLimits,
    ) -> None:
        self._store, self._keys = store, keys
        self._mono, self._utc, self.limits = mono_us, utc_ms, limits
        self._chain = Chain()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._wear = Wear(limits.wear_budget_mb, mono_us(), shortest_us=limits.group_us, longest_us=limits.window_us)
        self._writer = Writer(store, signer, chunk=limits.chunk_bytes, reserve=limits.reserve_bytes, billed=self._bill)
        self._checkpoint_size = self._epoch_size = self._most_waiting = self._unrecorded = 0
        self._degraded: str | None = None
        self._retry_at = self._retry_us = self._last_mono = 0
        self._heir: tuple[int, Signer] | None = None  # the key that the record of this number hands over to
        self.lock: FolderLock | None = None
        self.boot = 0

    @property
    def folder(self) -> Path:
        return self._store.folder

    @property
    def ok(self) -> bool:
        """Whether records become durable. While this is false nothing bolder than the reference may run."""
        return self._degraded is None

    @property
    def heads(self) -> Heads:
        return Heads(self._chain.size, self._writer.acknowledged.size, self._checkpoint_size, self._degraded)

    @property
    def signer(self) -> Signer:
        return self._writer.signer

    @property
    def written_bytes(self) -> int:
        """Bytes billed against the wear budget since this writer began."""
        return self._wear.written

    @property
    def over_budget(self) -> bool:
        """Whether records come faster than the wear budget allows even in the coarsest groups."""
        return self._wear.over

    @property
    def rotation_due(self) -> bool:
        """Whether the next record should begin a segment: the caller rotates and writes what a segment begins with."""
        return self._writer.length + self._pending_bytes >= self.limits.segment_bytes

    def resume(self, chain: Chain, boot: int, *, segment: int, length: int, turn: int, stale: bool) -> None:
        """Continue a log that was found on disk."""
        self._chain, self.boot = chain.copy(), boot
        self._checkpoint_size = self._epoch_size = chain.size
        self._writer.resume(chain.copy(), segment, length, turn, stale=stale)

    def prepare(self) -> None:
        """Make the files that must exist before the first record; raises OSError."""
        self._writer.prepare()
        self._writer.begin()

    def append(self, kind: str, fields: dict[str, Plain], *, durable: bool = False, mono_us: int | None = None) -> int:
        """Add a record and return its number; with ``durable`` it is acknowledged on return, or ``ok`` is false.

        ``mono_us`` (default: now) is raised to the last record's where it lies before it. Raises NotRecordedError.
        """
        now_us = self._mono()
        if self._degraded is not None and self._pending_bytes > self.limits.memory_bytes and not self._retry(now_us):
            self._unrecorded += 1
            raise NotRecordedError(f"{self._store.folder}: {self._degraded}; memory for unwritten records is used up")
        seq = self._chain.size
        self._add(kind, fields, now_us if mono_us is None else mono_us)
        if durable or self._pending_bytes >= self.limits.pending_bytes or self._wear.due(self._pending_bytes, now_us):
            self._commit(now_us)
            self._keep_up()
        if self._writer.length >= 2 * self.limits.segment_bytes:
            self.rotate()
        return seq

    @property
    def silent_us(self) -> int:
        """Time since the last record."""
        return self._mono() - self._last_mono

    def next_mono_us(self, mono_us: int) -> int:
        """The ``mono_us`` that a record made at this time would carry."""
        return max(mono_us, self._last_mono)

    def idle(self) -> None:
        """Commit what waits if it is due, and try a failed disk again if it is time to."""
        now_us = self._mono()
        if self._pending and self._wear.due(self._pending_bytes, now_us):
            self._commit(now_us)
            self._keep_up()

    def sync(self) -> bool:
        """Acknowledge every record made so far; False if the disk does not allow it."""
        self._commit(self._mono())
        return not self._pending

    def checkpoint(self) -> None:
        """Acknowledge everything, then add a checkpoint over it. Only durable records are ever signed for."""
        if not self.sync() or self._checkpoint_size == self._chain.size:
            return
        chain = self._writer.acknowledged
        body = note.checkpoint_body(self.signer.name, chain.size, chain.tree.root())
        window: dict[str, Plain] = {"records": self._most_waiting, "us": self.limits.window_us}
        self._add("checkpoint", {"note": self.signer.sign(body), "window": window, "written": self._wear.written}, self._mono())
        self._checkpoint_size, self._most_waiting = chain.size + 1, 0

    def hand_over(self) -> None:
        """Begin the next key epoch: sign the new key with the old one, record it durably, then erase the old one."""
        if self._heir is not None or not self.sync():
            return
        old, chain = self.signer, self._writer.acknowledged
        try:
            new = self._keys.prepare(old)
        except OSError:
            return
        body = HandOver(old.name, new.epoch, chain.size, chain.tree.root(), new.public).body
        self._heir = (chain.size, new)
        self._add("epoch", {"epoch": new.epoch, "note": old.sign(body)}, self._mono())
        self.sync()

    def rotate(self) -> None:
        """Acknowledge everything and begin the next segment."""
        if self.sync():
            self.checkpoint()
            self._guarded(self._writer.end_segment)
            self._commit(self._mono())

    def close(self, fields: dict[str, Plain] | None = None) -> None:
        """Record the stop, sign it, cut the segment to its length and let go of the folder."""
        self._retry_at = 0
        self._add("stop", fields or {}, self._mono())
        self.checkpoint()
        if self.sync():
            self._guarded(self._writer.close)
        else:
            self._writer.give_up()
        if self.lock is not None:
            self.lock.release()

    def abandon(self) -> None:
        """Let go of every file as a killed process would."""
        self._writer.let_go()
        if self.lock is not None:
            self.lock.release()

    def _add(self, kind: str, fields: dict[str, Plain], mono_us: int) -> None:
        self._last_mono = max(mono_us, self._last_mono)
        line = self._chain.write(self.boot, kind, self._last_mono, self._utc(), fields) + b"\n"
        self._pending.append(line)
        self._pending_bytes += len(line)

    def _keep_up(self) -> None:
        """The periodic duties that follow a commit: checkpoints and key epochs by record count."""
        if self._degraded is None and self._chain.size - self._epoch_size >= self.limits.epoch_records:
            self.hand_over()
        if self._degraded is None and self._chain.size - self._checkpoint_size >= self.limits.checkpoint_records:
            self.checkpoint()

    def _commit(self, now_us: int) -> None:
        if self._degraded is not None:
            self._retry(now_us)
        elif self._pending:
            self._most_waiting = max(self._most_waiting, len(self._pending))
            if self._guarded(self._write_pending):
                self._judge_speed(now_us)

    def _write_pending(self) -> None:
        try:
            self._writer.commit(self._pending, self._chain)
        finally:
            self._adopt_heir()
        self._pending.clear()
        self._pending_bytes = 0

    def _adopt_heir(self) -> None:
        """Once its hand-over is durable, the new key signs whatever comes after it, and the old one is erased."""
        if self._heir is None or self._writer.durable.size <= self._heir[0]:
            return
        (self._epoch_size, new), self._heir = self._heir, None
        self._writer.signer = new
        with contextlib.suppress(OSError):  # the next hand-over or the next start finishes what is left of it
            self._keys.advance(new)

    def _guarded(self, write: Callable[[], None]) -> bool:
        """Run one piece of disk work; an OSError begins the degraded state."""
        try:
            write()
        except OSError as error:
            self._fail(error)
            return False
        return True

    def _judge_speed(self, began_us: int) -> None:
        """A commit that took too long degrades the log like an error, until one is fast again."""
        took_us = self._mono() - began_us
        if took_us >= self.limits.slow_us:
            self.begin_degraded(f"a commit took {took_us // 1000} ms")

    def _fail(self, error: OSError) -> None:
        """Put what is unacknowledged, and word of the failure, into the reserve, or behind a new head if only that failed."""
        self.begin_degraded(f"{error.strerror or error}")
        with contextlib.suppress(OSError):
            if self._writer.is_open:
                self._write_pending()
            elif has_reserve(self._store):
                self._writer.begin_in_reserve()
                self._write_pending()
                self._writer.give_up()  # the reserve is for this alone; more waits in memory for a disk that works

    def begin_degraded(self, reason: str) -> None:
        """Records no longer become durable, for this reason; the disk is tried again now and then."""
        if self._degraded is None:
            self._degraded, self._retry_us = reason, self.limits.retry_us
            self._add(
                "degraded", {"acknowledged": self._writer.acknowledged.size, "reason": reason, "state": "begun"}, self._mono()
            )
        self._retry_at = self._mono() + self._retry_us

    def _retry(self, now_us: int) -> bool:
        """Try to leave the degraded state: fresh files, everything unwritten, then word of the recovery."""
        if now_us < self._retry_at:
            return False
        try:
            self._store.make_folder()
            self._hold_lock()
            self._keys.hold(self.signer, self._heir[1] if self._heir is not None else None)
            self._writer.prepare()
            self._write_pending()
            self._add("degraded", {"state": "over", "unrecorded": self._unrecorded}, self._mono())
            self._write_pending()
        except OSError:
            self._retry_us = min(2 * self._retry_us, MAX_RETRY_US)
            self._retry_at = now_us + self._retry_us
            return False
        if self._mono() - now_us >= self.limits.slow_us:
            self._retry_at = self._mono() + self._retry_us
            return False
        self._degraded, self._unrecorded = None, 0
        return True

    def _hold_lock(self) -> None:
        """Lock the folder anew where it was taken away under this writer; OSError where another one has or had it."""
        if self.lock is None or self.lock.holds:
            return
        try:
            lock = self._store.lock()
        except FolderBusyError as error:
            raise OSError(errno.EBUSY, str(error)) from None
        if not self._writer.goes_on():
            lock.release()
            raise OSError(errno.EEXIST, "another log was begun in this folder")
        self.lock.release()
        self.lock = lock

    def _bill(self, offset: int, length: int) -> None:
        self._wear.bill(offset, length, self._mono(), blocks=1)

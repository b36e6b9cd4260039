"""The durable side of the log: the segment being written and the head file. It acknowledges; it never retries."""

import contextlib
from collections.abc import Callable

from adaptd.log.format.chain import Chain
from adaptd.log.format.head import FILE_BYTES, HEAD_FILE, SLOT_BYTES, LogHead, newest, offset_of, parse_head, slot_bytes
from adaptd.log.format.keys import Signer
from adaptd.log.format.segment import RESERVE_FILE, Header, SegmentFile, make_reserve, segment_name, segment_number
from adaptd.log.format.store import Store


class Writer:
    """Writes lines behind ``durable``, then the head that acknowledges them. A file that fails is given up; OSError passes on.

    What is durable but not yet acknowledged is never cut off: a head that names it may have reached the disk.
    """

    def __init__(self, store: Store, signer: Signer, *, chunk: int, reserve: int, billed: Callable[[int, int], None]) -> None:
        self.store, self.signer = store, signer
        self._chunk, self._reserve, self._billed = chunk, reserve, billed
        self.acknowledged = self.durable = Chain()
        self.last_segment, self.last_bytes, self.stale = -1, 0, False
        self._segment: SegmentFile | None = None
        self._head_fd: int | None = None
        self._turn = 0

    @property
    def length(self) -> int:
        """Bytes in the open segment, 0 without one."""
        return self._segment.length if self._segment is not None else 0

    @property
    def is_open(self) -> bool:
        """Whether a segment is open."""
        return self._segment is not None

    def resume(self, found: Chain, segment: int, last_bytes: int, turn: int, *, stale: bool) -> None:
        """Continue a log found on disk, in a new segment."""
        self.acknowledged = self.durable = found
        self.last_segment, self.last_bytes = segment, last_bytes
        self.stale, self._turn = stale, turn

    def prepare(self) -> None:
        """Make the reserve and the head file where they are missing; a new head says what is acknowledged now."""
        make_reserve(self.store, self._reserve)
        there = HEAD_FILE in self.store.names()
        if not there:
            self._drop_head()
        if self._head_fd is None:
            if there and self._turn:
                self._head_fd = self.store.open(HEAD_FILE)
            else:
                self._new_head()

    def goes_on(self) -> bool:
        """Whether the folder holds nothing, or what this writer acknowledged last."""
        names = self.store.names()
        head = newest(parse_head(self.store.read(HEAD_FILE))) if HEAD_FILE in names else None
        if head is None:
            return not any(segment_number(name) is not None for name in names)
        return (head.origin, head.size, head.last) == (self.signer.name, self.acknowledged.size, self.acknowledged.last)

    def begin(self) -> None:
        """Open the next segment; what it continues is durable and signed in its header."""
        assert self._segment is None
        line = self._header().line(self.signer)
        self._segment = SegmentFile.create(
            self.store, self.last_segment + 1, line, chunk=self._chunk, billed=lambda n: self._billed(0, n)
        )
        self._began()

    def begin_in_reserve(self) -> None:
        """Open the next segment in the space kept for a full disk."""
        assert self._segment is None
        line = self._header().line(self.signer)
        self._segment = SegmentFile.from_reserve(self.store, self.last_segment + 1, line, room=self._reserve)
        self._began()

    def commit(self, lines: list[bytes], chain: Chain) -> None:
        """Make ``lines``, all that is not acknowledged, and then the head that names them durable: ``chain`` is acknowledged."""
        waiting = lines[self.durable.size - self.acknowledged.size :]
        if waiting:
            self._append(b"".join(waiting), chain)
        try:
            self._write_head(chain)
        except OSError:
            self._drop_head()
            raise
        self.acknowledged = self.durable

    def _append(self, data: bytes, chain: Chain) -> None:
        if self._segment is None:
            self.begin()
        assert self._segment is not None
        offset = self._segment.length
        try:
            self._segment.append(data)
            self._segment.sync()
        except OSError:
            self.give_up()
            raise
        self.durable, self.last_bytes = chain.copy(), self._segment.length
        self._billed(offset, len(data))

    def end_segment(self) -> None:
        """Cut the open segment to its length and close it."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        try:
            segment.finish()
        except OSError:
            self.stale = not self._cut()
            raise

    def give_up(self) -> None:
        """Never use the open segment again. What it holds beyond the durable is cut off if the disk lets it."""
        if self._segment is not None:
            self._segment.abandon()
            self._segment = None
        self.stale = self.last_segment >= 0 and not self._cut()

    def close(self) -> None:
        """Write the second slot too, so that any later change of either is seen, and close the files."""
        self._write_head(self.acknowledged)
        self.end_segment()
        self._drop_head()

    def let_go(self) -> None:
        """Close every file without another write, as the end of the process would."""
        if self._segment is not None:
            self._segment.abandon()
            self._segment = None
        self._drop_head()

    def _cut(self) -> bool:
        try:
            fd = self.store.open(segment_name(self.last_segment))
            try:
                self.store.truncate(fd, self.last_bytes)
                self.store.sync(fd)
            finally:
                self.store.close(fd)
        except OSError:
            return False
        return True

    def _began(self) -> None:
        assert self._segment is not None
        self.last_segment += 1
        self.last_bytes, self.stale = self._segment.length, False

    def _header(self) -> Header:
        chain, signer = self.durable, self.signer
        return Header(
            origin=signer.name, segment=self.last_segment + 1, first=chain.size, prev=chain.last, peaks=chain.tree.peaks,
            epoch=signer.epoch, key=signer.public, before=self.last_bytes, stale=self.stale,
        )  # fmt: skip

    def _write_head(self, chain: Chain) -> None:
        if self._head_fd is None:
            self._new_head()
        assert self._head_fd is not None
        self._turn += 1
        self.store.write(self._head_fd, slot_bytes(self._head(chain), self.signer), offset_of(self._turn))
        self.store.sync(self._head_fd)

    def _drop_head(self) -> None:
        """The head file failed or is no longer needed: the next head is a new file."""
        fd, self._head_fd, self._turn = self._head_fd, None, 0  # forgotten first: a number that was closed may be given again
        if fd is not None:
            with contextlib.suppress(OSError):
                self.store.close(fd)

    def _new_head(self) -> None:
        """A fresh head file with both slots, in place of a missing or failed one."""
        slots = b""
        for turn in (0, 1):
            self._turn = turn
            slots += slot_bytes(self._head(self.acknowledged), self.signer)
        assert len(slots) == FILE_BYTES == 2 * SLOT_BYTES
        self.store.write_file(HEAD_FILE, slots)
        self._head_fd = self.store.open(HEAD_FILE)

    def _head(self, chain: Chain) -> LogHead:
        return LogHead(self.signer.name, self._turn, chain.size, chain.tree.root(), chain.last)


def has_reserve(store: Store) -> bool:
    """Whether the space for a full disk is still unused."""
    return RESERVE_FILE in store.names()

"""The receiving end of ``adaptd.worker.push``: frames that an application pushes through shared memory."""

import contextlib
import fcntl
import mmap
import os
import select
import socket
import struct
from typing import Any

import numpy as np

from adaptd.base import unix_socket as unix
from adaptd.base.clock import WaitingClock
from adaptd.protocol.source_spec import SourceError
from adaptd.worker.push import FRAME, HELLO, MAGIC, MARK, MAX_SIDE, ORDERS, SLOT_HEADER, VERSION
from adaptd.worker.sources.base import FrameSource

PATIENCE_S = 0.1
MAX_SLOTS = 16
MAX_HANDLES = 4
MAX_BYTES = 1 << 30


class PushFeed:
    """One connected application: its memory, mapped for reading only.

    Raises:
        ValueError: the greeting is not one, or the memory is not what it says or could be cut under our feet.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        greeting, handles = _receive_greeting(connection)
        try:
            magic, version, code, self.width, self.height, self.slots = HELLO.unpack(greeting)
            channels = dict(ORDERS.values()).get(code, 0)
            self.order = code
            self.shape = (self.height, self.width, channels)
            self.stride = SLOT_HEADER + self.width * self.height * channels
            size = self.stride * self.slots
            fits = (
                0 < self.width <= MAX_SIDE and 0 < self.height <= MAX_SIDE and 0 < self.slots <= MAX_SLOTS and size <= MAX_BYTES
            )
            if magic != MAGIC or version != VERSION or not channels or not fits or len(handles) != 1:
                raise ValueError("the greeting is not one of adaptd.worker.push")
            if not fcntl.fcntl(handles[0], fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK or os.fstat(handles[0]).st_size < size:
                raise ValueError("the memory is too small or not sealed against shrinking")
            self.memory = mmap.mmap(handles[0], size, prot=mmap.PROT_READ)
        except (struct.error, OSError) as error:
            raise ValueError(str(error)) from None
        finally:
            for handle in handles:
                os.close(handle)

    def newest(self) -> tuple[int, int, int] | None:
        """Number, stamp (CLOCK_MONOTONIC, us) and slot of the newest frame announced; None where there is none.

        Raises:
            ConnectionError: the application is gone or talks nonsense.
        """
        found = None
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self.connection.recv(FRAME.size + 1)
                if len(packet) != FRAME.size:
                    raise ConnectionError("the application has gone")
                seq, stamp_us, slot = FRAME.unpack(packet)
                if slot >= self.slots:
                    raise ConnectionError("the application names a slot it does not have")
                found = (seq, stamp_us, slot)
        return found

    def read(self, seq: int, slot: int) -> Any | None:
        """A copy of the pixels; None where the application has written over them meanwhile."""
        start = slot * self.stride
        if MARK.unpack_from(self.memory, start)[0] != 2 * seq:
            return None
        count = self.stride - SLOT_HEADER
        image = np.frombuffer(self.memory, np.uint8, count, start + SLOT_HEADER).reshape(self.shape).copy()
        return image if MARK.unpack_from(self.memory, start)[0] == 2 * seq else None

    def close(self) -> None:
        self.connection.close()
        if hasattr(self, "memory"):
            self.memory.close()


class PushSource(FrameSource):
    """Listens at ``path``; the newest application to connect is the one that is heard."""

    def __init__(self, path: str, clock: WaitingClock) -> None:
        self.name = f"push:{path}"
        self.mfps: int | None = None
        self._path = path
        self._clock = clock
        self._listener: socket.socket | None = None
        self._feed: PushFeed | None = None
        self._image: Any = None

    def open(self) -> None:
        try:
            self._listener = unix.listen(self._path, socket.SOCK_SEQPACKET)
        except unix.SocketError as error:
            raise SourceError(str(error)) from None

    def advance(self) -> bool:
        while self._clock.wait_until(self._clock.now_us()):
            assert self._listener is not None
            waiting: list[socket.socket] = [self._listener] + ([self._feed.connection] if self._feed else [])
            ready, _, _ = select.select(waiting, [], [], PATIENCE_S)
            if self._listener in ready:
                self._welcome()
            elif ready and self._fetch():
                return True
        return False

    def picture(self) -> Any:
        assert self._feed is not None
        if self._feed.order == 0:
            return self._image
        if self._feed.order == 1:
            return np.ascontiguousarray(self._image[..., ::-1])
        return np.repeat(self._image, 3, axis=2)

    def close(self) -> None:
        self._drop()
        if self._listener is not None:
            unix.unlisten(self._listener, self._path)
            self._listener = None

    def _fetch(self) -> bool:
        assert self._feed is not None
        try:
            found = self._feed.newest()
        except OSError:
            self._drop()
            return False
        self._image = None
        if found is not None:
            seq, stamp_us, slot = found
            self._image = self._feed.read(seq, slot)
            self.tag = f',"sent_seq":{seq},"sent_us":{stamp_us}'
        return self._image is not None

    def _welcome(self) -> None:
        assert self._listener is not None
        with contextlib.suppress(OSError, ValueError):
            connection, _ = self._listener.accept()
            try:
                feed = PushFeed(connection)
            except (OSError, ValueError):
                connection.close()
                raise
            self._drop()
            self._feed = feed

    def _drop(self) -> None:
        if self._feed is not None:
            self._feed.close()
            self._feed = None


def _receive_greeting(connection: socket.socket) -> tuple[bytes, list[int]]:
    connection.settimeout(PATIENCE_S)
    greeting, handles, _, _ = socket.recv_fds(connection, HELLO.size + 1, MAX_HANDLES)
    connection.setblocking(False)
    return greeting, handles

"""Frames from your own application: hand each one to ``FramePusher.push`` and start adaptd with ``--source push:SOCKET``.

    from adaptd.worker.push import FramePusher

    with FramePusher("/run/adaptd/frames.sock", width=640, height=480) as pusher:
        while True:
            pusher.push(camera.read())        # any contiguous buffer of height x width x 3 bytes

Pixels go through memory that both processes share, a small packet says where they are, and ``push`` never blocks: where the
worker is not there or too slow the frame is lost and ``push`` says so; it connects again by itself. Linux only (memfd).

The protocol, for applications in other languages: a SOCK_SEQPACKET Unix socket; the first packet is ``HELLO`` with the memory's
descriptor (SCM_RIGHTS, sealed against shrinking); each frame is a ``FRAME`` packet naming a slot of ``SLOT_HEADER + pixels``
bytes, whose first 8 bytes are ``2 * seq + 1`` while it is written and ``2 * seq`` when it is whole.
"""

import contextlib
import fcntl
import mmap
import os
import socket
import struct
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from typing_extensions import Self

HELLO = struct.Struct("<4sHHIII")  # magic, version, pixel order, width, height, slots
FRAME = struct.Struct("<QQI")  # seq, CLOCK_MONOTONIC in us, slot
MARK = struct.Struct("<Q")
MAGIC, VERSION = b"ADPF", 1
SLOT_HEADER = 64
ORDERS = {"bgr": (0, 3), "rgb": (1, 3), "gray": (2, 1)}
SLOTS = 4
MAX_SIDE = 16_384
RETRY_S = 0.5


class FramePusher:
    """One camera of yours: ``width`` x ``height`` pixels of one byte a channel, in the order ``bgr``, ``rgb`` or ``gray``."""

    def __init__(self, path: str, width: int, height: int, order: str = "bgr") -> None:
        if order not in ORDERS or not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
            raise ValueError(f"{width} x {height} {order}: sides of 1 to {MAX_SIDE} and one of {', '.join(ORDERS)} can be pushed")
        code, channels = ORDERS[order]
        self._path = path
        self._hello = HELLO.pack(MAGIC, VERSION, code, width, height, SLOTS)
        self._size = width * height * channels
        self._stride = SLOT_HEADER + self._size
        self._seq = 0
        self._socket: socket.socket | None = None
        self._retry_at = 0.0
        self._handle = os.memfd_create("adaptd-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self._handle, self._stride * SLOTS)
        fcntl.fcntl(self._handle, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        self._memory = mmap.mmap(self._handle, self._stride * SLOTS)

    @property
    def connected(self) -> bool:
        """Whether a worker takes the frames, as far as is known."""
        return self._socket is not None

    def push(self, frame: "ReadableBuffer") -> bool:
        """Hand over one frame; False where no worker took it.

        Raises:
            ValueError: the buffer is not contiguous or has another size than width x height x channels.
        """
        pixels = memoryview(frame)
        if not pixels.c_contiguous or pixels.nbytes != self._size:
            raise ValueError(f"a frame of {pixels.nbytes} bytes, contiguous ones of {self._size} are pushed")
        if self._socket is None and not self._connect():
            return False
        self._seq += 1
        slot = self._seq % SLOTS
        start = slot * self._stride
        MARK.pack_into(self._memory, start, 2 * self._seq + 1)
        self._memory[start + SLOT_HEADER : start + self._stride] = pixels.cast("B")
        MARK.pack_into(self._memory, start, 2 * self._seq)
        return self._announce(slot)

    def close(self) -> None:
        """Give the memory and the connection back. May be called twice."""
        self._disconnect()
        if self._handle >= 0:
            self._memory.close()
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _announce(self, slot: int) -> bool:
        assert self._socket is not None
        try:
            self._socket.send(FRAME.pack(self._seq, time.monotonic_ns() // 1000, slot))
        except BlockingIOError:
            return False
        except OSError:
            self._disconnect()
            return False
        return True

    def _connect(self) -> bool:
        if time.monotonic() < self._retry_at:
            return False
        self._retry_at = time.monotonic() + RETRY_S
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.setblocking(False)
        try:
            connection.connect(self._path)
            socket.send_fds(connection, [self._hello], [self._handle])
        except OSError:
            connection.close()
            return False
        self._socket = connection
        return True

    def _disconnect(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

"""The newest picture as a small JPEG, for whoever asks at a socket of its own: encoded here, and only when somebody asks.

A connection is one picture: its bytes, then the end; where there is none, the end alone. At most one is encoded a second, however
many ask, on a thread of its own, so the frame loop pays nothing for it. Off unless the policy says ``camera: {preview: true}``.
"""

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from typing import Any

from adaptd.base import unix_socket
from adaptd.base.clock import SystemClock

EVERY_US = 1_000_000
WIDTH = 640
QUALITY = 75
NAP_S = 0.2
SEND_S = 2.0
NAME = "preview.sock"

Encode = Callable[[Any], bytes]


class Preview(threading.Thread):
    """Answers at ``path`` with what ``newest`` gives, until the clock stops."""

    def __init__(self, path: str, newest: Callable[[], Any], clock: SystemClock, encode: Encode | None = None) -> None:
        super().__init__(name="preview", daemon=True)
        self._path, self._newest, self._clock = path, newest, clock
        self._encode = encode or jpeg
        self._listener = unix_socket.listen(path)
        self._at_us: int | None = None
        self._picture = b""

    def run(self) -> None:
        """One asker after the other; a slow one is given up after ``SEND_S``."""
        while not self._clock.stopping.is_set():
            if not select.select([self._listener], [], [], NAP_S)[0]:
                continue
            with contextlib.suppress(OSError):
                asker, _ = self._listener.accept()
                with asker:
                    asker.settimeout(SEND_S)
                    asker.sendall(self.picture(self._clock.now_us()))

    def picture(self, now_us: int) -> bytes:
        """The newest picture, encoded anew where the last one is over a second old; empty where there is none."""
        if self._at_us is None or now_us - self._at_us >= EVERY_US:
            image = self._newest()
            self._at_us = now_us
            self._picture = b"" if image is None else self._encode(image)
        return self._picture

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        unix_socket.unlisten(self._listener, self._path)


def jpeg(image: Any) -> bytes:
    """``image`` (height x width x 3, BGR, 8 bits) as JPEG, at most ``WIDTH`` wide; empty where OpenCV is absent or refuses it."""
    try:
        import cv2
    except ImportError:
        return b""
    try:
        height, width = image.shape[:2]
        if width > WIDTH:
            image = cv2.resize(image, (WIDTH, max(1, height * WIDTH // width)), interpolation=cv2.INTER_AREA)
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    except (cv2.error, AttributeError, ValueError):
        return b""
    return bytes(data) if done else b""

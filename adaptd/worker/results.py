"""Results to subscribers: a Unix socket that streams JSON lines. A slow subscriber is dropped, a frame never waits.

    {"frame":17,"class":"eating","score_ppm":981200,"latency_us":4210,"variant":"int8","mono_us":81234567,"shadowed":false}

``shadowed`` is true where the frame was drawn to run on both engines: it is counted already, and a label adds nothing.
With several cameras ``camera`` is the name of the one, and ``camera_frame`` counts its frames: a number that is left out was
dropped. A frame that an application pushed has ``sent_seq`` and ``sent_us``, its sender's own number and stamp.
The first result after each look at the picture (twice a second) carries ``scene``: 8 x 8 mean brightnesses as hexadecimal digits.
Detection adds ``boxes``: class, score_ppm and the corners (left, top, right, bottom) in ppm of the picture's sides.
"""

import json
import socket
import threading

from adaptd.base import unix_socket as unix
from adaptd.vision.answers import Answer

MAX_SUBSCRIBERS = 16
PPM = 1_000_000
_BOOL = ("false", "true")


class Results:
    """The subscribers. ``publish`` is the frame loop's, ``accept`` the link's; an empty ``path`` serves nobody."""

    def __init__(self, path: str, classes: tuple[str, ...], size: tuple[int, int]) -> None:
        self._path = path
        self.listener = unix.listen(path) if path else None  # becomes readable when somebody wants to subscribe
        self._lock = threading.Lock()
        self._subscribers: tuple[socket.socket, ...] = ()
        self._classes = classes
        self._size = size
        self._quoted: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._subscribers)

    def accept(self) -> None:
        """Let in who waits; over MAX_SUBSCRIBERS the newcomer is turned away."""
        assert self.listener is not None
        try:
            newcomer, _ = self.listener.accept()
        except OSError:
            return
        newcomer.setblocking(False)
        with self._lock:
            if len(self._subscribers) < MAX_SUBSCRIBERS:
                self._subscribers = (*self._subscribers, newcomer)
                return
        newcomer.close()

    def publish(
        self, frame: int, answer: Answer, latency_us: int, variant: str, at_us: int, shadowed: bool, tag: str = ""
    ) -> None:
        """Send one result to everybody who takes it at once. ``tag``: further fields as JSON, with a comma before each."""
        if not self._subscribers:
            return
        line = (
            f'{{"frame":{frame},"class":{self._quote(answer.label)},"score_ppm":{answer.score_ppm},"latency_us":{latency_us},'
            f'"variant":{self._quote(variant)},"mono_us":{at_us},"shadowed":{_BOOL[shadowed]}{tag}{self._boxes(answer)}}}\n'
        ).encode("ascii")
        for subscriber in self._subscribers:
            try:
                sent = subscriber.send(line, socket.MSG_NOSIGNAL)
            except OSError:
                sent = -1
            if sent != len(line):
                self._drop(subscriber)

    def close(self) -> None:
        """Send everybody home."""
        with self._lock:
            leaving, self._subscribers = self._subscribers, ()
        for subscriber in leaving:
            subscriber.close()
        if self.listener is not None:
            unix.unlisten(self.listener, self._path)
            self.listener = None

    def _drop(self, subscriber: socket.socket) -> None:
        with self._lock:
            self._subscribers = tuple(other for other in self._subscribers if other is not subscriber)
        subscriber.close()

    def _quote(self, text: str) -> str:
        quoted = self._quoted.get(text)
        if quoted is None:
            quoted = self._quoted[text] = json.dumps(text)
        return quoted

    def _boxes(self, answer: Answer) -> str:
        if answer.rows is None:
            return ""
        height, width = self._size
        found = []
        for left, top, right, bottom, score, kind in answer.rows.tolist():
            sides = ((left, width), (top, height), (right, width), (bottom, height))
            corners = [min(max(int(value * PPM / side), 0), PPM) for value, side in sides]
            found.append([self._classes[min(int(kind), len(self._classes) - 1)], min(int(score * PPM), PPM), *corners])
        return f',"boxes":{json.dumps(found, separators=(",", ":"))}'

"""The local API: HTTP on a Unix socket, mode 0660 in a 0750 folder.

Reads are answered from the board for everyone whom the socket's mode lets in. Changes are for root, the daemon's own user and
the admin group; they are queued for the control loop together with the peer's uid, so that the log names who asked.
Size, time, number of connections and rate are bounded, and a flood is slept off in the accept thread, never in the control loop.
"""

import contextlib
import json
import os
import queue
import socket
import socketserver
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from adaptd.base.unix_socket import foreign_folder
from adaptd.serve.board import Reply, Said, StatusBoard
from adaptd.serve.peer import MAX_REQUEST_BYTES, REQUEST_DEADLINE_S, Limiter, Peer, Seats, may_change, may_push, peer_of

FLOOD_PAUSE_S = 0.02
READ_VERBS = ("/v1/status", "/v1/why", "/v1/metrics", "/v1/health")
_VERBS = "reload reading feedback checkpoint hold budget endurance offer gateway_key restart".split()
CHANGE_VERBS = tuple(f"/v1/{verb}" for verb in _VERBS)
PUSH_VERB = "/v1/reading"
TRIED_VERBS = ("/v1/reload", "/v1/offer")  # a policy is tried first, in a process of its own
REPLY_S, TRIAL_S = 0.7, 2.5  # how long the one who asked waits to hear what became of it, before `pending`


class SocketInUseError(Exception):
    """Another daemon answers on this path, or something else lies there."""


@dataclass(frozen=True, slots=True)
class Change:
    """A request to change something, with the user who made it, and the process and unit where the kernel names them.

    ``reply`` is how the one who asked hears what became of it.
    """

    verb: str
    body: dict[str, Any]
    uid: int
    pid: int = 0
    unit: str = ""
    reply: Reply = field(default_factory=Reply, compare=False)


class Api(socketserver.UnixStreamServer):
    """Serves the board; ``changes`` is what the control loop takes requests from."""

    request_queue_size = 64

    def __init__(
        self,
        path: Path,
        board: StatusBoard,
        renderers: dict[str, Callable[[dict[str, Any]], str]] | None = None,
        *,
        deadline_s: float = REQUEST_DEADLINE_S,
        patience: float = 1.0,
    ) -> None:
        self.path = path
        self.board = board
        self.renderers = renderers or {}
        self._deadline_s, self._patience = deadline_s, patience
        self.refusals: dict[str, Callable[[object, int], str]] = {}
        self.changes: queue.Queue[Change] = queue.Queue(maxsize=64)
        self.limiter = Limiter()
        self._seats = Seats()
        self._open: dict[socket.socket, float] = {}
        self._thread: threading.Thread | None = None
        _make_room(path)
        previous = os.umask(0o117)
        try:
            super().__init__(str(path), _Handler)
        finally:
            os.umask(previous)
        path.chmod(0o660)

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.2}, name="api", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and remove the socket."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join(2)
        self.server_close()
        self.path.unlink(missing_ok=True)

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection. Where none can be taken (no descriptor left) it stays queued: look again, but not at once."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(FLOOD_PAUSE_S)
            raise

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Refuse a user over its rate; the short sleep here is what a flood costs, and it costs only the flood."""
        del client_address
        try:
            uid = peer_of(request).uid
        except OSError:
            return False
        allowed = self.limiter.allow(uid, time.monotonic_ns() // 1000)
        if not allowed:
            time.sleep(FLOOD_PAUSE_S)
        return allowed

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, as many at a time as ``Seats`` allows; one more is closed at once, and one that gets no thread."""
        try:
            uid = peer_of(request).uid
        except OSError:
            self.shutdown_request(request)
            return
        owner = uid in (0, os.getuid())
        if not self._seats.take(uid, owner=owner):
            self.shutdown_request(request)
            return
        try:
            threading.Thread(
                target=self._answer, args=(request, client_address, uid, owner), name="api-request", daemon=True
            ).start()
        except RuntimeError:
            self._seats.leave(uid, owner=owner)
            self.shutdown_request(request)

    def outcome(self, change: Change, request: socket.socket) -> Said:
        """Wait for what becomes of a change; its connection lives on so long."""
        wait_s = self._patience * (TRIAL_S if change.verb in TRIED_VERBS else REPLY_S)
        if request in self._open:
            self._open[request] = time.monotonic() + wait_s + self._deadline_s
        return change.reply.wait(wait_s)

    def service_actions(self) -> None:
        """Hang up on clients that are past their deadline, however slowly they keep talking."""
        for request, deadline_s in list(self._open.items()):
            if time.monotonic() > deadline_s:
                with contextlib.suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def _answer(self, request: socket.socket, client_address: Any, uid: int, owner: bool) -> None:
        self._open[request] = time.monotonic() + self._deadline_s
        try:
            request.settimeout(self._deadline_s)
            self.finish_request(request, client_address)
        except OSError:
            pass  # the client left or was too slow; its connection is closed below
        finally:
            self._open.pop(request, None)
            self.shutdown_request(request)
            self._seats.leave(uid, owner=owner)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is the client's affair, never a traceback."""


def _make_room(path: Path) -> None:
    previous = os.umask(0o027)  # the mode of mkdir is for the last folder alone
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        if foreign := foreign_folder(path.parent):
            raise SocketInUseError(foreign)
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise SocketInUseError(f"{path}: the folder cannot be used ({error.strerror}), choose another --socket") from None
    finally:
        os.umask(previous)
    if not stat.S_ISSOCK(mode):
        raise SocketInUseError(f"{path}: exists and is no socket, remove it or choose another --socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise SocketInUseError(f"{path}: a daemon already answers here, stop it or choose another --socket")


def _length_of(text: str) -> int | None:
    """A body's announced length; None where that is no number, or more than is read."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_REQUEST_BYTES))):
        return None
    return int(text) if int(text) <= MAX_REQUEST_BYTES else None


class _Handler(BaseHTTPRequestHandler):
    """One request, one answer, one connection."""

    server: Api
    server_version = "adaptd"
    sys_version = ""
    timeout = None  # the server has set the request's own

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's signature
        del format, args

    def do_GET(self) -> None:
        """Answer a read from the board."""
        if self.path not in READ_VERBS:
            self._send(404, f"{self.path}: unknown, one of {', '.join(READ_VERBS)} can be read\n")
            return
        now_us = time.monotonic_ns() // 1000
        renderer = self.server.renderers.get(self.path)
        if self.path == "/v1/health":
            well, words = self.server.board.health(now_us)
            self._send(200 if well else 503, words + "\n")
        elif renderer is not None:
            self._send(200, renderer(self.server.board.read(now_us)), "text/plain; charset=utf-8")
        else:
            self._send(200, self.server.board.text(now_us).decode(), "application/json")

    def do_POST(self) -> None:
        """Queue a change for the control loop."""
        peer = peer_of(self.connection)
        raw = self._read_body()
        if raw is None:
            return
        if self.path not in CHANGE_VERBS:
            self._send(404, f"{self.path}: unknown, one of {', '.join(CHANGE_VERBS)} can be asked for\n")
        elif not (may_change(peer, os.getuid()) or (self.path == PUSH_VERB and may_push(peer))):
            self._send(403, f"{self.path}: uid {peer.uid} may not change anything, ask root or join the group adaptd-admin\n")
        else:
            self._queue(peer, raw)

    def _queue(self, peer: Peer, raw: bytes) -> None:
        body = self._parsed(raw)
        if body is None:
            return
        judge = self.server.refusals.get(self.path)  # none: the body is judged by the control loop alone
        if judge is not None and (refused := judge(body, time.monotonic_ns() // 1000)):
            self._send(422, f"{self.path}: {refused}\n")
            return
        change = Change(self.path, body, peer.uid, peer.pid, peer.unit)
        try:
            self.server.changes.put_nowait(change)
        except queue.Full:
            self._send(503, "too many changes are waiting, try again in a second\n")
            return
        said = self.server.outcome(change, self.connection)
        if said.outcome == "refused" and "application/json" not in self.headers.get("Accept", ""):
            self._send(422, f"{self.path}: {said.line()}\n")
            return
        status = {"done": 200, "pending": 202, "refused": 422}[said.outcome]
        self._send(status, json.dumps(said.plain(), sort_keys=True) + "\n", "application/json")

    def _read_body(self) -> bytes | None:
        """The whole body, before anything is answered: who is refused while still talking sees a broken pipe, not the reason."""
        length = _length_of(self.headers.get("Content-Length", "0"))
        if length is None:
            self._send(413, f"the body is larger than {MAX_REQUEST_BYTES} bytes or has no length, send less\n")
            return None
        raw = b""
        while len(raw) < length:
            piece = self.rfile.read1(length - len(raw))
            if not piece:
                return None
            raw += piece
        return raw

    def _parsed(self, raw: bytes) -> dict[str, Any] | None:
        try:
            body = json.loads(raw or b"{}")
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            self._send(400, "the body is no JSON object, send one\n")
            return None
        return body

    def _send(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        payload = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(payload)
        self.close_connection = True

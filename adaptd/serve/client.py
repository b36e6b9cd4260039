"""The client side of the local API: HTTP over the daemon's Unix socket, from the standard library."""

import contextlib
import http.client
import json
import socket
from pathlib import Path
from typing import Any


class ApiError(Exception):
    """The daemon did not answer, or refused. ``str(error)`` is one line with the remedy."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def call(path: Path, method: str, verb: str, body: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bytes:
    """One request; returns the body of a 200 answer.

    Raises:
        ApiError: nobody listens on ``path``, access is denied, or the daemon refused.
    """
    connection = _UnixConnection(path, timeout_s)
    try:
        payload = None if body is None else json.dumps(body).encode()
        # Who is refused unheard finds the pipe broken, and the reason in it.
        with contextlib.suppress(BrokenPipeError):
            connection.request(method, verb, payload, {"Content-Type": "application/json"} if payload else {})
        answer = connection.getresponse()
        text = answer.read(1 << 20)
    except FileNotFoundError:
        raise ApiError(f"{path}: no daemon listens here, start one with `adaptd run` or name its --socket") from None
    except ConnectionRefusedError:
        raise ApiError(f"{path}: the daemon that made this socket is gone, start one with `adaptd run`") from None
    except PermissionError:
        raise ApiError(f"{path}: access denied, join the socket's group or use sudo") from None
    except (OSError, http.client.HTTPException) as error:
        raise ApiError(f"{path}: the daemon did not answer ({error}), try again or look at its log") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise ApiError(f"{path}: {text.decode(errors='replace').strip() or answer.reason}")
    return text


def get_json(path: Path, verb: str) -> dict[str, Any]:
    """A GET whose answer is a JSON object."""
    document = json.loads(call(path, "GET", verb))
    if not isinstance(document, dict):
        raise ApiError(f"{path}: answered something else than an object, is this adaptd's socket?")
    return document

"""What other programs import: status, results and push over the daemon's Unix sockets, from the standard library alone.

status = get_json(default_socket(), "/v1/status")
for result in results(default_socket()):
    print(result["class"], result["variant"])
"""

import contextlib
import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 1 << 20
MAX_PICTURE_BYTES = 4 << 20


def default_socket() -> Path:
    """The service's socket for root, the user's run-time folder otherwise."""
    if os.geteuid() == 0:
        return Path("/run/adaptd/adaptd.sock")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(runtime or f"/tmp/adaptd-{os.geteuid()}") / "adaptd" / "adaptd.sock"  # noqa: S108 - a folder of mode 0750


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


def results(path: Path, timeout_s: float | None = None) -> Iterator[dict[str, Any]]:
    """Every result of the worker from now on, one dictionary a frame, until it stops or the subscriber is too slow for it.

    ``path`` is the daemon's socket; results come from ``results.sock`` beside it. ``timeout_s`` bounds the wait for one result.

    Raises:
        ApiError: nobody serves results there, or none came within ``timeout_s``.
    """
    place = path.parent / "results.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(timeout_s)
        try:
            stream.connect(str(place))
            with stream.makefile("rb") as lines:
                while line := lines.readline(MAX_LINE_BYTES):
                    yield json.loads(line)
        except TimeoutError:
            raise ApiError(f"{place}: no result within {timeout_s} s, look at `adaptd status`") from None
        except OSError as error:
            raise ApiError(f"{place}: no results to be had ({error.strerror}), start `adaptd run` or name its --socket") from None


def preview(path: Path, timeout_s: float = 3.0) -> bytes:
    """The camera's newest picture as JPEG, at most one a second; empty where there is none yet.

    ``path`` is the daemon's socket; the picture comes from ``preview.sock`` beside it.

    Raises:
        ApiError: the policy does not allow it, or no worker serves.
    """
    place = path.parent / "preview.sock"
    pieces: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(timeout_s)
        try:
            stream.connect(str(place))
            while (piece := stream.recv(65_536)) and sum(map(len, pieces)) < MAX_PICTURE_BYTES:
                pieces.append(piece)
        except OSError as error:
            words = error.strerror or "no answer"
            raise ApiError(f"{place}: no picture to be had ({words}), set `camera: {{preview: true}}` in the policy") from None
    return b"".join(pieces)


def push(path: Path, reading: dict[str, Any]) -> None:
    """Hand the daemon a reading that another program took (docs/sensors.md names the keys).

    Raises:
        ApiError: nobody listens on ``path``, or the daemon refused.
    """
    call(path, "POST", "/v1/reading", reading)

"""What other programs import: status, results and push over the daemon's Unix sockets, and alerts; standard library alone.

status = get_json(default_socket(), "/v1/status")
for result in results(default_socket()):
    print(result["class"], result["variant"])
alert(default_state(), "no-food-2026-11-28", "clinical", "No eating in 24 hours.", {"observed_h": 24})
"""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 1 << 20
MAX_PICTURE_BYTES = 4 << 20

ALERT_KINDS = ("clinical", "fault", "watch", "notice")  # clinical is never held back; docs/mqtt.md says what each is for
ALERTS_FOLDER = "alerts"
MAX_KEY, MAX_TEXT, MAX_RESTS_ON_BYTES, MAX_ALERT_PICTURE_BYTES = 200, 2_000, 16_384, 262_144
MAX_WAITING_ALERTS = 1_000  # files that no gateway has fetched; a clinical alert is taken all the same
VIEWS_FOLDER = "views"
VIEWS = ("feeder",)  # the applications whose figures the gateway's page knows how to draw
MAX_VIEW_BYTES = 262_144


def default_socket() -> Path:
    """The service's socket for root, the user's run-time folder otherwise."""
    if os.geteuid() == 0:
        return Path("/run/adaptd/adaptd.sock")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(runtime or f"/tmp/adaptd-{os.geteuid()}") / "adaptd" / "adaptd.sock"  # noqa: S108 - both sides check its owner


def default_state() -> Path:
    """The service's state folder for root, the user's own otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/adaptd")
    home = os.environ.get("XDG_STATE_HOME", "")
    return Path(home or Path.home() / ".local" / "state") / "adaptd"


class ApiError(Exception):
    """The daemon did not answer, or refused. ``str(error)`` is one line with the remedy."""


def foreign_folder(folder: Path) -> str:
    """Why a folder for a socket is not to be trusted, in one line; empty where it is.

    In a folder in which everyone may write, such as /tmp, somebody else may have made it first and listen in it.
    """
    for one in (folder, *folder.parents):
        try:
            facts, above = one.lstat(), one.parent.stat()
        except OSError:
            continue
        if above.st_mode & stat.S_IWOTH and one != one.parent and facts.st_uid not in (0, os.geteuid()):
            return f"{one}: belongs to uid {facts.st_uid}, who may listen there; set XDG_RUNTIME_DIR or name a --socket elsewhere"
    return ""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def call(path: Path, method: str, verb: str, body: dict[str, Any] | None = None, timeout_s: float = 3.0) -> bytes:
    """One request; returns the body of the answer: of a change it says what became of it, and which record of the log says so.

    Raises:
        ApiError: nobody listens on ``path``, access is denied, or the daemon refused.
    """
    if foreign := foreign_folder(path.parent):
        raise ApiError(foreign)
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
    if answer.status not in (200, 202):
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


def check_alert(key: str, kind: str, text: str, rests_on: dict[str, Any], picture: bytes | None = None) -> None:
    """Raise ValueError, with what would be right, unless these make an alert."""
    if kind not in ALERT_KINDS:
        raise ValueError(f"alert kind {kind!r:.40} is unknown, one of {', '.join(ALERT_KINDS)}")
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise ValueError(f"an alert's key is 1 to {MAX_KEY} printable ASCII characters, the same for the same event")
    if not 0 < len(text) <= MAX_TEXT:
        raise ValueError(f"an alert's text is 1 to {MAX_TEXT} characters, this one has {len(text)}")
    try:
        size = len(json.dumps(rests_on, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"what an alert rests on is a JSON object ({error})") from None
    if not isinstance(rests_on, dict) or size > MAX_RESTS_ON_BYTES:
        raise ValueError(f"what an alert rests on is a JSON object of at most {MAX_RESTS_ON_BYTES} bytes, this has {size}")
    if picture is not None and not (picture[:2] == b"\xff\xd8" and len(picture) <= MAX_ALERT_PICTURE_BYTES):
        raise ValueError(f"an alert's picture is a JPEG of at most {MAX_ALERT_PICTURE_BYTES} bytes")


def alert(state: Path, key: str, kind: str, text: str, rests_on: dict[str, Any], picture: bytes | None = None) -> bool:
    """Leave an alert in ``state/alerts`` for the gateway, which delivers it at least once; durable when this returns.

    ``key`` names the event: the same key is delivered as one alert, however often it is left. ``rests_on`` says what the alert
    is founded on (engine mix, rate, light, account). Returns False where this key already waits.

    Raises:
        ValueError: no alert can be made of this.
        ApiError: the folder cannot be written, or a thousand alerts wait and nobody fetches them.
    """
    check_alert(key, kind, text, rests_on, picture)
    words = {"v": 1, "key": key, "kind": kind, "text": text, "rests_on": rests_on}
    if picture is not None:
        words["picture_base64"] = base64.b64encode(picture).decode()
    folder = state / ALERTS_FOLDER
    final = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    with _left_in(folder, 0o770, "alert"):
        if final.exists():
            return False
        if kind != "clinical" and len(os.listdir(folder)) >= MAX_WAITING_ALERTS:
            raise ApiError(f"{folder}: {MAX_WAITING_ALERTS} alerts wait and nobody fetches them, start `adaptd gateway`")
        write_whole(final, json.dumps(words).encode())
    return True


def show(state: Path, name: str, view: dict[str, Any]) -> None:
    """Leave an application's figures in ``state/views`` for the gateway's page, in the place of those that are there.

    Raises:
        ValueError: the page knows no such application, or the view is no JSON object of at most 256 kB.
        ApiError: the folder cannot be written.
    """
    if name not in VIEWS:
        raise ValueError(f"view {name!r:.40} is unknown, one of {', '.join(VIEWS)}")
    data = json.dumps(view, allow_nan=False, separators=(",", ":")).encode()
    if len(data) > MAX_VIEW_BYTES:
        raise ValueError(f"a view is at most {MAX_VIEW_BYTES} bytes, this one has {len(data)}")
    with _left_in(state / VIEWS_FOLDER, 0o750, "view"):
        write_whole(state / VIEWS_FOLDER / f"{name}.json", data)


@contextlib.contextmanager
def _left_in(folder: Path, mode: int, what: str) -> Iterator[None]:
    """The folder is there; what the system refuses inside is one line."""
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ApiError(f"{folder}: the {what} cannot be written ({error.strerror}), name a --state folder that can be") from None


def write_whole(final: Path, data: bytes, mode: int = 0o666, folder_mode: int = 0o777) -> None:
    """The file appears complete and durable, or not at all; its folder is made where there is none. Raises OSError."""
    final.parent.mkdir(mode=folder_mode, parents=True, exist_ok=True)
    draft = final.with_name(f".{final.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(final)
    folder = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

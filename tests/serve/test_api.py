"""The local API under honest and dishonest clients."""

import http.client
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adaptd.serve.api import Api, SocketInUseError
from adaptd.serve.board import Board
from adaptd.serve.client import ApiError, call, get_json
from adaptd.serve.limits import BURST, MAX_CONNECTIONS, RATE_PER_S, Limiter, TokenBucket
from adaptd.serve.peer import Peer, may_change

NOBODY = 65534


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A serving API with one published document."""
    board = Board()
    board.publish({"state": "reference", "why": "because"}, 0)
    server = Api(tmp_path / "run" / "adaptd.sock", board, {"/v1/why": lambda document: str(document["why"])})
    server.start()
    yield server
    server.stop()


def test_the_socket_is_for_its_owner_and_group_only(api: Api) -> None:
    """The socket has mode 0660 and a folder the API makes has mode 0750, whatever the umask."""
    assert stat.S_IMODE(api.path.stat().st_mode) == 0o660
    assert stat.S_IMODE(api.path.parent.stat().st_mode) & 0o027 == 0


def test_a_reader_gets_the_last_snapshot_with_its_age(api: Api) -> None:
    """Status answers at once from the board, and says how old the answer is."""
    document = get_json(api.path, "/v1/status")
    assert document["state"] == "reference"
    assert document["age_ms"] > 0
    assert call(api.path, "GET", "/v1/why") == b"because"


def test_an_unknown_verb_names_the_known_ones(api: Api) -> None:
    """A typo is answered with what could have been meant."""
    with pytest.raises(ApiError, match=r"/v1/stats: unknown, one of /v1/status"):
        call(api.path, "GET", "/v1/stats")


def test_a_change_is_queued_with_the_name_of_who_asked(api: Api) -> None:
    """A change reaches the control loop together with the uid the kernel reports."""
    assert json.loads(call(api.path, "POST", "/v1/reload", {"a": 1})) == {"accepted": True}
    change = api.changes.get_nowait()
    assert (change.verb, change.body, change.uid) == ("/v1/reload", {"a": 1}, os.getuid())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_foreign_user_may_change_nothing(api: Api) -> None:
    """A process of another user that reaches the socket can read, and is refused every change."""
    api.path.chmod(0o666)
    for folder in list(api.path.parents)[:4]:
        folder.chmod(folder.stat().st_mode | 0o005)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            get_json(api.path, "/v1/status")
            for verb in ("/v1/reload", "/v1/reading", "/v1/feedback", "/v1/checkpoint"):
                try:
                    call(api.path, "POST", verb, {})
                    os._exit(2)
                except ApiError as error:
                    code = 0 if "may not change" in str(error) else 3
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert api.changes.empty()


def test_changes_are_for_root_the_own_user_and_the_admin_group() -> None:
    """The rule itself: root and the daemon's user may, a stranger may not."""
    assert may_change(Peer(0, 0), 1000)
    assert may_change(Peer(1000, 1000), 1000)
    assert not may_change(Peer(NOBODY, NOBODY), 1000)
    assert not may_change(Peer(4_000_000, 4_000_000), 1000)


def test_a_hundred_megabyte_body_is_refused_unread(api: Api) -> None:
    """A body over 64 KiB is refused from its announced length; nothing of it is read into memory."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(api.path))
        client.sendall(b"POST /v1/reload HTTP/1.0\r\nContent-Length: 104857600\r\n\r\n")
        assert b"413" in client.recv(4096)


def test_a_body_that_is_no_object_is_refused(api: Api) -> None:
    """Garbage in a change is refused with one line and never queued."""
    for body in (b"[1]", b"{", b"\xff\xfe"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(api.path))
            client.sendall(b"POST /v1/reload HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert b"400" in client.recv(4096)
    assert api.changes.empty()


def test_a_slow_client_is_hung_up_on(api: Api) -> None:
    """A client that talks one byte at a time loses its connection soon after the deadline of one second."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.05)
        client.connect(str(api.path))
        began = time.monotonic()
        hung_up = False
        while time.monotonic() - began < 4 and not hung_up:
            try:
                client.send(b"G")
                hung_up = client.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                hung_up = True
        assert hung_up


def test_more_connections_than_allowed_are_closed_at_once(api: Api) -> None:
    """The number of clients served at a time is bounded; the next one is closed, not queued."""
    idle = [socket.socket(socket.AF_UNIX) for _ in range(MAX_CONNECTIONS)]
    try:
        for client in idle:
            client.connect(str(api.path))
        with socket.socket(socket.AF_UNIX) as extra:
            extra.settimeout(2)
            extra.connect(str(api.path))
            assert extra.recv(1) == b""
    finally:
        for client in idle:
            client.close()


def test_a_flood_is_slowed_to_the_rate_of_its_user() -> None:
    """A user gets a burst and then the average rate, another user is not affected, and the books stay small."""
    bucket = TokenBucket()
    taken = sum(bucket.take(now_us) for now_us in range(0, 10_000_000, 100))
    assert BURST + 10 * RATE_PER_S - 2 <= taken <= BURST + 10 * RATE_PER_S
    limiter = Limiter()
    while limiter.allow(1, 0):
        pass
    assert limiter.allow(2, 0)
    for uid in range(1000):
        limiter.allow(uid, 0)
    assert len(limiter.buckets) <= 64


def test_a_live_socket_is_never_stolen(api: Api) -> None:
    """A second daemon on the same path is refused with the remedy, and the first one goes on serving."""
    with pytest.raises(SocketInUseError, match="already answers here, stop it or choose another --socket"):
        Api(api.path, Board())
    assert get_json(api.path, "/v1/status")["state"] == "reference"


def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    """A path that holds something else than a socket is refused and left alone."""
    path = tmp_path / "adaptd.sock"
    path.write_text("precious")
    with pytest.raises(SocketInUseError, match="is no socket"):
        Api(path, Board())
    assert path.read_text() == "precious"


def test_a_socket_left_by_a_dead_daemon_is_replaced(tmp_path: Path) -> None:
    """After a crash the next start works without anybody cleaning up."""
    path = tmp_path / "adaptd.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = Api(path, Board())
    server.start()
    assert get_json(path, "/v1/status")["state"] == "starting"
    server.stop()
    assert not path.exists()


def test_no_daemon_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    """Asking a daemon that does not run says how to start one."""
    with pytest.raises(ApiError, match="no daemon listens here, start one with `adaptd run`"):
        call(tmp_path / "none.sock", "GET", "/v1/status")


def test_the_client_refuses_an_answer_that_is_no_object(api: Api) -> None:
    """Something else that listens on the socket is not taken for adaptd."""
    api.board.text = lambda now_us: b"[]"  # type: ignore[method-assign]
    with pytest.raises(ApiError, match="is this adaptd's socket"):
        get_json(api.path, "/v1/status")


def test_http_versions_and_methods_that_are_not_served_close_the_connection(api: Api) -> None:
    """A DELETE is refused and does not disturb the next reader."""
    with pytest.raises((ApiError, http.client.HTTPException)):
        call(api.path, "DELETE", "/v1/status")
    assert get_json(api.path, "/v1/status")["state"] == "reference"

"""The local API under honest and dishonest clients."""

import contextlib
import http.client
import json
import os
import queue
import select
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adaptd.client import ApiError, call, get_json
from adaptd.serve.api import CHANGE_VERBS, Api, SocketInUseError
from adaptd.serve.board import Said, StatusBoard
from adaptd.serve.peer import (
    BURST,
    MAX_CONNECTIONS,
    MAX_FOR_ONE,
    MAX_FOR_OTHERS,
    RATE_PER_S,
    Limiter,
    Peer,
    Seats,
    TokenBucket,
    may_change,
    unit_of,
)

NOBODY = 65534


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A serving API with one published document."""
    board = StatusBoard()
    board.publish({"state": "reference", "why": "because"}, 0)
    # A patient server: on a busy machine an honest client may take long, and that is no matter of these tests.
    renderers = {"/v1/why": lambda document: str(document["why"])}
    server = Api(tmp_path / "run" / "adaptd.sock", board, renderers, deadline_s=60)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Api]:
    """The same with the deadline that is shipped."""
    server = Api(tmp_path / "strict" / "adaptd.sock", StatusBoard())
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
    said = json.loads(call(api.path, "POST", "/v1/hold", {"a": 1}))
    assert (said["accepted"], said["outcome"]) == (True, "pending")
    assert "`adaptd status`" in said["words"]
    change = api.changes.get_nowait()
    assert (change.verb, change.body, change.uid, change.pid) == ("/v1/hold", {"a": 1}, os.getuid(), os.getpid())


def answered(api: Api, said: Said) -> Callable[[], None]:
    """A control loop that gives every request this answer; the result ends it."""
    going = threading.Event()

    def loop() -> None:
        while not going.is_set():
            with contextlib.suppress(queue.Empty):
                api.changes.get(timeout=0.01).reply.give(said)

    thread = threading.Thread(target=loop)
    thread.start()

    def end() -> None:
        going.set()
        thread.join(10)

    return end


def test_an_answer_says_what_was_done_and_which_record_says_so(api: Api) -> None:
    """Who asks for something is told the outcome with the number of its record, not merely that it was taken in."""
    end = answered(api, Said("done", "the reference alone serves for 5 min", 71))
    try:
        said = json.loads(call(api.path, "POST", "/v1/hold", {"minutes": 5, "reason": "x"}, timeout_s=60))
    finally:
        end()
    assert said == {"accepted": True, "outcome": "done", "record": 71, "words": "the reference alone serves for 5 min"}


def test_a_refusal_says_why_and_where_it_is_on_record(api: Api) -> None:
    """A refusal by the control loop is an error with its reason; a script that wants JSON gets it as that."""
    end = answered(api, Said("refused", "FILE:3:1: limit_c: is no number", 72))
    try:
        with pytest.raises(ApiError, match=r"/v1/reload: FILE:3:1: limit_c: is no number \(record 72\)"):
            call(api.path, "POST", "/v1/reload", {}, timeout_s=60)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(api.path))
            client.sendall(b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nContent-Length: 0\r\n\r\n")
            head, _, body = b"".join(iter(lambda: client.recv(4096), b"")).partition(b"\r\n\r\n")
    finally:
        end()
    assert b" 422 " in head
    assert json.loads(body)["record"] == 72


def test_the_unit_of_a_process_is_the_last_service_of_its_control_group(tmp_path: Path) -> None:
    """A service of the system, one of a user's session, a shell, a name with control characters, and nobody at all."""
    groups = {
        1: "0::/system.slice/adaptd-gateway.service\n",
        2: "0::/user.slice/user-1000.slice/user@1000.service/app.slice/cat.service\n",
        3: "0::/user.slice/user-1000.slice/session-4.scope\n",
        4: "0::/\n",
        5: "0::/a\x1b[31m.service\n",
    }
    for pid, text in groups.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(text)
    found = [unit_of(pid, tmp_path) for pid in range(1, 7)]
    assert found == ["adaptd-gateway.service", "cat.service", "session-4.scope", "", "", ""]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_foreign_user_may_change_nothing(api: Api) -> None:
    """A process of another user that reaches the socket can read, and is refused every change."""
    api.path.chmod(0o666)
    for folder in [one for one in api.path.parents if Path(tempfile.gettempdir()) in one.parents]:
        folder.chmod(folder.stat().st_mode | 0o005)
    said = as_nobody(lambda: [get_json(api.path, "/v1/status")["state"], *(refusal(api.path, verb) for verb in CHANGE_VERBS)])
    assert said[0] == "reference"
    assert len(said) == 1 + len(CHANGE_VERBS)
    for verb, words in zip(CHANGE_VERBS, said[1:], strict=True):
        assert f"{verb}: uid {NOBODY} may not change anything, ask root or join the group adaptd-admin" in words
    assert api.changes.empty()


def refusal(path: Path, verb: str) -> str:
    """What the daemon says to a change; empty where it takes it."""
    try:
        call(path, "POST", verb, {}, timeout_s=60)
    except ApiError as error:
        return str(error)
    return ""


def as_nobody(ask: Callable[[], list[str]]) -> list[str]:
    """What ``ask`` gives in a child process of another user."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writing, json.dumps(ask()).encode())
        except BaseException as error:  # whatever it is, the parent must hear of it
            os.write(writing, json.dumps([f"{type(error).__name__}: {error}"]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as said:
        return list(json.loads(said.read()))


def test_a_refused_client_hears_the_reason_and_not_a_broken_pipe(api: Api) -> None:
    """A client whose body comes later than its head is heard out before it is refused, however long it takes."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(api.path))
        client.sendall(b"POST /v1/nothing HTTP/1.0\r\nContent-Length: 2\r\n\r\n")
        ready, _, _ = select.select([client], [], [], 0.3)
        assert not ready, "it was answered before its body was read"
        client.sendall(b"{}")
        assert b"404" in client.recv(4096)


def test_the_reason_of_a_server_that_hangs_up_early_is_read(tmp_path: Path) -> None:
    """A refusal that comes while the client still sends is told as what it is."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.0 413 no\r\nContent-Length: 9\r\n\r\ntoo large")

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(ApiError, match="too large"):
            call(tmp_path / "s", "POST", "/v1/reload", {"a": "x" * 10_000_000})
        thread.join()


@pytest.mark.parametrize("length", ["\xb2", "-1", "1e3", "9" * 5000, "0x10", " "])
def test_a_length_that_is_none_is_refused(api: Api, length: str) -> None:
    """Whatever stands where a length belongs is answered with one line, and the next client is served."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(api.path))
        client.sendall(f"POST /v1/reload HTTP/1.0\r\nContent-Length: {length}\r\n\r\n".encode("latin-1"))
        assert b"413" in client.recv(4096)
    assert get_json(api.path, "/v1/status")["state"] == "reference"


def test_a_body_that_nests_without_end_is_refused(api: Api) -> None:
    """Sixty thousand brackets are garbage like any other."""
    with pytest.raises(ApiError, match=" 400 "):
        raw_post(api.path, b"[" * 60_000)


def raw_post(path: Path, body: bytes) -> None:
    """A change with these bytes as its body."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"POST /v1/reload HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        answer = client.recv(4096)
    if b" 200 " not in answer:
        raise ApiError(answer.decode())


def test_a_connection_that_gets_no_thread_gives_its_place_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine out of threads costs the clients of that moment their answer, and no place for ever."""

    def none(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none)
        for _ in range(MAX_CONNECTIONS + 1):
            with pytest.raises(ApiError):
                get_json(api.path, "/v1/status")
    assert get_json(api.path, "/v1/status")["state"] == "reference"


def test_changes_that_nobody_takes_are_refused_at_last(api: Api) -> None:
    """A control loop that does not come to take them leaves a bounded queue, and the client is told."""
    api._patience = 0.0  # each of them would wait for its answer
    for _ in range(api.changes.maxsize):
        call(api.path, "POST", "/v1/reload", {})
    with pytest.raises(ApiError, match="too many changes are waiting, try again in a second"):
        call(api.path, "POST", "/v1/reload", {})
    assert api.changes.qsize() == api.changes.maxsize


def test_a_control_loop_that_hangs_is_seen(api: Api) -> None:
    """The last document is handed out as stalled after three periods, and the health verb answers with an error code."""
    board = StatusBoard(period_us=2_000_000)
    assert not board.read(10**12)["stalled"], "a daemon that starts is not stalled"
    board.publish({"state": "efficient", "operating_point": {}}, 10**9)
    assert not board.read(10**9 + 6_000_000)["stalled"]
    assert board.read(10**9 + 6_000_001)["stalled"]
    assert board.health(10**9) == (True, "efficient")
    assert board.health(10**9 + 7_000_000)[0] is False
    api.board.publish({"state": "efficient", "operating_point": {}}, 0)
    with pytest.raises(ApiError, match="stalled: no decision for"):
        call(api.path, "GET", "/v1/health")


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


def test_a_slow_client_is_hung_up_on(strict: Api) -> None:
    """A client that talks one byte at a time loses its connection soon after the deadline of one second."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.05)
        client.connect(str(strict.path))
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


def test_a_user_over_its_rate_is_turned_away_at_the_socket(api: Api) -> None:
    """A connection of a user whose burst is used up is closed without an answer; once there is rate again it is served."""
    assert get_json(api.path, "/v1/status")["state"] == "reference"
    bucket = api.limiter.buckets[os.getuid()]
    bucket.tokens_us, bucket.at_us = 0, bucket.at_us + 3600 * 1_000_000  # no time passes for it
    with pytest.raises(ApiError):
        get_json(api.path, "/v1/status")
    bucket.tokens_us = 5_000_000
    assert get_json(api.path, "/v1/status")["state"] == "reference"


def test_a_live_socket_is_never_stolen(api: Api) -> None:
    """A second daemon on the same path is refused with the remedy, and the first one goes on serving."""
    with pytest.raises(SocketInUseError, match="already answers here, stop it or choose another --socket"):
        Api(api.path, StatusBoard())
    assert get_json(api.path, "/v1/status")["state"] == "reference"


def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    """A path that holds something else than a socket is refused and left alone."""
    path = tmp_path / "adaptd.sock"
    path.write_text("precious")
    with pytest.raises(SocketInUseError, match="is no socket"):
        Api(path, StatusBoard())
    assert path.read_text() == "precious"


def test_a_socket_left_by_a_dead_daemon_is_replaced(tmp_path: Path) -> None:
    """After a crash the next start works without anybody cleaning up."""
    path = tmp_path / "adaptd.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = Api(path, StatusBoard())
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


def test_one_user_cannot_lock_others_out_nor_all_users_root() -> None:
    """A member of the group gets a part of the connections, all members together leave some to root, and what ends is free."""
    seats = Seats()
    assert [seats.take(1000, owner=False) for _ in range(MAX_CONNECTIONS)].count(True) == MAX_FOR_ONE
    assert [seats.take(1001, owner=False) for _ in range(MAX_CONNECTIONS)].count(True) == MAX_FOR_OTHERS - MAX_FOR_ONE
    assert not seats.take(1002, owner=False)
    assert [seats.take(0, owner=True) for _ in range(MAX_CONNECTIONS)].count(True) == MAX_CONNECTIONS - MAX_FOR_OTHERS
    seats.leave(1000, owner=False)
    assert seats.take(1002, owner=False)


def test_health_is_bad_while_no_frame_comes() -> None:
    """A unit whose camera is away is ready and waits, but nobody is told that it is well."""
    board = StatusBoard()
    board.publish({"state": "no_source", "operating_point": {}, "source": {"state": "no_source"}}, 0)
    well, words = board.health(1)
    assert not well
    assert words.startswith("no_source: no frame comes")
    board.publish({"state": "reference", "operating_point": {}, "source": {"state": "ok"}}, 0)
    assert board.health(1) == (True, "reference")


def test_a_reading_that_is_refused_is_refused_in_the_answer(api: Api) -> None:
    """The sender learns at once what is wrong, instead of a line in somebody else's log."""
    api.refusals["/v1/reading"] = lambda body, now_us: "quantity must be one of temperature, power, light"
    with pytest.raises(ApiError, match="quantity must be one of"):
        call(api.path, "POST", "/v1/reading", {"quantity": "noise"})
    assert api.changes.empty()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder to another user")
@pytest.mark.parametrize("shared", [True, False])
def test_a_folder_that_somebody_else_made_under_tmp_is_not_used(shared: bool, tmp_path: Path) -> None:
    """Where everyone may write, a folder of another user is refused by daemon and client; in a folder of ours it is his own."""
    room = tmp_path / "tmp"
    room.mkdir()
    room.chmod(0o1777 if shared else 0o755)
    planted = room / "adaptd-0"
    planted.mkdir()
    os.chown(planted, NOBODY, NOBODY)
    path = planted / "adaptd" / "adaptd.sock"
    if not shared:
        Api(path, StatusBoard()).server_close()
        return
    with pytest.raises(SocketInUseError, match=rf"{planted}: belongs to uid {NOBODY}"):
        Api(path, StatusBoard())
    with pytest.raises(ApiError, match=f"belongs to uid {NOBODY}, who may listen there; set XDG_RUNTIME_DIR"):
        get_json(path, "/v1/status")


def test_every_folder_that_the_api_makes_is_its_own(tmp_path: Path) -> None:
    """Also those above the last one, under a careless umask."""
    before = os.umask(0)
    try:
        Api(tmp_path / "a" / "b" / "adaptd.sock", StatusBoard()).server_close()
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o750, 0o750]

"""The gateway as a process: at its start, among strangers, with a daemon that is away, and at its end."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adaptd.client import ApiError
from adaptd.gateway.feed import Feed
from adaptd.gateway.main import _tell_of_absence
from adaptd.gateway.plugins import end
from tests.conftest import ROOT
from tests.faults.service import Service
from tests.gateway.rig import DOCUMENT, Daemon, Gateway, free_port, own_address, until

STATIC = ROOT / "adaptd" / "gateway" / "web" / "static"
Start = Callable[..., Gateway]
TOKEN, COMMAND = "t" * 24, "c" * 24


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """A reader's and a commander's token."""
    path = tmp_path / "tokens"
    path.write_text(f"{TOKEN}\nanna {COMMAND} commands\n")
    path.chmod(0o600)
    return path


def test_a_daemon_that_is_away_at_the_start_is_waited_for(tmp_path: Path, start: Start) -> None:
    """The page is there at once and says what is missing; when the daemon comes, its figures do, and health turns good."""
    gateway = start(tmp_path / "adaptd.sock")
    gateway.until_said("page http://127.0.0.1")
    gateway.until_said("no daemon listens here")
    assert gateway.ask("/")[0] == 200
    away = gateway.json("/api/status")
    assert (away["status"], away["absent"]) == (None, "unreachable")
    assert gateway.ask("/health")[0] == 503
    assert "adaptd_up 0.0" in gateway.ask("/metrics")[1]
    late = Daemon(tmp_path)
    try:
        late.says()
        assert gateway.serving()["frames"]["delivered"] == 1234
        assert gateway.ask("/health")[:2] == (200, "ok\n")
        gateway.until_said("the daemon answers")
    finally:
        late.stop()
    until(lambda: gateway.json("/api/status")["status"] is None)
    assert gateway.end() == 0


def test_a_port_in_use_is_told_of_and_tried_again(daemon: Daemon, start: Start) -> None:
    """Nothing falls over: one line names port and remedy, and the page appears when the port is free."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        gateway = start(daemon.socket, port=holder.getsockname()[1])
        gateway.until_said("choose another --port")
    gateway.until_said("page http://127.0.0.1")
    gateway.serving()


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["--host", "0.0.0.0"], "--token-file"),
        (["--commands"], "commands"),
        (["--port", "0"], "65535"),
        (["--port", "70000"], "65535"),
        (["--token-file", "/nonexistent/token"], "write one"),
    ],
)
def test_unusable_arguments_are_one_line_and_code_2(words: list[str], remedy: str) -> None:
    """Wrong usage says what would be right and serves nothing."""
    command = [sys.executable, "-m", "adaptd", "gateway", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
    assert done.returncode == 2, done.stderr
    assert remedy in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_stranger_without_a_token_reads_health_alone(daemon: Daemon, start: Start, tokens: Path) -> None:
    """From an address that is not loopback every route but health answers 401; with the token it answers."""
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    gateway = start(daemon.socket, "--token-file", tokens, host="0.0.0.0")
    gateway.serving()
    for path in ("/", "/metrics", "/api/status", "/api/history", "/api/stream", "/static/app.js", "/report", "/x"):
        assert gateway.ask(path, host=address)[0] == 401, path
    assert gateway.ask("/health", host=address)[0] == 200
    assert gateway.ask("/metrics", host=address, Authorization=f"Bearer {TOKEN}")[0] == 200
    status, _, headers = gateway.ask(f"/?token={TOKEN}", host=address, X_Ingress_Path="/api/hassio_ingress/abc")
    assert (status, headers["location"]) == (303, "./")
    cookie = headers["set-cookie"]
    assert "Path=/api/hassio_ingress/abc/" in cookie
    assert "HttpOnly" in cookie
    assert gateway.ask("/api/status", host=address, Cookie=cookie.partition(";")[0])[0] == 200


def test_every_answer_is_sealed(daemon: Daemon, start: Start) -> None:
    """No inline script, no foreign source, no frame but under Home Assistant's ingress, no guessing of types."""
    gateway = start(daemon.socket)
    gateway.serving()
    for path in ("/", "/static/app.js", "/api/status", "/nonsense"):
        headers = gateway.ask(path)[2]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    framed = gateway.ask("/", X_Ingress_Path="/api/hassio_ingress/abc", Authorization="x")[2]
    assert "frame-ancestors 'self'" in framed["content-security-policy"]
    assert gateway.ask("/static/../app.py")[0] in (400, 404)
    assert gateway.ask("/static/%2e%2e/app.py")[0] in (400, 404)
    assert gateway.ask("/", Host="evil.example")[0] == 421


def test_commands_need_the_right_and_are_queued_with_the_name(daemon: Daemon, start: Start, tokens: Path) -> None:
    """Loopback and readers may not ask; who has the right may, and the daemon gets the name."""
    gateway = start(daemon.socket, "--token-file", tokens, "--commands")
    gateway.serving()
    ask = {"X_Adaptd_Ask": "1"}
    assert gateway.ask("/api/command/reload", "POST", b"{}", **ask)[0] == 403
    assert gateway.ask("/api/command/reload", "POST", b"{}", Authorization=f"Bearer {TOKEN}", **ask)[0] == 403
    assert daemon.changes.empty()
    anna = {"Authorization": f"Bearer {COMMAND}", **ask}
    assert gateway.ask("/api/command/reload", "POST", b"{}", **anna)[0] == 200
    change = daemon.changes.get(timeout=5)
    assert (change.verb, change.body) == ("/v1/reload", {"by": "anna"})
    assert gateway.ask("/api/command/reload", "POST", b"{" * 5000, **anna)[0] == 400
    assert gateway.ask("/api/command/reload", "POST", b"x" * 70_000, **anna)[0] == 413
    assert gateway.ask("/api/command/format", "POST", b"{}", **anna)[0] == 404


def test_commands_are_off_by_default(daemon: Daemon, start: Start, tokens: Path) -> None:
    """Without --commands even who has the right is refused."""
    gateway = start(daemon.socket, "--token-file", tokens)
    gateway.serving()
    asked = gateway.ask("/api/command/reload", "POST", b"{}", Authorization=f"Bearer {COMMAND}", X_Adaptd_Ask="1")
    assert asked[0] == 403
    assert daemon.changes.empty()


def test_it_ends_at_once_with_pages_open(daemon: Daemon, start: Start) -> None:
    """SIGTERM with open streams ends the process with code 0, and the streams with it."""
    gateway = start(daemon.socket)
    gateway.serving()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as stream:
        stream.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: b"event: state" in stream.recv(65_536))
        assert gateway.end() == 0
        while stream.recv(65_536):
            pass


def test_the_stream_carries_each_new_status_in_order(daemon: Daemon, start: Start) -> None:
    """Every event is one JSON object with the whole status, and news arrives within two seconds."""
    gateway = start(daemon.socket)
    gateway.serving()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as stream, stream.makefile("rb") as lines:
        stream.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        daemon.says(frames={"delivered": 9999, "missed": 0, "dropped": 0, "shadow": 0})
        seen = []
        while not seen or seen[-1]["status"]["frames"]["delivered"] != 9999:
            line = lines.readline()
            if line.startswith(b"data: "):
                seen.append(json.loads(line.removeprefix(b"data: ")))
        numbers = [one["number"] for one in seen]
        assert numbers == sorted(numbers)
        assert len(seen) <= 3


def test_it_ends_with_whoever_started_it_beside_the_daemon(daemon: Daemon, tmp_path: Path) -> None:
    """`adaptd run --page` holds a pipe to it: when that process is gone, however it went, the page is too."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "adaptd", "gateway", "--until-eof", "--socket", str(daemon.socket), "--port", "58461"]
    child = subprocess.Popen(command, stdin=reading, cwd=ROOT, stderr=subprocess.DEVNULL)
    os.close(reading)
    assert child.poll() is None
    os.close(writing)
    try:
        assert child.wait(20) in (0, -signal.SIGTERM)
    finally:
        child.kill()
        child.wait()


def test_silent_connections_cannot_keep_others_from_the_page(daemon: Daemon, start: Start) -> None:
    """Who opens every connection and says nothing, or half a request, is hung up on, and the page answers again."""
    gateway = start(daemon.socket)
    gateway.serving()
    with contextlib.ExitStack() as held:
        for number in range(200):
            silent = held.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=5))
            if number % 2:
                silent.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        until(lambda: gateway.ask("/health")[0] == 200)
    assert gateway.process.poll() is None


def test_run_with_page_serves_it_and_takes_it_along(tmp_path: Path) -> None:
    """`adaptd run --page` prints the page's address, the page is alive, and both end together; the daemon's log is whole."""
    port = free_port()
    service = Service(tmp_path, "--page", port)
    try:
        service.serving()
        until(lambda: f"page http://127.0.0.1:{port}/" in service.errors())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            assert answer.status == 200
        code, _, errors, _ = service.end()
        assert (code, "Traceback" in errors) == (0, False)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    finally:
        service.kill()


def test_what_the_page_needs_is_shipped_and_nothing_foreign_is_named() -> None:
    """Every file that the page names lies beside it, the charts' licence with them, and no address of another host."""
    page = (STATIC / "index.html").read_text()
    for name in re.findall(r'(?:src|href)="(static/[^"]+)"', page):
        assert (STATIC.parent / name).is_file(), name
    assert "Permission is hereby granted" in (STATIC / "uplot" / "LICENSE").read_text()
    for path in STATIC.glob("*.*"):
        foreign = re.findall(r"https?://[^\"'\s)]+", path.read_text())
        assert set(foreign) <= {"http://www.w3.org/2000/svg"}, path
    assert not re.search(r"<script(?![^>]*src=)|\son[a-z]+=|\sstyle=", page), "nothing inline"


@pytest.mark.parametrize(("patience_s", "said"), [(0.0, ["no status", "the daemon answers", "no status"]), (60.0, [])])
def test_a_gateway_that_ends_with_its_daemon_does_not_tell_of_the_end(patience_s: float, said: list[str]) -> None:
    """`make run` ends without a line about the daemon that has just left; a gateway of its own says each change once."""
    asked: list[bool] = []

    def ask() -> dict[str, Any]:
        asked.append(len(asked) == 1)
        if not asked[-1]:
            raise ApiError("no daemon listens here")
        return dict(DOCUMENT)

    async def run() -> list[str]:
        heard: list[str] = []
        feed = Feed(ask, period_s=0.02)
        tasks = [asyncio.ensure_future(_tell_of_absence(feed, heard.append, patience_s)), asyncio.ensure_future(feed.run())]
        while len(asked) < 5:
            await asyncio.sleep(0.01)
        await end(*tasks)
        return heard

    heard = asyncio.run(run())
    assert [line.partition(":")[0] for line in heard] == said

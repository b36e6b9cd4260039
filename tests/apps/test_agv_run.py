"""`adaptd agv`: the program, its store and its messages, with everything that can be wrong around it."""

import json
import os
import socket
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from adaptd import client
from adaptd.apps.agv.store import PartStore
from adaptd.apps.sqlite import StoreError
from adaptd.cli.main import main
from tests.apps.agv_line import SCRATCH, STATUS, Line, line

JPEG = b"\xff\xd8picture\xff\xd9"


class Daemon:
    """A daemon's sockets with results, status and a picture, for a moment."""

    def __init__(self, folder: Path, seconds: float, boxes: list[Any], status: dict[str, Any]) -> None:
        self._folder, self._seconds, self._boxes, self._status = folder, seconds, boxes, status
        self._servers = {name: self._listen(name) for name in ("results.sock", "preview.sock", "adaptd.sock")}
        self._threads = [threading.Thread(target=self._serve, args=(name,), daemon=True) for name in self._servers]
        for thread in self._threads:
            thread.start()

    def _listen(self, name: str) -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(self._folder / name))
        server.listen()
        server.settimeout(5)
        return server

    def _serve(self, name: str) -> None:
        try:
            while True:
                peer, _ = self._servers[name].accept()
                with peer:
                    self._answer(name, peer)
        except OSError:
            return

    def _answer(self, name: str, peer: socket.socket) -> None:
        if name == "results.sock":
            until = time.monotonic() + self._seconds
            while time.monotonic() < until:
                words = line(time.monotonic_ns() // 1000, self._boxes)
                peer.sendall(json.dumps(words).encode() + b"\n")
                time.sleep(0.02)
        elif name == "preview.sock":
            peer.sendall(JPEG)
        else:
            peer.recv(4096)
            body = json.dumps(self._status).encode()
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def close(self) -> None:
        """Gone."""
        for server in self._servers.values():
            server.close()


def run(folder: Path, *words: str) -> int:
    """`adaptd agv run` on the sockets in ``folder`` for a moment."""
    place = ["--socket", str(folder / "adaptd.sock"), "--db", str(folder / "agv.sqlite3"), "--state", str(folder)]
    return main(["agv", "run", *place, "--duration", "1.2", *words])


def test_a_reject_is_printed_kept_with_its_picture_and_left_for_the_gateway(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The subscriber reads part, defect and picture on one line; the message for MQTT has the part and, unasked, no picture."""
    (tmp_path / "ids").write_text("PLATE-7\n")
    daemon = Daemon(tmp_path, 5.0, [SCRATCH], STATUS)
    assert run(tmp_path, "--parts", str(tmp_path / "ids"), "--json") == 0
    daemon.close()
    told = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [(one["part"], one["verdict"], one["defects"][0]["kind"]) for one in told] == [("PLATE-7", "reject", "scratch")]
    assert (tmp_path / "pictures" / told[0]["picture"]).read_bytes() == JPEG
    left = [json.loads(path.read_text()) for path in (tmp_path / client.ALERTS_FOLDER).glob("*.json")]
    assert [one["rests_on"]["part"] for one in left] == ["PLATE-7"]
    assert "picture_base64" not in left[0]


def test_pictures_leave_the_box_only_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --send-pictures the message carries the picture."""
    daemon = Daemon(tmp_path, 5.0, [SCRATCH], STATUS)
    assert run(tmp_path, "--send-pictures", "--every", "0.5") == 0
    daemon.close()
    left = [json.loads(path.read_text()) for path in (tmp_path / client.ALERTS_FOLDER).glob("*.json")]
    assert any("picture_base64" in one for one in left)
    assert "REJECT (scratch 80 %)" in capsys.readouterr().out


def test_troubles_are_said_once_each_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad part name, a mission without a battery and a daemon that stops: one clear line each, and the program goes on."""
    (tmp_path / "ids").write_bytes(b"PLATE\x1b[2J\n")
    daemon = Daemon(tmp_path, 0.6, [], {**STATUS, "endurance": {"missing": "this machine has no battery that adaptd can read"}})
    assert run(tmp_path, "--parts", str(tmp_path / "ids"), "--hours", "9") == 0
    daemon.close()
    said = capsys.readouterr().err
    assert said.count("is no identifier") == 1
    assert said.count("the mission of 9 h is not planned for: this machine has no battery") == 1
    assert "the daemon has stopped, waiting for it" in said
    assert "\x1b" not in said
    assert "Traceback" not in said


def test_without_a_daemon_it_waits_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody serves: one line names the socket and the remedy."""
    assert run(tmp_path) == 0
    assert "start `adaptd run` or name its --socket; waiting for results" in capsys.readouterr().err


def filled(path: Path) -> PartStore:
    """A store with a rejected and a passed part."""
    store, parts = PartStore(path, writer=True), Line()
    store.add(parts.part("A-1", {index: [SCRATCH] for index in range(9)}), "1.jpg")
    store.add(parts.part("A-2"), None)
    return store


def test_missed_defects_and_false_rejects_are_counted_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A passed part that proves defective is a missed defect, a rejected one that proves sound a false reject: two counts."""
    filled(tmp_path / "agv.sqlite3").close()
    words = ["--db", str(tmp_path / "agv.sqlite3")]
    assert main(["agv", "check", "A-1", "sound", *words]) == 0
    assert "a false reject" in capsys.readouterr().out
    assert main(["agv", "check", "A-2", "defective", *words]) == 0
    assert "a missed defect" in capsys.readouterr().out
    assert main(["agv", "account", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["missed_defects"], found["false_rejects"]) == (1, 1)
    assert main(["agv", "account", *words]) == 0
    assert main(["agv", "parts", *words]) == 0
    assert "mAP 0.982" in capsys.readouterr().out
    assert main(["agv", "check", "A-9", "sound", *words]) == 1
    assert "holds no part 'A-9'" in capsys.readouterr().err


def test_two_programs_do_not_record_in_one_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second one is told which process records already."""
    store = filled(tmp_path / "agv.sqlite3")
    assert run(tmp_path) == 1
    assert f"process {os.getpid()} records here already" in capsys.readouterr().err
    store.close()


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that a later adaptd wrote is refused with both versions, and not touched."""
    filled(tmp_path / "agv.sqlite3").close()
    base = sqlite3.connect(tmp_path / "agv.sqlite3")
    base.execute("PRAGMA user_version = 99")
    base.close()
    assert run(tmp_path) == 1
    assert "is of version 99, this adaptd knows 1; install the newer adaptd" in capsys.readouterr().err
    assert main(["agv", "parts", "--db", str(tmp_path / "none.sqlite3")]) == 1
    assert "start `adaptd agv run`" in capsys.readouterr().err


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """One line says what it is and what to do."""
    (tmp_path / "x.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="move it away or name another --db"):
        PartStore(tmp_path / "x.sqlite3", writer=True)


def test_a_full_disk_keeps_parts_in_memory_and_writes_them_later(tmp_path: Path) -> None:
    """While the disk takes nothing, parts wait and that is said; when there is room again, all of them are written."""
    from argparse import Namespace

    from adaptd.apps.agv.settings import Settings
    from adaptd.apps.feeder.clock import WallClock
    from adaptd.cli.agv_run import Desk

    store = filled(tmp_path / "agv.sqlite3")
    pages = store.base.execute("PRAGMA page_count").fetchone()[0]
    store.base.execute(f"PRAGMA max_page_count = {pages}")
    arguments = Namespace(socket=tmp_path / "adaptd.sock", state=tmp_path, send_pictures=False, json=True)
    desk, parts = Desk(arguments, Settings(), store, WallClock()), Line()
    for number in range(60):
        desk.part(parts.part(f"B-{number}"))
    assert "make room on the disk" in desk.trouble["disk"]
    store.base.execute("PRAGMA max_page_count = 100000")
    desk.hand_on()
    assert "disk" not in desk.trouble
    assert store.account()["parts"] == {"pass": 61, "reject": 1, "cannot tell": 0}
    store.close()


def test_a_reject_waits_while_nobody_takes_messages(tmp_path: Path) -> None:
    """With the message folder away a reject stays in the store as not told, and is told once when it is back: nothing is lost."""
    from argparse import Namespace

    from adaptd.apps.agv.settings import Settings
    from adaptd.apps.feeder.clock import WallClock
    from adaptd.cli.agv_run import Desk

    state = tmp_path / "state"
    state.mkdir()
    (state / client.ALERTS_FOLDER).write_text("in the way")
    store = filled(tmp_path / "agv.sqlite3")
    desk = Desk(Namespace(socket=tmp_path / "s", state=state, send_pictures=False, json=True), Settings(), store, WallClock())
    desk.hand_on()
    assert "rejects wait to be told" in desk.trouble["messages"]
    (state / client.ALERTS_FOLDER).unlink()
    desk.hand_on()
    desk.hand_on()
    assert desk.trouble == {}
    assert len(list((state / client.ALERTS_FOLDER).glob("*.json"))) == 1
    store.close()


def test_a_fifo_or_file_of_part_names_that_is_not_there_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and what to name instead; --every beside --parts contradicts itself."""
    assert run(tmp_path, "--parts", str(tmp_path / "none")) == 2
    assert "name a file, a FIFO or -" in capsys.readouterr().err
    assert run(tmp_path, "--parts", "-", "--every", "2") == 2

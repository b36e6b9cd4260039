"""jetson-stats from a child process: real processes, a stand-in library."""

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from adaptd.sense import jtop_child
from adaptd.sense.jtop import RESTARTS, JtopFeed, JtopProcess
from adaptd.sense.jtop_child import line
from adaptd.vocabulary import Unread
from tests.conftest import ROOT
from tests.sense.judged import said

FAKE = Path(__file__).parent / "fake_jtop"
BOARD = {
    "temperature": {
        "tj": {"temp": 49.593, "online": True},
        "gpu": {"temp": -256, "online": True},
        "cv0": {"temp": 40, "online": False},
    },
    "power": {
        "rail": {"VDD_SOC": {"power": 2310, "online": True}, "VDD_X": {"power": 1, "online": False}},
        "tot": {"power": 6210, "name": "VDD_IN"},
    },
    "nvpmodel": "15W",
    "fan": {"pwmfan": {"speed": [35.0]}},
}


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[object]":
    """Start a JtopProcess whose child lives through a script."""
    started: list[JtopProcess] = []

    def begin(*script: str, line_deadline_s: float = 20.0) -> JtopProcess:
        (tmp_path / "script").write_text("\n".join(script) + "\n")
        monkeypatch.setenv("JTOP_SCRIPT", str(tmp_path / "script"))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAKE), str(ROOT)]))
        started.append(JtopProcess((sys.executable, "-m", "adaptd.sense.jtop_child"), line_deadline_s))
        return started[-1]

    yield begin
    for process in started:
        process.close()


def wait_for(process: JtopProcess, text: str = "") -> object:
    """The first line, or the first fault that holds ``text``."""
    pause = threading.Event()
    for _ in range(2000):
        latest = process.latest()
        if (not text and not isinstance(latest, str)) or (text and isinstance(latest, str) and text in latest):
            return latest
        pause.wait(0.01)
    raise AssertionError(process.latest())


def test_the_childs_line_is_whole_numbers_and_nulls() -> None:
    """-256 and offline zones are null, a rail whose read failed is not written, and the total is."""

    class Board:
        """What jtop shows."""

        temperature, power, nvpmodel, fan = BOARD["temperature"], BOARD["power"], BOARD["nvpmodel"], BOARD["fan"]

    assert line(Board()) == {
        "temperature_mc": {"tj": 49593, "gpu": None, "cv0": None},
        "power_mw": {"VDD_SOC": 2310, "tot": 6210},
        "mode": "15W",
        "fan_percent": {"pwmfan": [35]},
    }


def test_zones_and_rails_come_through_the_pipe(start) -> None:  # type: ignore[no-untyped-def]
    """The newest line answers for its zones; offline and unknown ones are Missing."""
    process = start(f"board {json.dumps(BOARD)}", "hang")
    wait_for(process)
    assert JtopFeed(process, "temperature", "tj").sample(0).value == 49593  # type: ignore[union-attr]
    assert JtopFeed(process, "power", "tot").sample(0).value == 6210  # type: ignore[union-attr]
    assert said(JtopFeed(process, "temperature", "gpu").sample(0)) == "offline (jtop shows -256)"
    assert said(JtopFeed(process, "temperature", "nowhere").sample(0)) == "jtop names no nowhere"


def test_a_child_that_says_nothing_is_ended_and_every_reading_is_missing(start) -> None:  # type: ignore[no-untyped-def]
    """A hung library costs its deadline and then a reason; after three restarts in a minute it is left to rest."""
    process = start("hang", line_deadline_s=0.05)
    latest = wait_for(process, "gave up")
    assert latest == f"jtop: gave up for a while after {RESTARTS} restarts in 60 s, last: no line for 0.05 s"
    assert process.restarts == RESTARTS
    assert isinstance(JtopFeed(process, "temperature", "tj").sample(0), Unread)


DAEMON = """
import os, sys, threading
from adaptd.sense.jtop import JtopProcess
from tests.sense.judged import said
process = JtopProcess((sys.executable, "-m", "adaptd.sense.jtop_child"), 600.0)
while isinstance(process.latest(), str):
    threading.Event().wait(0.01)
children = open(f"/proc/self/task/{process._thread.native_id}/children").read().split()
print(*children, flush=True)
threading.Event().wait()
"""


def test_a_child_that_hangs_ends_with_a_daemon_that_is_killed(tmp_path: Path) -> None:
    """A killed daemon can close nothing: the kernel ends the child, even one that will never write to its pipe again."""
    (tmp_path / "script").write_text(f"board {json.dumps(BOARD)}\nhang\n")
    environment = {**os.environ, "JTOP_SCRIPT": str(tmp_path / "script"), "PYTHONPATH": os.pathsep.join([str(FAKE), str(ROOT)])}
    with subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True, env=environment) as daemon:
        assert daemon.stdout is not None
        child = int(daemon.stdout.readline())
        handle = os.pidfd_open(child)
        try:
            daemon.kill()
            ended, _, _ = select.select([handle], [], [], 60)
            assert ended, "the child outlived its daemon"
        finally:
            os.close(handle)


def test_a_lost_service_is_named(start) -> None:  # type: ignore[no-untyped-def]
    """What jetson-stats complained of stands in the reason."""
    process = start("crash Lost connection with jtop server")
    assert "Lost connection with jtop server" in str(wait_for(process, "gave up"))


def test_garbage_from_the_child_is_no_reading(start) -> None:  # type: ignore[no-untyped-def]
    """A line that is no JSON object ends the child."""
    assert "unparsable line" in str(wait_for(start("garbage", "hang"), "gave up"))


def test_a_machine_without_the_library_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jetson-stats the remedy is in the reason."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    process = JtopProcess((sys.executable, "-m", "adaptd.sense.jtop_child"), 20.0)
    try:
        assert "pip install 'adaptd[jetson]'" in str(wait_for(process, "gave up"))
    finally:
        process.close()


def test_a_command_that_does_not_exist_is_missing() -> None:
    """A broken installation is a reason, not an exception."""
    process = JtopProcess(("/nonexistent/python",), 1.0)
    try:
        assert "cannot start" in str(wait_for(process, "gave up"))
    finally:
        process.close()


def test_the_daemons_side_never_imports_the_library() -> None:
    """The AGPL library is named in the child's file alone."""
    for path in (ROOT / "adaptd").rglob("*.py"):
        text = path.read_text()
        assert "import jtop" not in text
        assert ('import_module("jtop")' in text) == (path.name == "jtop_child.py")


def test_a_client_of_another_version_goes_on_as_the_services_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this interpreter has no jetson-stats that fits, the one that the installed `jtop` command names is used."""
    told: list[list[str]] = []
    command = tmp_path / "jtop"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(jtop_child.os, "execv", lambda path, words: told.append([path, *words]))
    jtop_child.become_the_services(again=False)
    assert told[0][0] == "/bin/sh"
    assert told[0][-1] == "--again"
    assert any(word.endswith("jtop_child.py") for word in told[0])
    jtop_child.become_the_services(again=True)
    assert len(told) == 1

"""`adaptd gateway --mqtt` as a person starts it: with a real log, killed, and with arguments that cannot be used."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adaptd.log.format.verdicts import Outcome
from adaptd.log.verify.trust import read_witness
from adaptd.log.verify.verify import Options, verify
from tests.conftest import ROOT
from tests.gateway.mqtt.broker import Broker, Ear, needs_mosquitto, until
from tests.gateway.rig import Daemon, Gateway
from tests.log.workload import make_log

Start = Callable[..., Gateway]


@needs_mosquitto
def test_a_published_checkpoint_is_a_witness_of_the_log(
    tmp_path: Path, daemon: Daemon, start: Start, broker: Broker, ear: Ear
) -> None:
    """Whoever holds what the broker was sent can prove that the log was not rewritten since; the page is served beside it."""
    folder = tmp_path / "audit"
    make_log(folder, 40)
    daemon.says(audit={"seq": 50, "checkpoint_seq": 49, "degraded": False, "folder": str(folder)})
    gateway = start(daemon.socket, "--mqtt", f"mqtt://127.0.0.1:{broker.port}", "--state", tmp_path / "state", "--box", "kitchen")
    words = json.loads(ear.wait("/checkpoint")[0])
    note = tmp_path / "note"
    note.write_text(words["note"])
    report = verify(folder, Options(witnessed=(read_witness(note, ()),), replay=False))
    assert report.verdict is Outcome.VALID
    assert report.witnessed == words["records"] > 40
    assert json.loads(ear.wait("/config")[0])["device"]["name"] == "kitchen"
    assert gateway.ask("/")[0] == 200
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait()
    until(lambda: ear.of("/available")[-1] == b"offline", "the last will")
    again = start(daemon.socket, "--mqtt", f"mqtt://127.0.0.1:{broker.port}", "--state", tmp_path / "state")
    until(lambda: ear.of("/available")[-1] == b"online", "back")
    assert {topic.split("/")[2] for topic, _, _ in ear.heard if topic.startswith("adaptd/")} == {words["box"]}
    assert again.end() == 0
    until(lambda: ear.of("/available")[-1] == b"offline", "goodbye")
    assert len(ear.of("/checkpoint")) == 1


@needs_mosquitto
def test_a_reload_over_mqtt_reaches_the_daemon_and_other_verbs_its_refusal(
    tmp_path: Path, daemon: Daemon, start: Start, broker: Broker, ear: Ear
) -> None:
    """Commands are on because the owner said so; what the daemon does not offer is answered so."""
    start(daemon.socket, "--mqtt", f"mqtt://127.0.0.1:{broker.port}", "--state", tmp_path / "state", "--commands")
    topic = until(lambda: next((topic for topic, *_ in ear.heard if topic.endswith("/frames")), ""), "readings")
    ear.say(topic.replace("/frames", "/set/reload"), '{"by": "anna"}')
    assert json.loads(ear.wait("/answer")[0])["accepted"]
    assert daemon.changes.get(timeout=10).verb == "/v1/reload"
    ear.say(topic.replace("/frames", "/set/erase"), "{}")
    assert "is no command" in json.loads(ear.wait("/answer", 2)[1])["words"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--mqtt", "mqtt://anna:hunter2@localhost"), "put the URL into a file"),
        (("--mqtt", "localhost"), "mqtt://HOST[:PORT]"),
        (("--mqtt", "@/nonexistent"), "/nonexistent: cannot be read"),
        (("--mqtt", "mqtts://localhost", "--mqtt-ca", "/nonexistent.pem"), "/nonexistent.pem: cannot be used"),
        (("--mqtt", "mqtt://localhost", "--mqtt-credentials", str(ROOT / "Makefile")), "chmod 600"),
    ],
)
def test_arguments_that_cannot_be_used_are_one_line_and_exit_2(tmp_path: Path, words: tuple[str, ...], line: str) -> None:
    """What, where, remedy; no secret is repeated, nothing is served."""
    command = [sys.executable, "-m", "adaptd", "gateway", "--socket", str(tmp_path / "s"), "--port", "18461", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env=dict(os.environ))
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr

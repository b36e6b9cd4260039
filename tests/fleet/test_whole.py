"""The whole way with real parts: a daemon, its gateway, a broker and the server; up, back, and down."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adaptd.client import call
from adaptd.fleet import rollout, store
from adaptd.log.verify.reader import iter_records
from tests.conftest import ROOT
from tests.faults.service import Service, adaptd, verified
from tests.fleet.test_tune import written
from tests.gateway.mqtt.broker import Broker, needs_mosquitto, until
from tests.gateway.rig import Gateway

pytestmark = needs_mosquitto
pytest.importorskip("uvicorn", reason="the gateway's server is not installed: pip install 'adaptd[gateway]'")


class Server:
    """`adaptd fleet serve` as a person starts it."""

    def __init__(self, folder: Path, port: int, *, helpers: int = 0) -> None:
        self.lake, self._log = folder / "lake", folder / "server.txt"
        broker = f"mqtt://127.0.0.1:{port}"
        words = ["fleet", "serve", "--mqtt", broker, "--lake", self.lake, "--export-s", "1", "--helpers", helpers]
        with self._log.open("a") as log:
            before = self._log.stat().st_size
            self.process = subprocess.Popen([sys.executable, "-m", "adaptd", *map(str, words)], stderr=log, cwd=ROOT)
        until(lambda: "hears" in self._log.read_text()[before:], "the server hears the broker", 60)

    def ask(self, question: str) -> list[tuple[object, ...]]:
        """Read from its store."""
        with sqlite3.connect(self.lake / "fleet.db", timeout=20) as database:
            return database.execute(question).fetchall()

    def end(self) -> None:
        """As SIGTERM."""
        self.process.terminate()
        assert self.process.wait(30) == 0


@pytest.fixture
def gateways(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways, and ends them."""
    running: list[Gateway] = []

    def begin(*words: object) -> Gateway:
        running.append(Gateway(tmp_path, *words))
        return running[-1]

    yield begin
    for one in running:
        one.end()


def test_a_real_box_is_witnessed_and_takes_a_policy_that_it_may_refuse(tmp_path: Path, gateways: Callable[..., Gateway]) -> None:
    """The log vouches for the gateway's key, the countersigned note is a witness for `audit verify`, the twin beside the log goes
    up, and a policy from above is taken, recorded with who offered it, or refused because it would loosen a limit; the log is
    valid in the end.
    """
    broker = Broker(tmp_path / "broker").start()
    server, service = Server(tmp_path, broker.port), Service(tmp_path)
    try:
        service.serving()
        twin = written(service.audit.with_name(f"{service.audit.name}.twin"), 1.5, "fanless-box")
        words = ("--mqtt", f"mqtt://127.0.0.1:{broker.port}", "--fleet-key", server.lake / "fleet.pub", "--fleet-policies")
        gateways(service.socket, *words, "--state", tmp_path / "state")
        until(lambda: _has_key(server) or _sign(service), "the gateway's key under a signed checkpoint", 60)
        note = tmp_path / "state" / "witnessed.note"
        until(note.exists, "the countersigned note")
        until(lambda: bool(server.ask("SELECT box FROM twin")) or _sign(service), "the twin beside the log", 60)

        text = service.policy.read_text().replace("limit_c: 85", "limit_c: 83")
        _roll(server.lake, text)
        document = service.until(lambda document: document["policy"]["sha256"] == _newest(server.lake).sha256)
        assert document["offer"]["refused"] == ""
        until(lambda: _outcomes(server) == ["good"] and _newest(server.lake).state is rollout.State.FINISHED, "good", 60)

        _roll(server.lake, service.policy.read_text().replace("limit_c: 85", "limit_c: 90"))
        until(lambda: "refused" in _outcomes(server), "refused", 60)
        assert "thermal.limit_c: 90 C is offered" in str(server.ask("SELECT words FROM told WHERE outcome = 'refused'"))
        assert service.status()["limits"]["limit_mc"] == 83_000

        assert service.end()[0] == 0
        asked = [record for record in iter_records(service.audit) if record["kind"] == "asked"]
        assert [(one["verb"], bool(one["refused"])) for one in asked] == [("offer", False), ("offer", True)]
        assert asked[0]["by"].startswith("fleet roll-out 1 p (uid ")
        assert verified(service.audit)["verdict"] == "valid"
        done = adaptd("audit", "verify", service.audit, "--witness", note, "--witness-key", server.lake / "fleet.pub", "--json")
        assert json.loads(done.stdout)["verdict"] == "valid", done.stderr
        ((sent,),) = server.ask("SELECT words FROM twin")
        assert json.loads(str(sent))["twin"] == json.loads((twin / "twin.json").read_text())
        assert server.ask("SELECT * FROM alarm") == []
    finally:
        service.kill()
        server.end()
        broker.stop()


def _sign(service: Service) -> None:
    """Ask for a checkpoint now rather than in a minute."""
    call(service.socket, "POST", "/v1/checkpoint", {})


def _has_key(server: Server) -> bool:
    found = server.ask("SELECT log FROM box")
    return bool(found) and bool(json.loads(str(found[0][0]))["gateway_keys"])


def _roll(lake: Path, text: str) -> None:
    database = store.connect(lake)
    rollout.begin(database, "p", text, "", 1 + 10 * len(rollout.load_all(database)), rollout.Thresholds(probation_s=1))
    database.close()


def _newest(lake: Path) -> rollout.Rollout:
    database = store.connect(lake)
    try:
        return rollout.load_all(database)[-1]
    finally:
        database.close()


def _outcomes(server: Server) -> list[str]:
    return [str(outcome) for (outcome,) in server.ask("SELECT outcome FROM told ORDER BY rollout")]

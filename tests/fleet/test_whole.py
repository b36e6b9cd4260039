"""The whole way with real parts: a daemon, its gateway, a broker, a mirror and the server; up, back, and down."""

import functools
import http.server
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.client import call
from adaptd.fleet import rollout, store
from adaptd.log.verify.reader import iter_records
from adaptd.packs.install import here
from adaptd.packs.make import make
from adaptd.packs.slot import Slot
from tests.conftest import ROOT
from tests.faults.service import Service, adaptd, verified
from tests.fleet.test_tune import written
from tests.gateway.mqtt.broker import Broker, needs_mosquitto, until
from tests.gateway.rig import Gateway
from tests.packs.test_packs import BUNDLE, Owner

ROOM = ROOT / "policies" / "scenarios" / "room.yaml"
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


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *words: object) -> None:
        """Nothing."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that a loopback address serves."""
    place = tmp_path / "mirror"
    place.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(place)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield place, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_real_box_is_witnessed_and_takes_what_is_offered_or_refuses_it(
    tmp_path: Path, gateways: Callable[..., Gateway], mirror: tuple[Path, str]
) -> None:
    """The log vouches for the gateway's key, the countersigned note is a witness for `audit verify`, the twin beside the log goes
    up. A pack is fetched, checked, run and kept, a policy is taken on top of it, each recorded with who offered it. A policy and
    a pack that would loosen a limit of the owner's file are refused, and what ran goes on; the log is valid in the end.
    """
    broker, owner, slot = Broker(tmp_path / "broker").start(), Owner(tmp_path), Slot(tmp_path / "packs")
    server = Server(tmp_path, broker.port)
    service = Service(tmp_path, "--packs", slot.folder, "--pack-key", owner.public, "--twin", ROOM)
    for name, limit_c in (("good", 84), ("bad", 90)):
        _pack(mirror[0] / f"{name}.pack", owner, service.policy.read_text().replace("limit_c: 85", f"limit_c: {limit_c}"))
    try:
        service.serving()
        twin = written(service.audit.with_name(f"{service.audit.name}.twin"), 1.5, "fanless-box")
        words = ("--mqtt", f"mqtt://127.0.0.1:{broker.port}", "--fleet-key", server.lake / "fleet.pub", "--fleet-policies")
        packs = ("--fleet-packs", slot.folder, "--pack-key", owner.public)
        gateways(service.socket, *words, *packs, "--state", tmp_path / "state")
        until(lambda: _has_key(server) or _sign(service), "the gateway's key under a signed checkpoint", 60)
        note = tmp_path / "state" / "witnessed.note"
        until(note.exists, "the countersigned note")
        until(lambda: bool(server.ask("SELECT box FROM twin")) or _sign(service), "the twin beside the log", 60)

        _roll_pack(server, owner, mirror, "good")
        until(lambda: _newest(server.lake).state is rollout.State.FINISHED, "the pack is kept", 180)
        good = _newest(server.lake).sha256
        assert (slot.state.chosen, slot.state.running, slot.state.kept) == (good, good, True)
        assert service.serving()["limits"]["limit_mc"] == 84_000

        _roll(server.lake, service.policy.read_text().replace("limit_c: 85", "limit_c: 83"))
        document = service.until(lambda document: document["policy"]["sha256"] == _newest(server.lake).sha256)
        assert document["offer"]["refused"] == ""
        until(lambda: _newest(server.lake).state is rollout.State.FINISHED, "good", 60)
        _roll(server.lake, service.policy.read_text().replace("limit_c: 85", "limit_c: 90"))
        until(lambda: _newest(server.lake).state is rollout.State.STOPPED, "refused", 60)
        assert service.status()["limits"]["limit_mc"] == 83_000

        _roll_pack(server, owner, mirror, "bad")
        until(lambda: _newest(server.lake).state is rollout.State.STOPPED, "the bad pack stops by itself", 180)
        refused = server.ask("SELECT words FROM told WHERE outcome = 'refused' ORDER BY rollout")
        assert ["limit_c: 90 C is offered" in str(one) for one in refused] == [True, True]
        assert (slot.state.chosen, slot.state.running, slot.state.refused) == (good, good, _newest(server.lake).sha256)
        service.until(lambda document: document["limits"]["limit_mc"] == 83_000)

        assert service.end()[0] == 0
        records = [record for record in iter_records(service.audit) if record["kind"] in ("asked", "order")]
        asked = [record for record in records if record["kind"] == "asked"]
        assert [(one["verb"], bool(one["refused"])) for one in asked][:2] == [("offer", False), ("offer", True)]
        assert asked[0]["by"].startswith("fleet roll-out 2 p (uid ")
        assert [one["by"][:16] for one in records if one.get("order") == "restart"] == ["fleet roll-out 1", "fleet roll-out 4"]
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


def _pack(path: Path, owner: Owner, policy: str) -> None:
    """A pack of the shipped bundle for this machine."""
    path.with_suffix(".yaml").write_text(policy)
    profile = ROOT / "hw_profiles" / f"{here().board}.yaml"
    path.write_bytes(make(path.with_suffix(".yaml"), BUNDLE, profile, here(), owner.private.read_bytes(), None))


def _roll_pack(server: Server, owner: Owner, mirror: tuple[Path, str], name: str) -> None:
    """As a person does, to boxes that have said in an hour on which board they are."""
    with sqlite3.connect(server.lake / "fleet.db", timeout=20) as database:
        database.execute("UPDATE box SET face = ?", (json.dumps({"board": here().board}),))
    place, address = mirror
    words = ["--lake", server.lake, "--url", f"{address}/{name}.pack", "--key", owner.public, "--probation-s", "1"]
    assert main(["fleet", "rollout", str(place / f"{name}.pack"), *map(str, words)]) == 0


def _sign(service: Service) -> None:
    """Ask for a checkpoint now rather than in a minute."""
    call(service.socket, "POST", "/v1/checkpoint", {})


def _has_key(server: Server) -> bool:
    found = server.ask("SELECT log FROM box")
    return bool(found) and bool(json.loads(str(found[0][0]))["gateway_keys"])


def _roll(lake: Path, text: str) -> None:
    database = store.connect(lake)
    rollout.begin(database, rollout.Rollout("p", text, probation_s=1), "", time.time_ns() // 1_000_000)
    database.close()


def _newest(lake: Path) -> rollout.Rollout:
    database = store.connect(lake)
    try:
        return rollout.load_all(database)[-1]
    finally:
        database.close()


def _outcomes(server: Server) -> list[str]:
    return [str(outcome) for (outcome,) in server.ask("SELECT outcome FROM told ORDER BY rollout")]

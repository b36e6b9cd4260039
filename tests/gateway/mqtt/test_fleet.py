"""This box as one of a fleet: proofs from where the witness stands, the countersignature kept, hours sent again."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptd.client import ApiError
from adaptd.fleet.desk import cosigned as countersigned
from adaptd.fleet.softbox import SoftBox
from adaptd.fleet.witness import first_view, take
from adaptd.gateway.mqtt import fleet as side
from adaptd.gateway.mqtt.checkpoints import CheckpointReader
from adaptd.gateway.mqtt.fleet import WITNESSED, FleetSide, fleet_key
from adaptd.gateway.mqtt.seal import FILE_NAME, gateway_key, unsealed
from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.outbox import SUMMARY, Outbox
from adaptd.gateway.secret_file import SettingsError
from adaptd.log.format.keys import Signer
from adaptd.log.format.note import COSIGNATURE, VerifierKey, parse_note, verifier_key_text
from adaptd.log.write.opening import open_ledger
from tests.log.workload import SECOND, SMALL, Clock

BOX = "0a1b2c3d4e5f"


class Rig:
    """A real log, an outbox and a fleet's side; ``asked`` is what the daemon was asked for."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.log, self.state = Clock(), folder / "log", folder / "state"
        self.state.mkdir()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.said: list[str] = []
        self.refuses = False
        self.server = Signer.generate("adaptd-fleet/1")
        public = VerifierKey(self.server.name, COSIGNATURE, self.server.public)
        (folder / "fleet.pub").write_text(verifier_key_text(public) + "\n")
        self.outbox = Outbox(self.state / "outbox.db")
        key = fleet_key(folder / "fleet.pub")
        self.side = FleetSide(Topics(BOX), self.outbox, self.state, gateway_key(self.state), self.send, self.said.append, key)
        self.grow()

    def send(self, verb: str, body: dict[str, Any]) -> None:
        if self.refuses:
            raise ApiError("uid 7 may not change anything")
        self.asked.append((verb, body))

    def grow(self) -> None:
        ledger, _ = open_ledger(self.log, boot="b", mono_us=self.clock.mono_us, utc_ms=self.clock.utc_ms, limits=SMALL)
        for _ in range(9):
            self.clock.advance(SECOND)
            ledger.append("note", {"text": "x"})
        ledger.close()
        self.clock.advance(SECOND)

    def checkpoint(self) -> dict[str, Any]:
        (found,) = self.side.checkpoint(self.log, CheckpointReader(self.log).new()[-1])
        return found.body

    def hear(self, **words: Any) -> list[dict[str, Any]]:
        return [one.body for one in self.side.heard(json.dumps({"v": 1, "box": BOX, **words}).encode())]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A box of a fleet."""
    one = Rig(tmp_path)
    yield one
    one.outbox.close()


def test_each_proof_begins_where_the_last_one_ended_or_where_the_witness_stands(rig: Rig) -> None:
    """What a witness that lost a message asks for is given, and it takes it."""
    first = rig.checkpoint()
    view = take(first_view(BOX, first, first["log_pub"]), first).view
    rig.grow()
    lost = rig.checkpoint()
    assert lost["growth"]["from"] == view.size
    rig.grow()
    third = rig.checkpoint()
    assert take(view, third).said.value == "elsewhere"
    (again,) = rig.hear(records=view.size, key=True, wanted="a proof from there")
    assert take(view, again).said.value == "taken"


def test_the_countersigned_note_is_kept_and_a_strangers_is_not(rig: Rig) -> None:
    """Only the fleet's own signature is worth keeping."""
    note = parse_note(rig.checkpoint()["note"])
    rig.hear(records=5, key=True, note=countersigned(note, Signer.generate("adaptd-fleet/1"), 9))
    assert not (rig.state / WITNESSED).exists()
    rig.hear(records=5, key=True, note=countersigned(note, rig.server, 9))
    assert (rig.state / WITNESSED).read_text().startswith(note.body)


def test_the_gateways_key_is_put_on_record_once_and_again_when_the_witness_lacks_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that refuses is said, and asked again at the next occasion."""
    rig.refuses = True
    rig.side.begin()
    assert "may not change anything" in rig.said[-1]
    monkeypatch.setattr(side, "ASK_AGAIN_S", 0.0)
    rig.refuses = False
    rig.side.begin()
    rig.side.begin()
    assert [verb for verb, _ in rig.asked] == ["/v1/gateway_key"]
    assert len(base64.b64decode(rig.asked[0][1]["public"])) == 32
    rig.hear(records=5, key=False)
    assert len(rig.asked) == 2


def test_hours_that_were_delivered_are_sent_again_when_the_server_misses_them(rig: Rig) -> None:
    """They are numbered by the outbox, remembered after delivery, and only those after the last that arrived come again."""
    rig.outbox.open_channel("mqtt")
    for hour in range(5):
        rig.outbox.put(SUMMARY, f"summary:{hour}", {"merged": 1})
    waiting = rig.outbox.waiting("mqtt")
    assert [one.body["last"] for one in waiting] == [1, 2, 3, 4, 5]
    rig.outbox.delivered("mqtt", [one.id for one in waiting])
    rig.hear(stream="another0", hours=0)
    assert rig.outbox.count("mqtt") == 0
    rig.side._again_s = -100.0
    rig.hear(stream=waiting[0].body["stream"], hours=3)
    assert [one.body["first"] for one in rig.outbox.waiting("mqtt")] == [4, 5]


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b'{"box":"0a1b2c3d4e5f"}', b'{"box":"x","records":1,"key":false}'])
def test_what_is_no_answer_of_a_witness_is_passed_over(rig: Rig, payload: bytes) -> None:
    """Whatever comes in on the topic."""
    assert rig.side.heard(payload) == []
    assert rig.asked == []


def test_a_gateways_signature_holds_for_its_topic_and_bytes_alone(tmp_path: Path) -> None:
    """The key is made once with mode 0600; an open one is refused; a sealed object stays one."""
    key = gateway_key(tmp_path)
    assert gateway_key(tmp_path).public == key.public
    public = base64.b64decode(key.public)
    sealed = key.sealed("a/b", b'{"v":1}')
    assert json.loads(sealed)["v"] == 1
    assert unsealed("a/b", sealed, public) == b'{"v":1}'
    assert unsealed("a/c", sealed, public) is None
    assert unsealed("a/b", sealed.replace(b"1", b"2", 1), public) is None
    assert unsealed("a/b", b'{"v":1}', public) is None
    (tmp_path / FILE_NAME).chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        gateway_key(tmp_path)


def test_a_file_that_is_no_fleets_key_is_refused(tmp_path: Path) -> None:
    """A log's own public key is none: its kind is another."""
    place = tmp_path / "fleet.pub"
    for text in ("", "a+b+c", SoftBox().log_pub):
        place.write_text(text)
        with pytest.raises(SettingsError, match="no fleet's public key"):
            fleet_key(place)

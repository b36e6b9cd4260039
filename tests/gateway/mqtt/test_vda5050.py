"""VDA 5050: what master control reads of a box, against the standard's form and on a real broker."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptd.client import ApiError
from adaptd.gateway.feed import Feed
from adaptd.gateway.mqtt import link as linking
from adaptd.gateway.mqtt import vda5050
from adaptd.gateway.mqtt.settings import settings_of
from adaptd.gateway.plugins import Arguments
from adaptd.gateway.secret_file import SettingsError
from adaptd.gateway.vda5050.mapping import OFFLINE, Vehicle, connection, parts, state, vehicle_of
from adaptd.gateway.vda5050.plug import VdaPlug
from tests.gateway.mqtt.broker import Broker, Cable, Ear, needs_mosquitto, retained, until
from tests.gateway.mqtt.documents import document
from tests.gateway.mqtt.vda5050_schema import CONNECTION, STATE, faults

VEHICLE = Vehicle("acme", "cart-7")
ENDURANCE: dict[str, Any] = {
    "charge_pct": 71.0, "fed": False, "hours_left": 6.4, "reachable": True, "words": "lasts until 18:10 at 19 fps",
}  # fmt: skip
TROUBLED = document(
    endurance={**ENDURANCE, "reachable": False, "words": "18:00 cannot be reached"},
    conditions={"worker_alive": False}, trouble=["camera front gives no frames"], engines={"quarantined": ["int8"]},
    account={"bright": {"bound_ppm": 900, "limit_ppm": 5000, "open": True, "objects_missed": 3, "objects_added": 1}},
)  # fmt: skip
SCHEMAS = os.environ.get("ADAPTD_VDA5050_SCHEMAS", "")


def whole(words: dict[str, Any]) -> dict[str, Any]:
    """The state message of a document with a battery."""
    found = state(VEHICLE, 7, 1_795_950_000_123, parts(words))
    assert found is not None
    return found


@pytest.mark.parametrize("words", [document(endurance=ENDURANCE), TROUBLED])
def test_messages_have_the_standards_form(words: dict[str, Any]) -> None:
    """State and connection are what the standard asks for, well and in trouble; the checker does refuse what is not."""
    assert faults(whole(words), STATE) == []
    assert faults(connection(VEHICLE, 0, 0, OFFLINE), CONNECTION) == []
    wrong = {**whole(words), "errors": [{"errorType": "x", "errorLevel": "LOUD"}], "driving": 0}
    assert len(faults(wrong, STATE)) == 2


@pytest.mark.skipif(not SCHEMAS, reason="the published schemas are not here: ADAPTD_VDA5050_SCHEMAS names none")
@pytest.mark.parametrize("words", [document(endurance=ENDURANCE), TROUBLED])
def test_messages_fit_the_published_schemas(words: dict[str, Any]) -> None:
    """The same messages against the schemas that the npm package carries."""
    known = {one["$id"]: one for one in map(json.loads, (path.read_text() for path in Path(SCHEMAS).glob("*.schema.json")))}
    by_title = {one["title"]: one for one in known.values()}
    assert faults(whole(words), by_title["state"], known) == []
    assert faults(connection(VEHICLE, 0, 0, OFFLINE), by_title["connection"], known) == []


def test_state_faults_and_battery_are_where_master_control_looks() -> None:
    """Engine, light, battery and account are information; faults are errors, WARNING and never FATAL; charge is the battery's."""
    found = parts(TROUBLED)
    assert [one["infoType"] for one in found["information"]] == [
        "adaptd.engine", "adaptd.light", "adaptd.endurance", "adaptd.account",
    ]  # fmt: skip
    assert {one["errorType"] for one in found["errors"]} == {
        "adaptd.worker_alive", "adaptd.fault", "adaptd.engine", "adaptd.endurance",
    }  # fmt: skip
    assert {one["errorLevel"] for one in found["errors"]} == {"WARNING"}
    assert found["batteryState"] == {"batteryCharge": 71.0, "charging": False}
    references = {one["referenceKey"]: one["referenceValue"] for one in found["information"][3]["infoReferences"]}
    assert (references["objects_missed"], references["objects_added"]) == ("3", "1")


def test_a_battery_that_nobody_knows_is_not_a_number() -> None:
    """Without a battery there is no batteryState and no state message; the rest is said, and why the battery is missing."""
    found = parts(document(endurance={"missing": "this machine has no battery that adaptd can read"}))
    assert "batteryState" not in found
    assert state(VEHICLE, 0, 0, found) is None
    assert "has no battery" in found["errors"][0]["errorDescription"]
    assert parts(None, "no daemon listens here")["errors"][0]["errorType"] == "adaptd.unreachable"


@pytest.mark.parametrize("text", ["acme", "acme/", "ac me/7", "acme/#", "acme/+", "acme/7/x", "acme/\x1b[2J", ""])
def test_a_vehicle_that_would_not_do_in_a_topic_is_refused(text: str) -> None:
    """Wildcards, slashes and control characters never get into a topic; the line says what would be right."""
    with pytest.raises(ValueError, match="give MANUFACTURER/SERIAL"):
        vehicle_of(text)


def test_without_a_broker_it_is_wrong_usage() -> None:
    """--vda5050 alone says that --mqtt is needed."""
    with pytest.raises(SettingsError, match="give --mqtt"):
        vda5050(Arguments(socket=Path("s"), vda5050="acme/cart-7"), print)


class Unit:
    """The plug-in on a feed of its own, in an event loop of its own."""

    def __init__(self, settings: Any) -> None:
        self.words: dict[str, Any] | None = document(endurance=ENDURANCE)
        self.said: list[str] = []
        self._settings = settings
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._ready.wait(10)

    def _ask(self) -> dict[str, Any]:
        if self.words is None:
            raise ApiError("no daemon listens here")
        return self.words

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        feed = Feed(self._ask, period_s=0.1)
        tasks = [
            asyncio.ensure_future(feed.run()),
            asyncio.ensure_future(VdaPlug(self._settings, VEHICLE, self.said.append).run(feed)),
        ]
        self._ready.set()
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """As SIGTERM."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)


@pytest.fixture
def unit(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Unit]:
    """A unit that publishes to the broker."""
    monkeypatch.setattr(linking, "FIRST_WAIT_S", 0.1)
    one = Unit(settings_of(f"mqtt://127.0.0.1:{broker.port}"))
    yield one
    one.stop()


@needs_mosquitto
def test_master_control_hears_state_change_and_end(ear: Ear, unit: Unit) -> None:
    """On a real broker: ONLINE, a state in the standard's form, a new one when a fault comes, OFFLINE at an orderly end."""
    topic = "uagv/v2/acme/cart-7/"
    first = json.loads(until(lambda: ear.of(topic + "state"), "a state")[0])
    assert faults(first, STATE) == []
    assert first["errors"] == []
    unit.words = TROUBLED
    until(lambda: any(json.loads(one)["errors"] for one in ear.of(topic + "state")), "the fault as an error")
    unit.words = None
    until(lambda: any(b"adaptd.unreachable" in one for one in ear.of(topic + "adaptd")), "that the daemon is away")
    unit.stop()
    until(lambda: len(ear.of(topic + "connection")) >= 2, "the end")
    told = [json.loads(one) for one in ear.of(topic + "connection")]
    assert [one["connectionState"] for one in told] == ["ONLINE", "OFFLINE"]
    assert all(faults(one, CONNECTION) == [] for one in told)


@needs_mosquitto
def test_a_connection_that_breaks_is_told_by_the_broker(broker: Broker, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last will: CONNECTIONBROKEN in the standard's form, retained for who comes later, then ONLINE again by itself."""
    monkeypatch.setattr(linking, "FIRST_WAIT_S", 0.1)
    topic, cable = "uagv/v2/acme/cart-7/connection", Cable(broker.port)
    unit = Unit(settings_of(f"mqtt://127.0.0.1:{cable.port}"))
    try:
        ear.wait(topic)
        cable.cut()
        broken = json.loads(ear.wait(topic, 2)[1])
        assert (broken["connectionState"], faults(broken, CONNECTION)) == ("CONNECTIONBROKEN", [])
        assert json.loads(retained(broker.port)[topic])["connectionState"] == "CONNECTIONBROKEN"
        cable.mend()
        ear.wait(topic, 3)
        unit.stop()
        told = [json.loads(one) for one in ear.wait(topic, 4)]
        assert [one["connectionState"] for one in told] == ["ONLINE", "CONNECTIONBROKEN", "ONLINE", "OFFLINE"]
        assert len({one["headerId"] for one in told}) == 4
    finally:
        unit.stop()
        cable.close()


@needs_mosquitto
def test_a_broker_that_is_away_or_refuses_is_said_once_and_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that does not run, and one that refuses the password: one line each, and it goes on trying."""
    monkeypatch.setattr(linking, "FIRST_WAIT_S", 0.1)
    (tmp_path / "secret").write_text("cart\nwrong\n")
    (tmp_path / "secret").chmod(0o600)
    broker = Broker(tmp_path / "broker", anonymous=False)
    unit = Unit(settings_of(f"mqtt://127.0.0.1:{broker.port}", credentials=tmp_path / "secret"))
    try:
        until(lambda: [one for one in unit.said if "cannot be reached" in one], "that nobody listens")
        broker.start()
        until(lambda: [one for one in unit.said if "look at user name, password" in one], "that the password is wrong")
        assert len(unit.said) == 2
    finally:
        unit.stop()
        broker.stop()

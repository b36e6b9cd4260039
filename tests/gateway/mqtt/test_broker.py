"""With a real mosquitto: what arrives, what is kept, and what happens when the broker goes, refuses or is somebody else."""

import json
import socket
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from adaptd.client import alert
from adaptd.gateway.mqtt import link as linking
from adaptd.gateway.mqtt.session import outgoing
from adaptd.gateway.mqtt.settings import settings_of
from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.outbox import FILE_NAME, Outbox
from adaptd.gateway.summary import HOUR_MS, Hour
from tests.gateway.mqtt.broker import Broker, Ear, certificates, needs_mosquitto, retained, until
from tests.gateway.mqtt.conftest import BOX, Gateway
from tests.gateway.mqtt.documents import document
from tests.gateway.mqtt.test_watch import START_MS

pytestmark = [
    needs_mosquitto,
    # paho leaves the socket of a handshake that failed to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROOT = f"adaptd/v1/{BOX}"
CONFIG = f"homeassistant/device/adaptd_{BOX}/config"


def said(gateway: Gateway, words: str) -> str:
    """The line that the gateway says with these words in it, once it does."""
    return str(until(lambda: next((line for line in gateway.said if words in line), ""), f"{words!r} among {gateway.said}"))


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_everything_is_there_after_connecting(tmp_path: Path, broker: Broker, ear: Ear, version: str) -> None:
    """Discovery, availability and readings, in both versions of MQTT; only what cannot go stale is kept by the broker."""
    gateway = Gateway(tmp_path / "s", settings_of(f"mqtt://127.0.0.1:{broker.port}", version=version, period_s=0.5)).start()
    try:
        (config,) = ear.wait("/config")
        assert len(json.loads(config)["components"]) > 20
        assert json.loads(ear.wait("/temperature", 2)[-1])["temperature_c"] == 45.25
        assert json.loads(ear.wait("/light")[-1])["illuminance_lx"] is None
        until(lambda: json.loads(ear.of("/energy")[-1])["energy_wh"], "energy is counted")
        kept = retained(broker.port)
        assert set(kept) == {CONFIG, *(f"{ROOT}/{name}" for name in ("available", "daemon", "info"))}
        assert (kept[f"{ROOT}/available"], kept[f"{ROOT}/daemon"]) == (b"online", b"online")
    finally:
        gateway.stop()
    assert retained(broker.port)[f"{ROOT}/available"] == b"offline"


def test_a_gateway_that_is_cut_off_is_offline_by_its_last_will(
    tmp_path: Path, broker: Broker, ear: Ear, gateway: Gateway
) -> None:
    """Home Assistant learns of a gateway that could not say goodbye."""
    gateway.start()
    ear.wait("/available")
    link = until(lambda: gateway._plug._session and gateway._plug._session._link, "connected")
    link._client.socket().shutdown(socket.SHUT_RDWR)
    until(lambda: b"offline" in ear.of("/available"), "the last will")
    until(lambda: ear.of("/available")[-1] == b"online", "it comes back by itself")


def test_a_daemon_that_is_away_is_offline_and_its_readings_are_null(ear: Ear, gateway: Gateway) -> None:
    """The gateway stays online; no old number is repeated."""
    gateway.start()
    ear.wait("/temperature")
    gateway.words = None
    until(lambda: ear.of("/daemon")[-1] == b"offline", "daemon offline")
    until(lambda: json.loads(ear.of("/temperature")[-1])["temperature_c"] is None, "null")
    assert "no daemon listens here" in json.loads(ear.of("/temperature")[-1])["missing"]
    assert ear.of("/available") == [b"online"]
    gateway.words = document()
    until(lambda: ear.of("/daemon")[-1] == b"online", "daemon online")
    until(lambda: json.loads(ear.of("/temperature")[-1])["temperature_c"] == 45.25, "a number again")


def test_home_assistant_that_starts_gets_discovery_and_readings_again(ear: Ear, gateway: Gateway) -> None:
    """Its birth message is answered with everything."""
    gateway.start()
    ear.wait("/config")
    before = len(ear.of("/state"))
    ear.say("homeassistant/status", "online")
    ear.wait("/config", 2)
    until(lambda: len(ear.of("/state")) > before, "readings")


def test_an_alert_of_another_program_arrives_and_is_then_no_longer_kept(ear: Ear, gateway: Gateway) -> None:
    """From the spool folder over the outbox to the subscriber, with its kind as the event type; the key is in it."""
    gateway.start()
    ear.wait("/config")
    alert(gateway.state, "feeder:no-food:2026-11-28", "clinical", "No eating in 24 hours.", {"observed_h": 24.0})
    words = json.loads(ear.wait("/alert")[0])
    assert (words["event_type"], words["key"], words["box"]) == ("clinical", "feeder:no-food:2026-11-28", BOX)
    assert words["rests_on"] == {"observed_h": 24.0}
    until(lambda: gateway.waiting() == 0, "acknowledged")
    alert(gateway.state, "feeder:no-food:2026-11-28", "clinical", "No eating in 24 hours.", {"observed_h": 24.0})
    until(lambda: not list((gateway.state / "alerts").iterdir()), "fetched")
    time.sleep(0.3)
    assert len(ear.of("/alert")) == 1


def test_a_swap_and_a_fault_are_events_and_the_fault_is_an_alert_too(ear: Ear, gateway: Gateway) -> None:
    """What happens between two looks is told as it happens."""
    gateway.start()
    ear.wait("/config")
    assert gateway.words is not None
    gateway.words = {**gateway.words, "operating_point": {"variant": "fp16", "fps": 15.0}, "trouble": ["worker lost: signal 9"]}
    assert json.loads(ear.wait("event/swap")[0])["to_engine"] == "fp16"
    assert json.loads(ear.wait("event/fault")[0])["text"] == "worker lost: signal 9"
    words = json.loads(ear.wait("/alert")[0])
    assert (words["event_type"], words["text"], words["rests_on"]["engine"]) == ("fault", "worker lost: signal 9", "fp16")


def test_a_broker_killed_and_back_loses_no_alert(tmp_path: Path, broker: Broker, gateway: Gateway) -> None:
    """Alerts left while the broker is dead arrive when it is back; one that was on its way may come twice, with one key."""
    gateway.start()
    said(gateway, "connected")
    broker.kill()
    for number in range(30):
        alert(gateway.state, f"k{number}", "fault", "x", {})
    until(lambda: gateway.waiting() == 30, "in the outbox")
    broker.start()
    ear = Ear(broker.port)
    try:
        until(lambda: {json.loads(one)["key"] for one in ear.of("/alert")} == {f"k{n}" for n in range(30)}, "all of them", 30)
        until(lambda: gateway.waiting() == 0, "acknowledged")
    finally:
        ear.close()


def test_an_unreachable_broker_is_said_once_and_tried_again(tmp_path: Path) -> None:
    """The gateway says what and keeps trying; when the broker comes, everything is there."""
    broker = Broker(tmp_path / "broker")
    gateway = Gateway(tmp_path / "s", settings_of(f"mqtt://127.0.0.1:{broker.port}", period_s=0.5)).start()
    try:
        assert "is this address right and the broker running?" in said(gateway, "cannot be reached")
        time.sleep(1)
        assert len([line for line in gateway.said if "cannot be reached" in line]) == 1
        broker.start()
        said(gateway, "connected")
        until(lambda: CONFIG in retained(broker.port), "discovery")
    finally:
        gateway.stop()
        broker.stop()


def test_a_wrong_password_is_said_and_a_right_one_is_not_shown(tmp_path: Path) -> None:
    """What to look at is in the line, the password is not."""
    broker = Broker(tmp_path / "broker", f"password_file {tmp_path}/passwords", anonymous=False)
    (tmp_path / "passwords").write_text(
        # anna:right, as mosquitto_passwd writes it (PBKDF2-SHA512)
        _password_line("anna", "right")
    )
    broker.start()
    credentials = tmp_path / "credentials"
    credentials.write_text("anna\nwrong\n")
    credentials.chmod(0o600)
    wrong = Gateway(tmp_path / "a", settings_of(f"mqtt://127.0.0.1:{broker.port}", credentials=credentials)).start()
    try:
        line = said(wrong, "the broker refuses")
        assert "look at user name, password" in line
        assert "wrong" not in line
    finally:
        wrong.stop()
    credentials.write_text("anna\nright\n")
    right = Gateway(tmp_path / "b", settings_of(f"mqtt://127.0.0.1:{broker.port}", credentials=credentials)).start()
    try:
        said(right, "connected")
    finally:
        right.stop()
        broker.stop()


def _password_line(user: str, password: str) -> str:
    import base64
    import hashlib

    salt, rounds = b"twelve bytes", 101
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"{user}:$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


@pytest.mark.parametrize(
    ("made", "authority", "words"),
    [
        ({}, "ca.pem", "connected"),
        ({}, None, "certificate is not trusted"),
        ({"name": "elsewhere.example"}, "ca.pem", "certificate is not trusted"),
        ({"days_ago": 30}, "ca.pem", "this box's clock says"),
        ({"days_ago": -30}, "ca.pem", "this box's clock says"),
    ],
    ids=["own authority", "unknown authority", "another host's", "expired or clock ahead", "not yet valid or clock behind"],
)
def test_tls_checks_the_brokers_certificate(tmp_path: Path, made: dict[str, object], authority: str | None, words: str) -> None:
    """With the right authority it connects; any other certificate is refused with what to look at."""
    certificates(tmp_path / "broker", **made)  # type: ignore[arg-type]
    broker = Broker(tmp_path / "broker", tls=True).start()
    ca = tmp_path / "broker" / authority if authority else None
    gateway = Gateway(tmp_path / "s", settings_of(f"mqtts://127.0.0.1:{broker.port}", ca=ca)).start()
    try:
        said(gateway, words)
    finally:
        gateway.stop()
        broker.stop()


def test_a_plain_port_for_tls_is_said(broker: Broker, tmp_path: Path) -> None:
    """mqtts:// to an mqtt port is a common slip."""
    gateway = Gateway(tmp_path / "s", settings_of(f"mqtts://127.0.0.1:{broker.port}")).start()
    try:
        until(lambda: [line for line in gateway.said if "trying again" in line], "said")
        assert not [line for line in gateway.said if "connected to" in line]
    finally:
        gateway.stop()


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\xff\xff\xff\x7f" + bytes(100)])
def test_something_that_is_no_broker_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, greeting: bytes, scheme: str
) -> None:
    """A port that takes the connection and says nothing, or something else: one line, tried again, no end to the gateway."""
    monkeypatch.setattr(linking, "CONNECT_S", 0.3)
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    held.append(server.accept()[0])
                    held[-1].sendall(greeting)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        gateway = Gateway(tmp_path / "s", settings_of(f"{scheme}://127.0.0.1:{server.getsockname()[1]}")).start()
        try:
            said(gateway, "trying again")
            until(lambda: len(held) >= 3, "tried again")
            assert not [line for line in gateway.said if "connected to" in line]
        finally:
            began_s = time.monotonic()
            gateway.stop()
            assert time.monotonic() - began_s < 10, "a connection that hangs holds up the end"
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for one in held:
                one.close()


def test_a_client_certificate_lets_the_box_in(tmp_path: Path) -> None:
    """A broker that asks for certificates gets the box's own."""
    certificates(tmp_path / "broker")
    broker = Broker(tmp_path / "broker", "require_certificate true", tls=True).start()
    folder = tmp_path / "broker"
    url = f"mqtts://127.0.0.1:{broker.port}"
    without = Gateway(tmp_path / "a", settings_of(url, ca=folder / "ca.pem")).start()
    with_one = Gateway(
        tmp_path / "b",
        settings_of(url, ca=folder / "ca.pem", certificate=folder / "broker.pem", key=folder / "broker.key", version="3.1.1"),
    ).start()
    try:
        said(with_one, "connected")
        said(without, "trying again")
        assert not [line for line in without.said if "connected to" in line]
    finally:
        with_one.stop()
        without.stop()
        broker.stop()


def test_retained_leftovers_are_removed(broker: Broker, ear: Ear, gateway: Gateway) -> None:
    """Old retained readings of this box, and entities that are no more, go; other boxes' messages stay."""
    ear.say(f"{ROOT}/temperature", '{"temperature_c": 99}', retain=True)
    ear.say(f"{ROOT}/old/reading", "1", retain=True)
    ear.say("adaptd/v1/another/temperature", "1", retain=True)
    former = {"components": {"set_hold": {"platform": "button"}, "gone": {"platform": "sensor"}}}
    ear.say(CONFIG, json.dumps(former), retain=True)
    gateway.start()
    said(gateway, "2 retained messages that nobody needs are removed")
    documents = [json.loads(one)["components"] for one in ear.wait("/config", 3)[1:]]
    assert documents[0]["gone"] == {"platform": "sensor"}
    assert documents[0]["set_hold"] == {"platform": "button"}
    assert not {"gone", "set_hold"} & set(documents[1])
    kept = retained(broker.port)
    assert "adaptd/v1/another/temperature" in kept
    assert {topic for topic in kept if topic.startswith(ROOT)} == {f"{ROOT}/{one}" for one in ("available", "daemon", "info")}


def test_a_discovery_leftover_that_is_garbage_is_written_over(broker: Broker, ear: Ear, gateway: Gateway) -> None:
    """Whatever lay there, the document is right afterwards."""
    ear.say(CONFIG, b"\xff[[[", retain=True)
    gateway.start()
    until(lambda: b'"origin"' in retained(broker.port).get(CONFIG, b""), "our document")


def test_commands_are_not_even_heard_while_they_are_off(ear: Ear, gateway: Gateway) -> None:
    """Off unless the owner turned them on: no answer, nothing written down."""
    gateway.start()
    ear.wait("/config")
    ear.say(f"{ROOT}/set/reload", "{}")
    time.sleep(0.5)
    assert ear.of("/answer") == []


def test_hostile_commands_are_refused_and_the_gateway_goes_on(tmp_path: Path, broker: Broker, ear: Ear) -> None:
    """Unknown verbs, garbage, over 64 kB, retained: each refused, counted and written down; a good one still gets through."""
    settings = settings_of(f"mqtt://127.0.0.1:{broker.port}", period_s=0.5)
    ear.say(f"{ROOT}/set/reload", "{}", retain=True)
    gateway = Gateway(tmp_path / "s", settings, commands=True).start()
    try:
        ear.wait("/config")
        assert "retained" in json.loads(ear.wait("/answer")[0])["words"]
        until(lambda: f"{ROOT}/set/reload" not in retained(broker.port), "the retained command is gone")
        time.sleep(0.3)
        ear.say(f"{ROOT}/set/erase", "{}")
        ear.say(f"{ROOT}/set/a/b", "{}")
        ear.say(f"{ROOT}/set/hold", b"\x00\xff" * 1000)
        ear.say(f"{ROOT}/set/hold", b"[" * 100_000)
        ear.say(f"{ROOT}/set/hold", b"x" * 5_000_000)
        ear.say(f"{ROOT}/set/hold", '{"minutes": 5, "reason": "vet", "by": "anna"}')
        answers = [json.loads(one) for one in ear.wait("/answer", 6)]
        assert [answer["accepted"] for answer in answers] == [False] * 6
        assert "at most 65536" in answers[4]["words"]
        assert answers[5]["by"] == "anna"
        assert "no daemon listens here" in answers[5]["words"]
        assert answers[5]["refused_commands"] == 6
    finally:
        gateway.stop()
    with closing(Outbox(tmp_path / "s" / FILE_NAME)) as outbox:
        rows = outbox.commands()
    assert [(verb, who) for _, verb, who, _, _ in rows][:2] == [("hold", "anna"), ("hold", "unread")]
    assert len(rows) == 6


def test_a_week_without_a_network_arrives_afterwards(ear: Ear, gateway: Gateway) -> None:
    """168 hours, a checkpoint every hour and an alert a day, put while nothing could be sent, come with the times they had."""
    clock = [START_MS]
    with closing(Outbox(gateway.state / FILE_NAME, None, lambda: clock[0])) as outbox:
        outbox.open_channel("mqtt")
        for hour in range(7 * 24):
            one = Hour(clock[0], observed_s=3600.0, energy_j=32_400.0, energy_s=3600.0)
            clock[0] += HOUR_MS
            words = one.words(BOX, clock[0])
            outbox.put("summary", words["key"], words)
            outbox.put("checkpoint", f"checkpoint:{hour}", {"records": hour})
            if hour % 24 == 23:
                outbox.put_alert(f"day-{hour}", "clinical", "No eating.", {})
    gateway.start()
    until(lambda: len(ear.of("/summary")) >= 168 and len(ear.of("/checkpoint")) == 168 and len(ear.of("/alert")) == 7, "all", 60)
    hours = [json.loads(one)["from_utc_ms"] for one in ear.of("/summary")]
    assert hours == sorted(hours)
    assert json.loads(ear.of("/alert")[0])["utc_ms"] == START_MS + 24 * HOUR_MS
    until(lambda: gateway.waiting() == 0, "the outbox is empty")
    assert json.loads(retained(gateway.port)[f"{ROOT}/checkpoint"])["records"] == 167


def test_what_comes_twice_has_one_key(ear: Ear, gateway: Gateway) -> None:
    """A power cut between the broker's acknowledgement and ours: the alert is sent again, and tells that it is the same."""
    with closing(Outbox(gateway.state / FILE_NAME)) as outbox:
        outbox.open_channel("mqtt")
        outbox.put_alert("once", "clinical", "No eating.", {})
        (one,) = outbox.waiting("mqtt")
        twice = outgoing(Topics(BOX), one)
        ear.say(twice.topic, twice.payload)  # it had been sent, and the box lost its power
    gateway.start()
    alerts = [json.loads(one) for one in ear.wait("/alert", 2)]
    assert alerts[0] == alerts[1]
    assert {words["key"] for words in alerts} == {"once"}


def test_ten_thousand_queued_arrive_and_leave_the_outbox(tmp_path: Path, broker: Broker, ear: Ear, gateway: Gateway) -> None:
    """After a long silence everything is delivered, the clinical ones first, and the file is empty of it."""
    path = gateway.state / FILE_NAME
    with closing(Outbox(path)) as outbox:
        outbox.open_channel("mqtt")
    with closing(sqlite3.connect(path)) as database, database:
        body = json.dumps({"v": 1, "key": "K", "kind": "fault", "text": "x", "rests_on": {}})
        database.executemany(
            "INSERT INTO message (key, kind, grade, body, made_ms) VALUES (?, 'alert', 'fault', ?, 0)",
            [(f"k{number}", body.replace("K", f"k{number}")) for number in range(10_000)],
        )
        database.execute("INSERT OR IGNORE INTO delivery SELECT id, 'mqtt', 0 FROM message")
    with closing(Outbox(path)) as outbox:
        outbox.put_alert("last-but-clinical", "clinical", "No eating.", {})
    gateway.start()
    until(lambda: len(ear.of("/alert")) >= 10_001, "all arrive", 60)
    keys = [json.loads(one)["key"] for one in ear.of("/alert")]
    assert keys[0] == "last-but-clinical"
    assert len(keys) == len(set(keys)) == 10_001
    until(lambda: gateway.waiting() == 0, "the outbox is empty")

"""A real mosquitto on a free loopback port, certificates made for one test, and an ear that hears everything published."""

import contextlib
import datetime as dt
import ipaddress
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed: apt-get install mosquitto")
PATIENCE_S = 20.0


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait for something that another process or thread brings about."""
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {patience_s:g} s: {what}")


class Broker:
    """One mosquitto; ``lines`` are added to its configuration. It may be killed and started again on the same port."""

    def __init__(self, folder: Path, *lines: str, anonymous: bool = True, tls: bool = False) -> None:
        self.port = free_port()
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        config = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'true' if anonymous else 'false'}",
            "max_queued_messages 0",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            "user root",
        ]
        if tls:
            config += [f"cafile {folder}/ca.pem", f"certfile {folder}/broker.pem", f"keyfile {folder}/broker.key"]
        (folder / "mosquitto.conf").write_text("\n".join([*config, *lines]) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Broker":
        """Start it and wait until it listens."""
        assert PROGRAM is not None
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=subprocess.STDOUT
            )
        until(self._listens, f"mosquitto listens: {(self.folder / 'mosquitto.log').read_text()}")
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """As a power cut at the broker."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End it in order, if it runs."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


class Ear:
    """A subscriber that keeps everything it hears as (topic, payload, retained)."""

    def __init__(self, port: int, topic: str = "#", user: str = "", password: str = "") -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self._ready = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = lambda _c, _u, message: self.heard.append((message.topic, message.payload, message.retain))
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_connect = lambda *_: self._client.subscribe(topic, 1)
        if user:
            self._client.username_pw_set(user, password)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE_S), "the ear hears nothing"

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        """Publish as somebody else would."""
        self._client.publish(topic, payload, 1, retain).wait_for_publish(PATIENCE_S)

    def of(self, end: str) -> list[bytes]:
        """The payloads of all topics that end so."""
        return [payload for topic, payload, _ in list(self.heard) if topic.endswith(end)]

    def wait(self, end: str, number: int = 1, patience_s: float = PATIENCE_S) -> list[bytes]:
        """The payloads of a topic, once there are so many."""
        return list(until(lambda: len(self.of(end)) >= number and self.of(end), f"{number} on {end}", patience_s))


def retained(port: int) -> dict[str, bytes]:
    """What the broker keeps for whoever comes."""
    ear = Ear(port)
    try:
        time.sleep(0.3)
        return {topic: payload for topic, payload, kept in ear.heard if kept}
    finally:
        ear.close()


def certificates(folder: Path, *, name: str = "127.0.0.1", days_ago: int = 1, days: int = 10) -> None:
    """``ca.pem``, ``broker.pem`` and ``broker.key`` in ``folder``, valid from ``days_ago`` for ``days``."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, broker_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    begin = dt.datetime.now(dt.timezone.utc) - dt.timedelta(days=days_ago)

    def sign(subject: x509.Name, key: Any, *, is_authority: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        )
        if is_authority:
            unused = "content_commitment key_encipherment data_encipherment key_agreement encipher_only decipher_only".split()
            usage = dict.fromkeys([*unused, "digital_signature"], False)
            builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        else:
            try:
                alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
            except ValueError:
                alternative = x509.DNSName(name)
            builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        return builder.sign(authority_key, hashes.SHA256())

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(sign(authority, authority_key, is_authority=True).public_bytes(pem))
    (folder / "broker.pem").write_bytes(sign(subject, broker_key, is_authority=False).public_bytes(pem))
    (folder / "broker.key").write_bytes(
        broker_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class Cable:
    """What lies between a client and a broker: carries bytes both ways until it is cut, then nothing until it is mended."""

    def __init__(self, broker_port: int) -> None:
        self._target = broker_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ends: list[socket.socket] = [self._listener]
        self._whole = True
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        """As a vehicle that drives out of reach of the radio: no goodbye from either side."""
        self._whole = False
        self._shut(self._ends[1:])

    def mend(self) -> None:
        """Carry again."""
        self._whole = True

    def close(self) -> None:
        """Cut for good."""
        self._whole = False
        self._shut(self._ends)
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._ends.append(near)
                if not self._whole:
                    self._shut([near])
                    continue
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends.append(far)
                for one, other in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=self._carry, args=(one, other)))
                    self._threads[-1].start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        self._shut([one, other])

    @staticmethod
    def _shut(ends: list[socket.socket]) -> None:
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

"""The fitted twin of a box goes up once for each time it was fitted, and nothing that is no twin goes up."""

import json
import os
from pathlib import Path

import pytest

from adaptd.gateway.mqtt.checkpoints import MOST_BYTES, TwinReader
from adaptd.gateway.mqtt.session import outgoing
from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.outbox import TWIN, Message

BOX = "0a1b2c3d4e5f"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log's folder with a twin beside it."""
    place = tmp_path / "audit_logs.twin"
    place.mkdir()
    for name in ("typical", "policy", "profile"):
        (place / f"{name}.yaml").write_text(f"{name}: 1\n")
    (place / "day-1.yaml").write_text("a day by itself stays on the box\n")
    (place / "twin.json").write_text(json.dumps({"schema": 1, "estimates": {}}))
    return tmp_path / "audit_logs"


def test_a_twin_is_sent_once_and_again_when_it_was_fitted_anew(log: Path) -> None:
    """What is sent is the pattern, never a day by itself; the broker keeps the newest."""
    said: list[str] = []
    reader = TwinReader(BOX, said.append)
    (one,) = reader.new(log)
    assert (one.kind, set(one.body)) == (TWIN, {"box", "twin", "typical", "policy", "profile"})
    assert reader.new(log) == []
    (same,) = TwinReader(BOX, said.append).new(log)
    assert same.key == one.key, "a gateway that starts anew makes the same message, which the outbox knows"
    (log.with_name("audit_logs.twin") / "twin.json").write_text(json.dumps({"schema": 1, "estimates": {"days": 9}}))
    os.utime(log.with_name("audit_logs.twin") / "twin.json", ns=(5, 5))
    (other,) = reader.new(log)
    assert other.key != one.key
    sent = outgoing(Topics(BOX), Message(1, other.key, TWIN, "", other.body, None, 0, 0))
    assert (sent.topic, sent.retain, sent.qos) == (f"adaptd/v1/{BOX}/twin", True, 1)
    assert said == []


def test_what_is_no_twin_stays_and_is_said_once(log: Path) -> None:
    """Nothing there is silence; a link, a broken file and one that is too long are one line each."""
    said: list[str] = []
    place = log.with_name("audit_logs.twin")
    assert TwinReader(BOX, said.append).new(log.with_name("elsewhere")) == []
    assert said == []
    for spoil in (
        lambda: (place / "policy.yaml").write_text("x" * MOST_BYTES),
        lambda: (place / "twin.json").write_text("["),
        lambda: ((place / "typical.yaml").unlink(), (place / "typical.yaml").symlink_to("/etc/hostname")),
    ):
        spoil()
        reader = TwinReader(BOX, said.append)
        assert reader.new(log) == []
        assert reader.new(log) == []
    assert len(said) == 3
    assert "a message takes" in said[0]
    assert all("is not sent" in words for words in said)

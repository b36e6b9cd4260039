"""Alerts that other programs leave in the state folder reach the outbox, whole, once, or are set aside with a reason."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from adaptd.client import ApiError, alert, default_state
from adaptd.gateway.outbox import Bounds, Outbox
from adaptd.gateway.outbox_schema import OutboxError
from adaptd.gateway.spool import fetch_alerts

JPEG = b"\xff\xd8" + bytes(100)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox beside the folder."""
    box = Outbox(tmp_path / "outbox.db", Bounds(alerts=3))
    box.open_channel("mqtt")
    yield box
    box.close()


def test_an_alert_left_by_a_program_is_fetched_once(tmp_path: Path, outbox: Outbox) -> None:
    """The program needs no gateway that runs; the file goes once the outbox has it; the key makes it one."""
    assert alert(tmp_path, "k", "clinical", "No eating <b>.", {"engine_mix": {"int8": 0.4}}, JPEG)
    assert not alert(tmp_path, "k", "clinical", "No eating.", {})
    said: list[str] = []
    assert fetch_alerts(tmp_path, outbox, said.append, "b0") == 1
    assert list((tmp_path / "alerts").iterdir()) == []
    (one,) = outbox.waiting("mqtt")
    assert (one.grade, one.picture, one.body["box"], one.body["text"]) == ("clinical", JPEG, "b0", "No eating <b>.")
    assert alert(tmp_path, "k", "clinical", "No eating.", {})
    assert fetch_alerts(tmp_path, outbox, said.append) == 0
    assert said == []


def test_what_is_no_alert_is_set_aside_with_a_reason(tmp_path: Path, outbox: Outbox) -> None:
    """Cut short, hostile, linked or huge files stop nothing and stay for whoever looks."""
    folder = tmp_path / "alerts"
    folder.mkdir()
    (folder / "a.json").write_text('{"key": "k"')
    (folder / "b.json").write_text("[" * 60_000)
    (folder / "c.json").write_text(json.dumps({"key": "k", "kind": "clinical", "text": 5, "rests_on": 7}))
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps({"key": "outside", "kind": "watch", "text": "t", "rests_on": {}}))
    (folder / "d.json").symlink_to(outside)
    (folder / "e.json").write_bytes(b" " * 500_000)
    os.mkfifo(folder / "f.json")
    (folder / ".draft.json").write_text("{")
    (folder / "g.json").write_text(json.dumps({"key": "k", "kind": "clinical", "text": "t", "picture_base64": "!!"}))
    good = {"key": "good", "kind": "watch", "text": "t", "rests_on": {}}
    (folder / "h.json").write_text(json.dumps(good))
    said: list[str] = []
    assert fetch_alerts(tmp_path, outbox, said.append) == 1
    assert len(said) == 7
    assert sorted(path.name for path in folder.iterdir() if path.name.endswith(".refused")) == [
        f"{letter}.json.refused" for letter in "abcdefg"
    ]
    assert [one.key for one in outbox.waiting("mqtt")] == ["good"]
    assert fetch_alerts(tmp_path, outbox, said.append) == 0
    assert len(said) == 7


def test_a_full_outbox_leaves_the_files_where_they_are(tmp_path: Path, outbox: Outbox) -> None:
    """What does not fit yet is not lost."""
    for number in range(5):
        alert(tmp_path, f"k{number}", "clinical", "x", {})
    with pytest.raises(OutboxError):
        fetch_alerts(tmp_path, outbox, print)
    assert outbox.count("mqtt") == 3
    assert len(list((tmp_path / "alerts").iterdir())) == 2
    outbox.delivered("mqtt", [one.id for one in outbox.waiting("mqtt")])
    assert fetch_alerts(tmp_path, outbox, print) == 2


def test_nobody_fetching_is_told_to_the_program_but_never_for_clinical_alerts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is bounded for all but the class that must never be held back."""
    monkeypatch.setattr("adaptd.client.MAX_WAITING_ALERTS", 2)
    for number in range(2):
        alert(tmp_path, f"k{number}", "watch", "x", {})
    with pytest.raises(ApiError, match="start `adaptd gateway`"):
        alert(tmp_path, "k2", "watch", "x", {})
    assert alert(tmp_path, "k3", "clinical", "x", {})


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """The program learns what to do."""
    (tmp_path / "state").write_text("")
    with pytest.raises(ApiError, match="name a --state folder"):
        alert(tmp_path / "state", "k", "watch", "x", {})


def test_the_state_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user's programs and gateway meet in one folder without being told."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_state() == tmp_path / "adaptd"

"""What must arrive stays on the disk until it has arrived, once a key, within bounds."""

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adaptd.gateway.outbox import ALERT, CHECKPOINT, SUMMARY, Bounds, Outbox
from adaptd.gateway.outbox_schema import MIGRATIONS, OutboxError, open_database
from adaptd.gateway.summary import HOUR_MS, Hour
from tests.conftest import ROOT

DAY_MS = 24 * HOUR_MS
JPEG = b"\xff\xd8" + bytes(1000)


class Clock:
    """A wall clock that the test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_795_900_000_000

    def __call__(self) -> int:
        """UTC in milliseconds."""
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    """Late November 2026."""
    return Clock()


@pytest.fixture
def outbox(tmp_path: Path, clock: Clock) -> Iterator[Outbox]:
    """An outbox whose channel is ``mqtt``."""
    box = Outbox(tmp_path / "outbox.db", Bounds(summaries=8, checkpoints=5, alerts=20, pictures=3, delivered=10), clock)
    box.open_channel("mqtt")
    yield box
    box.close()


def summary(number: int, joules: float = 3600.0) -> dict[str, object]:
    """An hour that was observed whole, at one watt."""
    hour = Hour(from_ms=number * HOUR_MS, observed_s=3600, energy_j=joules, energy_s=3600)
    hour.frames["delivered"] = 100
    return hour.words("b0", (number + 1) * HOUR_MS)


def put_summary(outbox: Outbox, number: int) -> None:
    """Put hour ``number``."""
    words = summary(number)
    outbox.put(SUMMARY, str(words["key"]), words)


def test_a_message_waits_until_it_is_acknowledged_and_then_no_longer(outbox: Outbox) -> None:
    """Handing a message over is not delivering it: only the acknowledgement takes it out."""
    assert outbox.put_alert("k1", "clinical", "No eating in 24 hours.", {"observed_h": 24})
    (one,) = outbox.waiting("mqtt")
    outbox.tried("mqtt", [one.id])
    assert [found.tries for found in outbox.waiting("mqtt")] == [1]
    outbox.delivered("mqtt", [one.id])
    assert outbox.waiting("mqtt") == []
    assert one.body["key"] == "k1"
    assert one.body["rests_on"] == {"observed_h": 24}


def test_the_same_key_is_one_message_also_after_delivery(outbox: Outbox) -> None:
    """An application that is started again and repeats its alert alarms nobody twice."""
    assert outbox.put_alert("k1", "watch", "Less than usual.", {})
    assert not outbox.put_alert("k1", "watch", "Less than usual.", {})
    outbox.delivered("mqtt", [outbox.waiting("mqtt")[0].id])
    assert not outbox.put_alert("k1", "watch", "Less than usual.", {})
    assert outbox.count("mqtt") == 0


def test_every_channel_gets_every_message(outbox: Outbox) -> None:
    """What the broker has acknowledged still waits for the owner's telephone."""
    outbox.open_channel("notify:a")
    outbox.put_alert("k1", "clinical", "No eating.", {})
    outbox.delivered("mqtt", [outbox.waiting("mqtt")[0].id])
    assert [one.key for one in outbox.waiting("notify:a")] == ["k1"]
    outbox.close_channel("notify:a")
    assert outbox.waiting("notify:a") == []


def test_a_new_channel_gets_the_alerts_of_the_last_day(outbox: Outbox, clock: Clock) -> None:
    """A telephone set up after the alarm still rings; last week's alarms do not."""
    outbox.put_alert("old", "clinical", "Old.", {})
    clock.now_ms += 3 * DAY_MS
    outbox.put_alert("new", "clinical", "New.", {})
    outbox.open_channel("notify:a")
    outbox.open_channel("notify:a")
    assert [one.key for one in outbox.waiting("notify:a")] == ["new"]


def test_clinical_alerts_go_first(outbox: Outbox) -> None:
    """After a week without a network the owner reads first what a vet would ask about."""
    put_summary(outbox, 1)
    outbox.put_alert("n", "notice", "Lens is dirty.", {})
    outbox.put_alert("c", "clinical", "No eating.", {})
    assert [one.key for one in outbox.waiting("mqtt")][:2] == ["c", "n"]


def test_old_summaries_become_coarse_and_nothing_of_them_is_lost(outbox: Outbox) -> None:
    """Weeks without a network: hours become days, and joules, frames and seconds still add up."""
    for number in range(100):
        put_summary(outbox, number)
    bodies = [one.body for one in outbox.waiting("mqtt")]
    assert len(bodies) == 8
    assert sum(body["energy"]["energy_j"] for body in bodies) == pytest.approx(100 * 3600)
    assert sum(body["frames"]["delivered_frames"] for body in bodies) == 100 * 100
    assert sum(body["merged"] for body in bodies) == 100
    assert [body["to_utc_ms"] for body in bodies[:-1]] == [body["from_utc_ms"] for body in bodies[1:]]
    assert len({body["key"] for body in bodies}) == 8
    assert bodies[-1]["merged"] == 1


def test_a_summary_that_was_sent_is_never_merged(outbox: Outbox) -> None:
    """The other side may have it already; merged into another it would count twice."""
    for number in range(8):
        put_summary(outbox, number)
    sent = [one.id for one in outbox.waiting("mqtt")]
    outbox.tried("mqtt", sent)
    put_summary(outbox, 8)
    assert [one.body["merged"] for one in outbox.waiting("mqtt")] == [1] * 9


def test_alerts_are_never_dropped_and_a_full_outbox_says_so(outbox: Outbox) -> None:
    """Twenty may wait: the twenty-first is refused in words, the twenty stay."""
    for number in range(20):
        outbox.put_alert(f"k{number}", "fault", "x", {}, JPEG)
    with pytest.raises(OutboxError, match="20 alerts wait and none is ever dropped"):
        outbox.put_alert("k20", "fault", "x", {})
    waiting = outbox.waiting("mqtt")
    assert [one.key for one in waiting] == [f"k{number}" for number in range(20)]
    assert sum(one.picture is not None for one in waiting) <= 4


def test_old_checkpoints_go_before_new_ones(outbox: Outbox) -> None:
    """The newest checkpoint covers those before it."""
    for number in range(9):
        outbox.put(CHECKPOINT, f"c{number}", {"size": number})
    assert [one.key for one in outbox.waiting("mqtt")] == [f"c{number}" for number in range(4, 9)]


def test_delivered_messages_leave_only_so_many_keys(outbox: Outbox, tmp_path: Path) -> None:
    """What has arrived does not fill the disk."""
    for number in range(50):
        outbox.put_alert(f"k{number}", "fault", "x", {}, JPEG)
        outbox.delivered("mqtt", [outbox.waiting("mqtt")[0].id])
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as database:
        rows = database.execute("SELECT count(*), count(picture) FROM message").fetchone()
    assert rows == (10, 0)


def test_a_message_over_64_kb_is_refused(outbox: Outbox) -> None:
    """Nobody's broker is sent a megabyte."""
    with pytest.raises(OutboxError, match="at most 65536"):
        outbox.put(CHECKPOINT, "big", {"note": "x" * 70_000})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "Clinical"}, "one of clinical, fault, watch, notice"),
        ({"key": ""}, "1 to 200"),
        ({"key": "a\nb"}, "printable"),
        ({"text": ""}, "1 to 2000"),
        ({"text": "x" * 2001}, "has 2001"),
        ({"rests_on": {"x": float("nan")}}, "JSON"),
        ({"rests_on": {"x": "y" * 20_000}}, "16384"),
        ({"picture": b"GIF89a"}, "JPEG"),
    ],
)
def test_what_is_no_alert_is_refused_in_words(outbox: Outbox, change: dict[str, object], words: str) -> None:
    """A caller's mistake is told to the caller, not stored."""
    good = {"key": "k", "kind": "clinical", "text": "t", "rests_on": {}, "picture": None}
    with pytest.raises(ValueError, match=words):
        outbox.put_alert(**{**good, **change})  # type: ignore[arg-type]


def _put_many(path: str, who: int) -> None:
    for number in range(25):
        with closing(Outbox(Path(path))) as outbox:
            outbox.put_alert(f"shared-{number}", "watch", f"from {who}", {})


def test_several_processes_put_at_once(tmp_path: Path, clock: Clock) -> None:
    """Four programs with the same 25 keys make 25 alerts."""
    path = tmp_path / "outbox.db"
    with closing(Outbox(path, None, clock)) as outbox:
        outbox.open_channel("mqtt")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_put_many, args=(str(path), who)) for who in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    with closing(Outbox(path)) as outbox:
        assert outbox.count("mqtt") == 25


def test_what_was_put_survives_a_kill(tmp_path: Path) -> None:
    """A process that says it has put an alert and is then killed has put it."""
    path = tmp_path / "outbox.db"
    with closing(Outbox(path)) as outbox:
        outbox.open_channel("mqtt")
    code = (
        "import sys, pathlib; from adaptd.gateway.outbox import Outbox\n"
        "outbox = Outbox(pathlib.Path(sys.argv[1]))\n"
        "for n in range(10**6):\n    outbox.put_alert(f'k{n}', 'fault', 'x', {}); print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        for _ in range(10):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        said = 10 + len(child.stdout.read().splitlines())
    with closing(Outbox(path)) as outbox:
        assert outbox.count("mqtt") >= said


def test_a_file_of_the_first_schema_keeps_its_alerts(tmp_path: Path) -> None:
    """An update of adaptd finds what the version before had not delivered."""
    path = tmp_path / "outbox.db"
    database, _ = open_database(path, MIGRATIONS[:1])
    database.execute("INSERT INTO message VALUES (1, 'k', 'alert', 'clinical', ?, NULL, 5)", (json.dumps({"key": "k"}),))
    database.execute("INSERT INTO delivery VALUES (1, 'mqtt', 0)")
    database.close()
    with closing(Outbox(path)) as outbox:
        assert [one.key for one in outbox.waiting("mqtt")] == ["k"]
        outbox.keep("x", [1])
        assert outbox.kept("x") == [1]


def test_a_file_of_a_later_adaptd_is_left_alone(tmp_path: Path) -> None:
    """Going back a version loses nothing silently."""
    path = tmp_path / "outbox.db"
    open_database(path, (*MIGRATIONS, "CREATE TABLE later (x)"))[0].close()
    with pytest.raises(OutboxError, match="later adaptd"):
        Outbox(path, owner=True)


def test_a_damaged_file_is_set_aside_and_said(tmp_path: Path) -> None:
    """The gateway goes on with a new outbox, the old bytes stay, and others are told to wait for it."""
    path = tmp_path / "outbox.db"
    path.write_bytes(b"SQLite format 3\0" + os.urandom(5000))
    with pytest.raises(OutboxError, match="damaged"):
        Outbox(path)
    with closing(Outbox(path, owner=True)) as outbox:
        assert "it is kept as" in outbox.trouble
        assert outbox.put(ALERT, "k", {})
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """No traceback where the state folder is a file."""
    (tmp_path / "state").write_text("")
    with pytest.raises(OutboxError, match="cannot be opened"):
        Outbox(tmp_path / "state" / "outbox.db")


def test_a_full_disk_is_one_line_and_costs_nothing_that_is_there(outbox: Outbox) -> None:
    """SQLite's own page limit stands for the disk: the put is refused, what waits stays readable."""
    outbox.put_alert("k", "clinical", "x", {})
    (pages,) = outbox._database.execute("PRAGMA page_count").fetchone()
    outbox._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutboxError, match="cannot be written"):
        outbox.put(CHECKPOINT, "big", {"note": "x" * 60_000})
    assert [one.key for one in outbox.waiting("mqtt")] == ["k"]


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    """Alerts about a household are nobody else's."""
    with closing(Outbox(tmp_path / "outbox.db")) as outbox:
        outbox.keep("x", 1)
        assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("outbox.db*")} == {0o600}


def test_writes_are_on_the_disk_when_they_return(outbox: Outbox) -> None:
    """WAL with synchronous FULL (2): a power cut takes nothing that was acknowledged."""
    assert outbox._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert outbox._database.execute("PRAGMA synchronous").fetchone() == (2,)


def test_commands_are_remembered_with_who_asked(outbox: Outbox) -> None:
    """The last commands can be read back, newest first."""
    outbox.record_command("hold", "anna", "{}", "accepted")
    outbox.record_command("budget", "x" * 500, "y" * 5000, "refused")
    (newest, before) = outbox.commands()
    assert (before[1], before[2]) == ("hold", "anna")
    assert len(newest[2]) == 120

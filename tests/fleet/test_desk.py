"""What the server writes of what boxes say: each hour once, nothing unproven, and one line for everything that is wrong."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from adaptd.fleet import rows, store, wire
from adaptd.fleet.columns import Row, table_of
from adaptd.fleet.desk import Desk
from adaptd.fleet.lake import Lake
from adaptd.fleet.serve import enrol, load_signer
from adaptd.fleet.softbox import HOUR_MS, Message, SoftBox
from adaptd.fleet.verify import check_now
from adaptd.fleet.wire import Heard
from adaptd.log.format import keys, note


class House:
    """A store, a desk and a lake in one folder; ``again`` is a restart after a kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer_seed = None
        self.again()

    def again(self) -> None:
        self.database = store.connect(self.folder)
        self.signer = load_signer(self.folder)
        self.desk = Desk(self.database, self.signer, check_now)

    def hear(self, *messages: Message, now_ms: int | None = None) -> list[dict[str, Any]]:
        """The answers to messages that come in one batch."""
        found = [Heard(*topic.split("/")[2:], payload, now_ms or 1_795_999_999_000) for topic, payload in messages]
        return [json.loads(one.payload) for one in self.desk.process(self.desk.begin(found))]

    def alarms(self) -> list[tuple[str, str]]:
        return sorted((kind, words) for _, kind, words, *_ in store.alarms(self.database))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.alarms()]

    def rows(self) -> list[tuple[str, int]]:
        """(box, number) of every row, in the lake and on its way."""
        lake = pq.read_table(self.folder / "summary", columns=["box", "last"]).to_pylist() if self.files() else []
        waiting = [json.loads(body) for (body,) in self.database.execute("SELECT body FROM inbox")]
        return sorted((one["box"], one["last"]) for one in [*lake, *waiting])

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("summary/dt=*/part-*"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A server that has heard of nobody."""
    one = House(tmp_path / "lake")
    yield one
    one.database.close()


def test_hours_of_a_proven_box_are_kept_and_its_checkpoint_comes_back_countersigned(house: House, tmp_path: Path) -> None:
    """The cosignature is C2SP's: the log's own verifier takes the note with the witness's public key."""
    box = SoftBox()
    (answer,) = house.hear(box.checkpoint(), box.hour(), box.hour())
    assert house.rows() == [(box.name, 1), (box.name, 2)]
    public = note.parse_verifier_key((house.folder / "fleet.pub").read_text())
    assert keys.cosignature_time(note.parse_note(answer["note"]), public) == 1_795_999_999
    assert (answer["records"], answer["key"]) == (2, True)
    assert house.alarms() == []


def test_hours_that_come_before_the_log_has_shown_the_key_wait_for_it(house: House) -> None:
    """Nothing acknowledged is lost, nothing unproven is believed."""
    box = SoftBox()
    house.hear(box.hour(), box.hour())
    assert house.rows() == []
    house.again()
    house.hear(box.hour(), box.checkpoint(), box.hour())
    assert [number for _, number in house.rows()] == [1, 2, 3, 4]
    assert house.alarms() == []


def test_repeats_and_restarts_make_no_doubles(house: House) -> None:
    """Every message comes up to three times, in any batch, with restarts between: each hour is there once."""
    box, draw = SoftBox(), random.Random(5)
    messages = [box.checkpoint(), *(box.hour() for _ in range(30))]
    at = 0
    while at < len(messages):
        end = at + draw.randint(1, 5)
        house.hear(*messages[max(0, at - draw.randint(0, 4)) : end])
        if draw.random() < 0.3:
            house.again()
        at = end
    assert [number for _, number in house.rows()] == list(range(1, 31))
    assert house.kinds() == []


def test_hours_that_a_broker_lost_are_asked_for_and_come_again(house: House) -> None:
    """A hole is no alarm while the box can still fill it: it is told where to begin, and nothing is there twice."""
    box = SoftBox()
    hours = [box.hour() for _ in range(6)]
    house.hear(box.checkpoint(), hours[0])
    (asked,) = house.hear(hours[2])
    assert asked == {"v": 1, "box": box.name, "stream": "5f0b0c00", "hours": 1}
    house.again()
    house.hear(hours[3])
    assert [number for _, number in house.rows()] == [1]
    house.hear(*hours[1:])
    assert [number for _, number in house.rows()] == [1, 2, 3, 4, 5, 6]
    assert house.alarms() == []
    assert house.database.execute("SELECT count(*) FROM aside").fetchone() == (0,)


def test_hours_that_never_come_are_a_gap_and_those_behind_it_are_kept(house: House) -> None:
    """Half an hour later what waited is taken, and the hole is named."""
    box, now_ms = SoftBox(), 1_795_999_999_000
    hours = [box.hour() for _ in range(6)]
    house.hear(box.checkpoint(), hours[0], hours[2], hours[3], now_ms=now_ms)
    assert house.alarms() == []
    house.hear(hours[4], now_ms=now_ms + 1_800_001)
    assert house.alarms() == [("gap", "summaries 3 to 3 of stream 5f0b0c00 after 1")]
    house.hear(hours[5], hours[2], now_ms=now_ms + 1_800_001)
    assert [number for _, number in house.rows()] == [1, 3, 4, 5, 6]


def test_a_gap_a_twin_and_a_new_stream_are_alarms(house: House) -> None:
    """Hours that are missing, a second box under the same keys, and a gateway that counts anew are each named."""
    box = SoftBox()
    twin = SoftBox(root=box.root, gateway=box.gateway, now_ms=box.now_ms + 1)
    house.hear(box.checkpoint(), box.hour())
    box.hour()
    house.hear(box.hour())
    house.hear(box.hour(), now_ms=1_796_001_800_000)
    assert house.alarms() == [("gap", "summaries 3 to 3 of stream 5f0b0c00 after 1")]
    house.hear(twin.hour())
    assert "twin" in house.kinds()
    box.stream, box.number = "another0", 0
    house.hear(box.hour())
    assert "new stream" in house.kinds()
    assert [number for _, number in house.rows()] == [1, 1, 3, 4]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"v": 2}, "later schema"),
        ({"box": "somebodyelse"}, "names another box"),
        ({"energy": 5}, "lacks a field"),
        ({"observed_s": "x"}, "lacks a field"),
        ({"last": -1}, "lacks a field"),
        ({"versions": None}, "lacks a field"),
    ],
)
def test_what_cannot_be_used_is_put_aside_in_one_line(house: House, change: dict[str, Any], why: str) -> None:
    """A message that is malformed or of the future changes nothing, and is kept with the reason."""
    box = SoftBox()
    house.hear(box.checkpoint(), box.hour(**change))
    ((kind, words),) = house.alarms()
    assert kind == "refused"
    assert why in words
    assert house.rows() == []
    assert house.database.execute("SELECT count(*) FROM aside").fetchone() == (1,)


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff\xff", b"[" * 70_000, b'{"v":1}'])
def test_bytes_that_are_no_message_are_put_aside(house: House, payload: bytes) -> None:
    """Whatever comes in, the batch goes on."""
    box = SoftBox()
    house.hear(box.checkpoint(), (wire.topic_of(box.name, "summary"), payload), box.hour())
    assert len(house.rows()) == 1
    assert house.kinds() == ["refused"]


def test_another_signature_and_another_topic_are_refused(house: House) -> None:
    """What was signed by somebody else, or for another topic, is not believed."""
    box, other = SoftBox(), SoftBox()
    house.hear(box.checkpoint(), other.checkpoint())
    words = box.summary()
    house.hear(SoftBox(root=box.root).sealed("summary", words))
    topic, payload = box.sealed("summary", words)
    house.hear((topic.replace("summary", "rollout"), payload))
    house.hear((topic, payload.replace(b'"swaps":2', b'"swaps":9')))
    assert house.rows() == []
    assert house.kinds() == ["refused"] * 2


def test_a_box_whose_name_is_not_its_keys_is_taken_once_it_is_enrolled(house: House) -> None:
    """A box that is named after its machine needs a person's word; then only that key counts."""
    box = SoftBox()
    box.name = "named-by-hand"
    house.hear(box.checkpoint())
    assert "enrol" in house.alarms()[0][1]
    enrol(house.folder, box.name, box.log_pub)
    (answer,) = house.hear(box.checkpoint(0))
    assert answer["records"] > 0


def test_a_wrong_clock_is_said_and_filed_under_the_day_of_receipt(house: House) -> None:
    """A box in 1970, or in the next week, makes no folders of its own."""
    for start_ms in (0, 1_795_999_999_000 + 7 * 24 * HOUR_MS):
        box = SoftBox(now_ms=start_ms)
        house.hear(box.checkpoint(), box.hour())
    assert house.kinds() == ["clock", "clock"]
    Lake(house.folder, house.database).export()
    assert [one.parent.name for one in house.files()] == ["dt=2026-11-30"]


def test_after_an_alarm_nothing_is_countersigned_until_a_person_has_looked(house: House) -> None:
    """A fork stays a fork; `fleet accept` begins a new view."""
    box = SoftBox()
    twin = SoftBox(root=box.root, gateway=box.gateway)
    for _ in range(5):
        box.record("decision")
        twin.record("other")
    house.hear(box.checkpoint())
    (answer,) = house.hear(twin.checkpoint())
    assert "note" not in answer
    assert "fork" in answer["alarm"]
    assert store.accept(house.database, box.name)
    house.again()
    (answer,) = house.hear(box.checkpoint(0))
    assert "note" in answer


@pytest.mark.parametrize("point", ["written", "renamed", "joined", "removed"])
def test_a_kill_at_any_point_of_writing_the_lake_loses_and_doubles_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """The next start carries out what was begun; the day's files hold each row once."""
    boxes = [SoftBox() for _ in range(3)]
    house.hear(*(box.checkpoint() for box in boxes))
    lake = Lake(house.folder, house.database)
    for _ in range(4):
        house.hear(*(box.hour() for box in boxes for _ in range(9)))
        lake.export()
    house.hear(*(box.hour() for box in boxes))
    before = house.rows()

    class Killed(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    target = {"written": "Store", "renamed": "change", "joined": "change", "removed": "Store"}[point]
    real = store.change
    calls = iter(range(100))
    monkeypatch.setattr(
        "adaptd.fleet.lake." + target, kill if target == "Store" else lambda one: real(one) if next(calls) < 1 else kill()
    )
    with pytest.raises(Killed):
        lake.compact("2026-01-01") if point in ("joined", "removed") else lake.export()
    monkeypatch.undo()
    house.again()
    lake = Lake(house.folder, house.database)
    assert house.rows() == before
    lake.export()
    lake.compact("2026-01-01")
    assert house.rows() == before
    assert not list(house.folder.glob("summary/dt=*/.part-*"))
    assert len(house.files()) == len(list(house.folder.glob("summary/dt=*")))


def test_every_column_of_a_row_is_in_the_lake(house: House) -> None:
    """What a summary says is what a reader of the lake finds."""
    box = SoftBox()
    words = box.summary()
    (row,) = table_of([Row(1, "ok", rows.hour(json.dumps(words)))]).to_pylist()
    assert (row["energy_j"], row["heat_max_c"]) == (words["energy"]["energy_j"], words["heat"]["max_c"])
    assert dict(row["engines_frames"]) == words["engines_frames"]
    assert {one.pop("band"): one for one in row["account"]} == words["account"]
    assert [name for name, value in row.items() if value is None] == []


def test_whatever_passes_the_check_can_be_written(house: House) -> None:
    """A row that was acknowledged never stops the lake: odd values are refused at the door or written as they are."""
    odd = [None, True, 1.5, -3, 1 << 60, float("nan"), "x", "\ud800", [], {}, {"a": 1}]
    odd += [{"a": 1.5}, {"a": None}, {"": "x"}, {"a": {}}]
    box, now_ms = SoftBox(), 1_795_999_999_000
    house.hear(box.checkpoint())
    for name in box.summary():
        for value in odd:
            if name not in ("box", "v"):
                account, now_ms = {"bright": {"delivered": value}}, now_ms + HOUR_MS
                house.hear(box.hour(**{name: value}), now_ms=now_ms)
                house.hear(box.hour(account=account, versions={"policy": value}), now_ms=now_ms)
    lake = Lake(house.folder, house.database)
    lake.export()
    assert house.database.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
    assert len(house.rows()) > 100


def test_a_full_disk_takes_nothing_half_and_loses_nothing(house: House) -> None:
    """A batch that does not fit is refused whole, in one line, so nobody acknowledges it; with space it is taken as if new."""
    box = SoftBox()
    house.hear(box.checkpoint(), box.hour())
    hours = [box.hour() for _ in range(40)]
    (pages,) = house.database.execute("PRAGMA page_count").fetchone()
    house.database.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(2):
        with pytest.raises(store.StoreError, match=r"full.*free some space: nothing was acknowledged"):
            house.hear(*hours)
    assert house.rows() == [(box.name, 1)]
    house.database.execute("PRAGMA max_page_count = 100000")
    house.hear(*hours)
    assert [number for _, number in house.rows()] == list(range(1, 42))
    assert house.alarms() == []


def test_a_lake_that_cannot_be_written_keeps_its_rows_waiting(house: House) -> None:
    """Something lies where the day's folder must be: the export says so and what to do, and does it once the way is free."""
    box = SoftBox()
    house.hear(box.checkpoint(), *(box.hour() for _ in range(3)))
    lake, before = Lake(house.folder, house.database), house.rows()
    ((day,),) = house.database.execute("SELECT DISTINCT dt FROM inbox").fetchall()
    obstacle = house.folder / "summary" / f"dt={day}"
    obstacle.write_text("in the way")
    for _ in range(2):
        with pytest.raises(store.StoreError, match=r"cannot be written.*the rows wait on"):
            lake.export()
    assert house.database.execute("SELECT count(*) FROM inbox").fetchone() == (3,)
    obstacle.unlink()
    Lake(house.folder, house.database).export()
    assert house.rows() == before
    assert len(house.files()) == 1

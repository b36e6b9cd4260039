"""The daemon forgets by itself, on record: what it forgets is old, the rest verifies, and no tick waits for it."""

import threading
from pathlib import Path

import pytest

from adaptd.log.format.store import Store
from adaptd.log.verify.reader import iter_records, segment_files
from adaptd.log.write.ledger import Ledger
from adaptd.log.write.opening import open_ledger
from adaptd.log.write.prune import DAY_MS
from adaptd.log.write.retention import MOST, Retention
from tests.log.test_prune import MANY, both, many_segments
from tests.log.workload import Clock


class Keeper:
    """A log of 24 days, a segment a day, and who forgets it."""

    def __init__(self, folder: Path, keep_days: int) -> None:
        self.folder = folder
        self.clock: Clock = many_segments(folder, 24)
        clock = self.clock
        self.ledger: Ledger
        self.ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=MANY)
        self.said: list[str] = []
        self.trouble: list[str] = []
        self.retention = Retention(self.ledger, Store(folder), clock.utc_ms, self.trouble.append, keep_days)

    def settle(self) -> None:
        """Wait until the segments are read, then do what the control loop does between two ticks."""
        if self.retention._thread is not None:
            self.retention._thread.join()
        self.retention.settle(self.said.append)

    @property
    def segments(self) -> int:
        """Files that are left."""
        return len(segment_files(self.folder))


def test_old_segments_go_by_themselves_and_the_rest_verifies(tmp_path: Path) -> None:
    """With five days kept, the older go, sixteen at a time, each removal on record; both verifiers find the rest valid."""
    keeper = Keeper(tmp_path / "log", 5)
    keeper.retention.seek()
    keeper.settle()
    assert keeper.said == [f"{MOST} segments of the log were older than 5 days and are removed, on record"]
    keeper.settle()  # a full batch looks again by itself
    keeper.settle()
    keeper.ledger.close()
    assert keeper.segments < 9
    removed = [len(record["segments"]) for record in iter_records(keeper.folder) if record["kind"] == "prune"]
    assert sum(removed) + keeper.segments >= 24
    assert both(keeper.folder) == ("valid", None)
    assert keeper.trouble == []


def test_what_is_young_stays(tmp_path: Path) -> None:
    """Six months kept: nothing of a month-old log goes, and nothing is said."""
    keeper = Keeper(tmp_path / "log", 184)
    before = keeper.segments
    keeper.retention.seek()
    keeper.settle()
    assert (keeper.segments, keeper.said, keeper.trouble) == (before, [], [])


def test_nothing_goes_while_the_log_is_degraded(tmp_path: Path) -> None:
    """A removal that cannot be put on record does not happen, whether the disk fails before the search or after it."""
    keeper = Keeper(tmp_path / "log", 5)
    before = keeper.segments
    keeper.retention.seek()
    keeper.ledger._fail(OSError(28, "No space left on device"))
    keeper.settle()
    keeper.retention.seek()
    assert keeper.retention._thread is None
    assert (keeper.segments, keeper.said) == (before, [])


def test_a_device_that_wakes_up_years_later_forgets_nothing_at_once(tmp_path: Path) -> None:
    """Its clock may be wrong: only when a whole segment was written under the new date does what is older go."""
    keeper = Keeper(tmp_path / "log", 10)
    keeper.clock.wall_ms += 1000 * DAY_MS
    before = keeper.segments
    keeper.retention.seek()
    keeper.settle()
    assert keeper.segments == before
    while keeper.segments < before + 2:
        keeper.clock.advance(1_000_000)
        if keeper.ledger.rotation_due:
            keeper.ledger.rotate()
        keeper.ledger.append("note", {"text": "x" * 60}, durable=True)
    keeper.retention.seek()
    keeper.settle()
    assert keeper.segments < before


def test_no_tick_waits_while_old_segments_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes its time to read costs the control loop nothing: asking again and settling return at once."""
    keeper = Keeper(tmp_path / "log", 5)
    slow, plain = threading.Event(), Store.read
    monkeypatch.setattr(Store, "read", lambda self, name: slow.wait(30) and plain(self, name))
    keeper.retention.seek()
    keeper.retention.seek()
    keeper.retention.settle(keeper.said.append)
    assert keeper.said == []
    slow.set()
    keeper.settle()
    assert keeper.said != []


def test_a_damaged_segment_is_kept_and_said(tmp_path: Path) -> None:
    """What cannot be read is not removed, nor anything after it: one line says which file it is."""
    keeper = Keeper(tmp_path / "log", 5)
    oldest = segment_files(keeper.folder)[0]
    oldest.write_bytes(b"{}" + oldest.read_bytes()[2:])
    before = keeper.segments
    keeper.retention.seek()
    keeper.settle()
    assert keeper.segments == before
    (line,) = keeper.trouble
    assert oldest.name in line
    assert "is damaged" in line

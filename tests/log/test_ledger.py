"""The ledger on a real folder: groups, windows, locks, rotation, the degraded state and the way out of it."""

import errno
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.log.format.epochs import KeyFolder
from adaptd.log.format.store import Store
from adaptd.log.verify.reader import iter_records, last
from adaptd.log.verify.verify import Options, Outcome, verify
from adaptd.log.write.ledger import Ledger, LedgerLimits, NotRecordedError
from adaptd.log.write.opening import LedgerError, open_ledger
from adaptd.vocabulary import Setpoint
from tests.log.crash import fail_at
from tests.log.simdisk import SimDisk, no_fault
from tests.log.workload import SECOND, SMALL, Clock, Run


def opened(folder: Path, clock: Clock, *, limits: LedgerLimits = SMALL, store: Store | None = None) -> Ledger:
    """A ledger on ``folder``."""
    return open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=limits, store=store)[0]


def kinds(folder: Path) -> list[str]:
    return [record["kind"] for record in iter_records(folder)]


def test_a_second_writer_is_turned_away_with_one_line(tmp_path: Path) -> None:
    """Another daemon on the same folder is told who has it; after the first one ends the folder is free."""
    first = opened(tmp_path, Clock())
    with pytest.raises(LedgerError, match=f"in use by process {os.getpid()}; stop it or choose another folder"):
        opened(tmp_path, Clock())
    first.close()
    opened(tmp_path, Clock()).close()
    assert verify(tmp_path, Options(replay=False)).verdict is Outcome.VALID


def test_durable_records_are_acknowledged_on_return_and_others_in_groups(tmp_path: Path) -> None:
    """A durable record is on disk when append returns and takes what waits along; periodic ones wait for their group."""
    clock = Clock()
    ledger = opened(tmp_path, clock)
    base = ledger.heads.acknowledged
    ledger.append("note", {"n": 1})
    assert ledger.heads.acknowledged == base
    seq = ledger.append("act", {"n": 2}, durable=True)
    assert ledger.heads.acknowledged == seq + 1 == base + 2
    ledger.append("note", {"n": 3})
    clock.advance(SMALL.window_us + 1)
    ledger.idle()
    assert ledger.heads.acknowledged == seq + 2
    ledger.close()


def test_no_record_waits_longer_than_the_window_that_checkpoints_publish(tmp_path: Path) -> None:
    """At one record a second the oldest unacknowledged record is never older than the window, and each checkpoint states it."""
    clock = Clock()
    ledger = opened(tmp_path, clock)
    made: dict[int, int] = {}
    for _ in range(600):
        clock.advance(SECOND)
        made[ledger.append("note", {"n": 1})] = clock.now_us
        waiting = [at for seq, at in made.items() if seq >= ledger.heads.acknowledged]
        assert not waiting or clock.now_us - min(waiting) <= SMALL.window_us
    ledger.close()
    window = (last(tmp_path, "checkpoint") or {})["window"]
    assert window["us"] == SMALL.window_us
    assert 1 <= window["records"] <= SMALL.window_us // SECOND + 1


def test_wear_makes_groups_coarser_and_drops_nothing(tmp_path: Path) -> None:
    """A tenth of the wear budget gives fewer and larger commits, the same records, and the billed bytes keep to the budget."""
    written = {}
    for budget_mb in (800, 80):
        clock = Clock()
        disk = SimDisk()
        ledger = opened(tmp_path, clock, limits=replace(LedgerLimits(), wear_budget_mb=budget_mb), store=disk.store())
        begun = ledger.written_bytes
        for _ in range(3600):
            clock.advance(SECOND)
            ledger.append("note", {"text": "x" * 170})
        written[budget_mb] = ledger.written_bytes - begun
        ledger.close()
        assert kinds(disk.write_to(tmp_path / str(budget_mb))).count("note") == 3600
    assert written[80] < written[800] / 2
    assert written[80] <= 80_000_000 * 3600 / 86_400 + 80_000_000 / 24 / 8 + 300_000


def test_a_full_disk_is_recorded_in_the_reserve_and_left_without_a_gap(tmp_path: Path) -> None:
    """ENOSPC: not ok at once, word of it in the reserve, records wait in memory, and with room again all are there in order."""
    clock, disk = Clock(), SimDisk()
    ledger = opened(tmp_path, clock, store=disk.store())
    for _ in range(5):
        ledger.append("note", {"n": 1}, durable=True)
    segment = max(name for name in disk.folders["log"].cached if name.endswith(".log"))

    def full(operation: str, number: int) -> OSError | None:
        """No new file and no growth; what is allocated, as the reserve is, can be written."""
        del number
        grows = operation == "write" and segment == max(name for name in disk.folders["log"].cached if name.endswith(".log"))
        return OSError(errno.ENOSPC, "No space left on device") if operation == "create" or grows else None

    disk.fault = full
    ledger.append("note", {"n": 2}, durable=True)
    assert not ledger.ok
    assert "No space left" in str(ledger.heads.degraded)
    report = verify(disk.write_to(tmp_path / "full"), Options(replay=False))
    assert report.verdict is Outcome.VALID
    assert report.degraded == 1
    for _ in range(20):
        clock.advance(SECOND)
        ledger.append("note", {"n": 3}, durable=True)
        assert not ledger.ok
    disk.fault = no_fault
    clock.advance(40 * SECOND)
    ledger.append("note", {"n": 4}, durable=True)
    assert ledger.ok
    ledger.close()
    report = verify(disk.write_to(tmp_path / "after"), Options(replay=False))
    assert report.verdict is Outcome.VALID
    numbers = [record["n"] for record in iter_records(tmp_path / "after") if record["kind"] == "note" and "n" in record]
    assert numbers == [1] * 5 + [2] + [3] * 20 + [4]


def test_without_a_reserve_a_full_disk_is_not_on_record(tmp_path: Path) -> None:
    """Negative control: with the reserve taken away the same failure leaves no word on disk until there is room again."""
    clock, disk = Clock(), SimDisk()
    ledger = opened(tmp_path, clock, store=disk.store())
    del disk.folders["log"].cached["reserve"]
    disk.fault = fail_at(disk.operations, errno.ENOSPC, times=10**9)
    ledger.append("note", {"n": 2}, durable=True)
    assert not ledger.ok
    assert verify(disk.write_to(tmp_path / "full"), Options(replay=False)).degraded == 0


def test_memory_for_unwritten_records_is_bounded_and_what_is_lost_is_said(tmp_path: Path) -> None:
    """A disk that fails for good fills the memory set aside; then records are refused, and after recovery the gap is stated."""
    clock, disk = Clock(), SimDisk()
    ledger = opened(tmp_path, clock, limits=replace(SMALL, memory_bytes=20_000), store=disk.store())
    disk.fault = fail_at(disk.operations, errno.EIO, times=10**9)
    refused = 0
    for _ in range(300):
        clock.advance(SECOND)
        try:
            ledger.append("note", {"text": "x" * 100})
        except NotRecordedError:
            refused += 1
    assert 100 < refused < 280
    disk.fault = no_fault
    clock.advance(60 * SECOND)
    ledger.append("note", {"n": 1}, durable=True)
    assert ledger.ok
    ledger.close()
    report = verify(disk.write_to(tmp_path / "after"), Options(replay=False))
    assert report.verdict is Outcome.GAP
    assert any(f"{refused} records could not be kept" in gap.why for gap in report.gaps)


def test_a_slow_disk_degrades_the_log_until_it_is_fast_again(tmp_path: Path) -> None:
    """A commit that takes longer than the limit is treated like a failure of the disk, and a fast one ends it."""
    clock, disk = Clock(), SimDisk()
    ledger = opened(tmp_path, clock, store=disk.store())

    def slow(operation: str, number: int) -> None:
        del number
        if operation == "sync":
            clock.advance(3 * SECOND)

    disk.fault = slow
    ledger.append("note", {"n": 1}, durable=True)
    assert not ledger.ok
    assert "a commit took" in str(ledger.heads.degraded)
    disk.fault = no_fault
    clock.advance(5 * SECOND)
    ledger.append("note", {"n": 2}, durable=True)
    assert ledger.ok
    ledger.close()
    assert verify(disk.write_to(tmp_path / "after"), Options(replay=False)).verdict is Outcome.VALID


def test_a_removed_folder_is_noticed_at_the_next_commit(tmp_path: Path) -> None:
    """Writing into a file that has no name any more is not taken for durable; with the folder back the numbering goes on."""
    clock = Clock()
    folder = tmp_path / "log"
    ledger = opened(folder, clock)
    ledger.append("note", {"n": 1}, durable=True)
    shutil.rmtree(folder)
    seq = ledger.append("note", {"n": 2}, durable=True)
    assert not ledger.ok
    clock.advance(60 * SECOND)
    assert ledger.append("note", {"n": 3}, durable=True) > seq
    assert ledger.ok
    ledger.close()
    report = verify(folder, Options(replay=False))
    assert (report.verdict, report.first_bad_seq) == (Outcome.DAMAGED, 0)
    assert [record["n"] for record in iter_records(folder) if record["kind"] == "note"] == [2, 3]


def test_a_folder_that_can_not_be_written_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    """A path that is a file, or a disk that refuses, ends the start with a line that says what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="give the service a writable folder with --audit"):
        opened(tmp_path / "file" / "log", Clock())
    disk = SimDisk(fail_at(0, errno.EROFS, times=10**9))
    with pytest.raises(LedgerError, match="cannot write the audit log"):
        opened(tmp_path, Clock(), store=disk.store())


def test_segments_rotate_without_a_seam(tmp_path: Path) -> None:
    """Many small segments make one chain; each header continues the segment before, and unused space is cut off at its end."""
    clock = Clock()
    ledger = opened(tmp_path, clock, limits=replace(SMALL, segment_bytes=5000))
    for _ in range(100):
        clock.advance(SECOND)
        if ledger.rotation_due:
            ledger.rotate()
        ledger.append("note", {"text": "x" * 200})
    ledger.close()
    files = sorted(tmp_path.glob("*.log"))
    assert len(files) >= 5
    assert not any(b"\0" in path.read_bytes() for path in files)
    report = verify(tmp_path, Options(replay=False))
    assert (report.verdict, report.segments) == (Outcome.VALID, len(files))


def test_keys_change_by_count_and_at_every_start_and_the_old_ones_are_gone(tmp_path: Path) -> None:
    """Epochs advance after so many records and at a start; only the newest private key is left, readable by the owner alone."""
    clock = Clock()
    for _ in range(2):
        ledger = opened(tmp_path, clock, limits=replace(SMALL, epoch_records=20))
        for _ in range(45):
            clock.advance(SECOND)
            ledger.append("note", {"n": 1}, durable=True)
        ledger.close()
    report = verify(tmp_path, Options(replay=False))
    assert (report.verdict, report.epochs) == (Outcome.VALID, 6)
    private = list((tmp_path / "private").iterdir())
    assert [path.name for path in private] == ["epoch.key"]
    assert stat.S_IMODE(private[0].stat().st_mode) == 0o600
    signer = KeyFolder.beside(tmp_path).load()
    assert signer is not None
    assert signer.epoch == 5


def test_a_key_stolen_later_does_not_sign_the_past(tmp_path: Path) -> None:
    """Whoever takes the current key can not rewrite records from before its epoch: those signatures need keys that are erased."""
    clock = Clock()
    ledger = opened(tmp_path, clock, limits=replace(SMALL, epoch_records=20))
    for at in range(50):
        clock.advance(SECOND)
        ledger.append("note", {"n": at}, durable=True)
    ledger.close()
    handed = [record["seq"] for record in iter_records(tmp_path) if record["kind"] == "epoch"]
    signer = KeyFolder.beside(tmp_path).load()
    assert signer is not None
    for path in tmp_path.glob("*.log"):
        data = path.read_bytes().replace(b'"n":7,', b'"n":8,')
        path.write_bytes(data)
    report = verify(tmp_path, Options(replay=False))
    assert report.verdict is Outcome.DAMAGED
    assert report.first_bad_seq is not None
    assert report.first_bad_seq < handed[-1]


def test_a_lost_private_key_ends_the_log_instead_of_starting_another(tmp_path: Path) -> None:
    """Without the key of the current epoch the log can not be continued, and the start says so."""
    opened(tmp_path, Clock()).close()
    shutil.rmtree(tmp_path / "private")
    with pytest.raises(LedgerError, match="private key of epoch 0 is missing; restore it or move the folder away"):
        opened(tmp_path, Clock())


def test_an_intent_that_a_crash_left_open_is_closed_at_the_next_start(tmp_path: Path) -> None:
    """An act without its result gets the result 'interrupted' from the next run, and only then."""
    run = Run(tmp_path, boot="b0")
    done = run.recorder.act(Setpoint(1, run.point.variant, run.point.fps_mfps, 0, 0, "", ""))
    run.recorder.result(done, "applied", run.point, 1)
    left_open = run.recorder.act(Setpoint(2, run.point.variant, run.point.fps_mfps, 0, 0, "", ""))
    run.ledger.abandon()
    Run(tmp_path, clock=run.clock, boot="b0").close()
    Run(tmp_path, clock=run.clock, boot="b0").close()
    results = [(record["act"], record["outcome"]) for record in iter_records(tmp_path) if record["kind"] == "result"]
    assert results == [(done, "applied"), (left_open, "interrupted")]

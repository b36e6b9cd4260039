"""What was acknowledged survives: kills, a lost page cache, torn writes, failing disks. On a disk in memory, at every operation.

The disk forgets whatever was not synced, sector by sector and name by name. ``python -m tests.faults.torture`` adds real
processes, real kills and the kernel's own errors.
"""

import errno
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from adaptd.log.verify.reader import segment_files
from adaptd.log.verify.verify import Options, Outcome, verify
from adaptd.log.write import ledger as ledger_module
from adaptd.log.write.ledger import Ledger
from adaptd.log.write.opening import open_ledger
from tests.conftest import ROOT
from tests.log.crash import (  # fmt: skip
    Witness,
    drive,
    fail_at,
    judge,
    kill_at,
    lost,
    lost_to_sync_errors,
    run_until_killed,
    syncing_again,
)
from tests.log.simdisk import SimDisk, SimStore, no_fault
from tests.log.workload import SECOND, SMALL, Clock

RECORDS = 45
SOUND = (Outcome.VALID, Outcome.TORN_TAIL)


def operations() -> int:
    """How many operations one undisturbed run takes."""
    disk = SimDisk()
    drive(disk, Witness(), RECORDS, close=True)
    return disk.operations


def crash_everywhere(tmp_path: Path, *, keep: float, step: int = 1, lies: bool = False) -> list[tuple[int, int]]:
    """Kill at every ``step``-th operation, lose the cache, judge, recover, judge again; the losses as (operation, records)."""
    losses = []
    for number in range(0, operations(), step):
        disk, witness = SimDisk(kill_at(number)), Witness()
        disk.lies = lies
        assert run_until_killed(disk, witness, RECORDS, close=True)
        after = disk.after_crash(Random(number), keep=keep)
        report = judge(after, tmp_path / f"{number}-{keep}")
        assert lies or report.verdict in SOUND or not witness.acknowledged
        again = Witness(acknowledged=witness.acknowledged)
        drive(after, again, 6, seed=2, close=True)
        recovered = judge(after, tmp_path / f"{number}-{keep}-again")
        if lost(report, witness) or lost(recovered, again) or again.failed:
            losses.append((number, lost(report, witness)))
        assert lies or recovered.verdict is Outcome.VALID
    return losses


@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_a_crash_at_any_operation_loses_nothing_acknowledged(tmp_path: Path, keep: float) -> None:
    """Killed at any disk operation, unsynced sectors gone or half of them kept: all acknowledged records are proven after it."""
    assert crash_everywhere(tmp_path, keep=keep, step=2 if keep else 4) == []


def test_a_disk_whose_sync_does_nothing_is_found_out(tmp_path: Path) -> None:
    """Negative control: with syncs that do nothing the same test loses acknowledged records, so the test can see a loss."""
    assert crash_everywhere(tmp_path, keep=0.0, step=12, lies=True)


def test_forgetting_to_sync_the_folder_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without the folder's sync on rotation, segments and with them acknowledged records vanish."""
    monkeypatch.setattr(SimStore, "sync_folder", lambda _: None)
    losses = 0
    for number in range(40, operations() - 12, 9):
        disk, witness = SimDisk(kill_at(number)), Witness()
        if run_until_killed(disk, witness, RECORDS, close=True):
            losses += lost(judge(disk.after_crash(Random(number), keep=0.0), tmp_path / str(number)), witness)
    assert losses


def test_acknowledging_before_writing_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a ledger that counts records as acknowledged when they are made loses some of them at a kill."""
    heads = ledger_module.Ledger.heads.fget
    assert heads is not None

    def early(self: ledger_module.Ledger) -> ledger_module.Heads:
        found = heads(self)
        return ledger_module.Heads(found.seq, found.seq, found.checkpoint_seq, found.degraded)

    monkeypatch.setattr(ledger_module.Ledger, "heads", property(early))
    losses = 0
    for number in range(60, operations() - 12, 7):
        disk, witness = SimDisk(kill_at(number)), Witness()
        if run_until_killed(disk, witness, RECORDS, close=True):
            losses += lost(judge(disk.after_crash(Random(1), keep=0.0), tmp_path / str(number)), witness)
    assert losses


def test_a_crash_while_recovering_loses_nothing_either(tmp_path: Path) -> None:
    """Killed in the run, killed again at each operation of the recovery, then left in peace: everything acknowledged is there."""
    for first in range(50, operations(), 97):
        base, witness = SimDisk(kill_at(first)), Witness()
        assert run_until_killed(base, witness, RECORDS)
        for number in range(0, 40, 2):
            disk = base.after_crash(Random(first), keep=0.5)
            disk.fault = kill_at(number)
            second = Witness(acknowledged=witness.acknowledged)
            if not run_until_killed(disk, second, 3):
                continue
            after = disk.after_crash(Random(number), keep=0.5)
            last = Witness(acknowledged=second.acknowledged)
            drive(after, last, 3, close=True)
            report = judge(after, tmp_path / f"{first}-{number}")
            assert (report.verdict, lost(report, last), last.failed) == (Outcome.VALID, 0, [])


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS], ids=errno.errorcode.get)
@pytest.mark.parametrize("times", [1, 5, 10**9])
def test_an_error_at_any_operation_loses_nothing_acknowledged(tmp_path: Path, code: int, times: int) -> None:
    """The disk fails once, for a while or for good: acknowledged records stay, and a new start goes on from them."""
    for number in range(code % 7, operations(), 7):
        disk, witness = SimDisk(fail_at(number, code, times=times)), Witness()
        drive(disk, witness, RECORDS, close=number % 2 == 0)
        disk.fault = no_fault
        after = disk.after_crash(Random(number), keep=0.5)
        report = judge(after, tmp_path / f"{number}")
        assert not witness.acknowledged or (report.verdict in SOUND and lost(report, witness) == 0)
        again = Witness(acknowledged=witness.acknowledged)
        drive(after, again, 4, close=True)
        report = judge(after, tmp_path / f"{number}-again")
        assert (report.verdict, lost(report, again)) == (Outcome.VALID, 0)


def test_a_failed_sync_is_final_for_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first error of a sync no further byte goes to that file: what is unacknowledged moves to another one."""
    disk = SimDisk()
    ledger = drive(disk, Witness(), 3)
    assert ledger is not None
    broken = max((name, inode) for name, inode in disk.folders["log"].cached.items() if name.endswith(".log"))[1]
    synced: list[int] = []
    sync = SimStore.sync

    def failing(self: SimStore, fd: int) -> None:
        if disk.open[fd] is broken:
            synced.append(fd)
            raise OSError(errno.EIO, "injected")
        sync(self, fd)

    monkeypatch.setattr(SimStore, "sync", failing)
    ledger.append("note", {"n": 1}, durable=True)
    content = bytes(broken.cached)
    for _ in range(5):
        ledger.append("note", {"n": 2}, durable=True)
    assert len(synced) <= 3  # the commit that failed, and cutting off what it had left behind
    assert bytes(broken.cached) == content
    assert ledger.heads.acknowledged > 4


def test_a_head_that_may_have_reached_the_disk_is_never_contradicted(tmp_path: Path) -> None:
    """The sync of a head fails: the records it names were durable already and stay, whether the head survives or not."""
    for keep in (0.0, 1.0):
        disk, witness = SimDisk(), Witness()
        ledger = drive(disk, witness, 12)
        assert ledger is not None
        ledger.append("note", {"n": 1})
        syncs: list[int] = []

        def second_sync(operation: str, number: int, seen: list[int] = syncs) -> OSError | None:
            seen += [number] if operation == "sync" else []
            return OSError(errno.EIO, "injected") if operation == "sync" and 2 <= len(seen) <= 9 else None

        disk.fault = second_sync
        assert not ledger.sync()
        disk.fault = no_fault
        report = judge(disk.after_crash(Random(1), keep=keep), tmp_path / str(keep))
        assert report.verdict in SOUND


def test_a_file_number_that_was_closed_is_never_written_to_again(tmp_path: Path) -> None:
    """A close that reports an error has closed all the same; what is opened next may get its number and keeps its bytes."""
    for number in range(operations() - 8, operations()):
        disk, witness = SimDisk(fail_at(number, errno.EIO)), Witness()
        drive(disk, witness, RECORDS, close=True)
        report = judge(disk, tmp_path / str(number))
        assert report.verdict in SOUND
        assert report.torn_bytes == 0
        assert lost(report, witness) == 0


def test_torn_tail_and_missing_acknowledged_records_are_told_apart(tmp_path: Path) -> None:
    """Bytes behind the acknowledged end are a torn tail; a record gone before it is damage, and the log is not continued."""
    disk = SimDisk()
    drive(disk, Witness(), 10, close=True)
    folder = disk.write_to(tmp_path / "log")
    segment = max(folder.glob("*.log"))
    whole = segment.read_bytes()
    segment.write_bytes(whole + b'{"boot":0,"half a rec')
    report = verify(folder, Options(replay=False))
    assert (report.verdict, report.torn_bytes) == (Outcome.TORN_TAIL, 21)
    segment.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    report = verify(folder, Options(replay=False))
    assert (report.verdict, report.first_bad_seq) == (Outcome.DAMAGED, report.records)
    disk.folders["log"].cached[segment.name].cached[:] = segment.read_bytes()
    witness = Witness()
    assert drive(disk, witness, 1) is None
    assert "had been acknowledged and are missing" in witness.failed[0]


def test_a_torn_write_leaves_exactly_what_was_acknowledged(tmp_path: Path) -> None:
    """A commit of which any 512-byte parts reached the disk: the proven prefix is what was acknowledged, the rest is told."""
    for seed in range(60):
        disk, witness = SimDisk(), Witness()
        ledger = drive(disk, witness, 12, seed=seed)
        assert ledger is not None
        ledger.sync()
        acknowledged = ledger.heads.acknowledged
        for _ in range(3):
            ledger.append("note", {"text": "x" * 250})
        disk.fault = fail_at(disk.operations + 1, errno.EIO, times=10**9)  # the write goes to the cache, the sync never comes
        ledger.sync()
        after = disk.after_crash(Random(seed), keep=(0.0, 0.3, 0.7)[seed % 3])
        report = judge(after, tmp_path / str(seed))
        assert report.verdict in SOUND
        assert report.signed == acknowledged
        assert report.first_bad_seq in (None, acknowledged)


def test_a_sync_error_is_final_for_its_file(tmp_path: Path) -> None:
    """After a sync that failed the next one of that file succeeds and writes nothing: who believes it loses records, not we."""
    assert lost_to_sync_errors(tmp_path / "a", RECORDS) == 0
    with syncing_again():
        assert lost_to_sync_errors(tmp_path / "b", RECORDS) > 0


def test_every_write_of_the_ledger_goes_through_the_store() -> None:
    """No other file of the room writes to the system, so the disk in memory sees every operation there is."""
    log = ROOT / "adaptd" / "log"
    files = [path for half in ("format", "write") for path in (log / half).glob("*.py")]
    words = ("import os", "write_bytes", "write_text", "shutil")
    assert not {path.name for path in files if any(word in path.read_text() for word in words)} - {"store.py"}


class Killed(BaseException):
    """Ends a start where a SIGKILL would."""


def test_two_cut_short_starts_after_a_hand_over_do_not_shut_the_writer_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head's older slot was signed before the hand-over, some segments back: the next start finds that key and goes on."""
    limits, clock = replace(SMALL, epoch_records=40), Clock()

    def start(folder: Path) -> Ledger:
        return open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=limits)[0]

    def killed(*_: object, **__: object) -> None:
        raise Killed

    ledger = start(tmp_path / "0")
    key = ledger.signer.verifier_key
    while ledger.signer.verifier_key == key:
        clock.advance(SECOND)
        ledger.append("note", {"text": "x"}, durable=True)
    for number, step in enumerate(("hand_over", "append")):  # first after the start was acknowledged, then before it is written
        shutil.copytree(tmp_path / str(number), tmp_path / str(number + 1))
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, step, killed)
            with pytest.raises(Killed):
                start(tmp_path / str(number + 1))
    shutil.copytree(tmp_path / "2", tmp_path / "3")
    assert len(segment_files(tmp_path / "3")) == 3
    start(tmp_path / "3").close()
    assert verify(tmp_path / "3", Options(replay=False)).verdict is Outcome.VALID

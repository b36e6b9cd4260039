"""Driving a ledger into a failure and asking what is left: which records were acknowledged, and are they all there after it?"""

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from adaptd.log.verify.verify import Options, Outcome, VerifyReport, verify
from adaptd.log.write.ledger import Ledger, LedgerLimits, NotRecordedError
from adaptd.log.write.opening import LedgerError, open_ledger
from tests.log.simdisk import Fault, Killed, SimDisk, SimStore, no_fault
from tests.log.workload import SECOND, Clock

TINY = LedgerLimits(
    segment_bytes=6000, chunk_bytes=2048, reserve_bytes=8192, pending_bytes=1500, checkpoint_records=20, epoch_records=35,
    group_us=SECOND, window_us=7 * SECOND,
)  # fmt: skip


@dataclass
class Witness:
    """What the process that used the ledger could know: the lines that were acknowledged to it."""

    lines: list[bytes] = field(default_factory=list)
    acknowledged: int = 0
    failed: list[str] = field(default_factory=list)


def drive(
    disk: SimDisk, witness: Witness, records: int, *, seed: int = 1, clock: Clock | None = None, close: bool = False
) -> Ledger | None:
    """Open the log and write ``records`` with durable ones among them and rotations; None if it could not be opened.

    A Killed passes through; everything acknowledged until then is in ``witness``.
    """
    clock, random = clock or Clock(), Random(seed)
    try:
        ledger, _ = open_ledger(
            disk.store().folder, boot="b0", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=TINY, store=disk.store()
        )
    except LedgerError as error:
        witness.failed.append(str(error))
        return None
    note(ledger, witness)
    for at in range(records):
        clock.advance(SECOND // 2)
        if ledger.ok and ledger.rotation_due:
            ledger.rotate()
        try:
            ledger.append("note", {"n": random.randrange(10**6)}, durable=random.random() < 0.2)
        except NotRecordedError as error:
            witness.failed.append(str(error))
        if at % 9 == 8:
            ledger.idle()
        note(ledger, witness)
    if close:
        ledger.close()
        note(ledger, witness)
    return ledger


def note(ledger: Ledger, witness: Witness) -> None:
    """Take down what the ledger says is acknowledged."""
    witness.acknowledged = max(witness.acknowledged, ledger.heads.acknowledged)


def run_until_killed(disk: SimDisk, witness: Witness, records: int, **options: object) -> bool:
    """Whether the fault killed the process. Files stay as they are; nothing is closed."""
    try:
        drive(disk, witness, records, **options)  # type: ignore[arg-type]
    except Killed:
        disk.fault = no_fault
        return True
    return False


def kill_at(number: int) -> Fault:
    """The process ends in the middle of operation ``number``."""

    def fault(operation: str, at: int) -> OSError | None:
        del operation
        if at == number:
            raise Killed
        return None

    return fault


def fail_at(number: int, code: int, *, times: int = 1) -> Fault:
    """Operation ``number`` and the ``times - 1`` after it fail with this errno."""

    def fault(operation: str, at: int) -> OSError | None:
        del operation
        return OSError(code, "injected") if number <= at < number + times else None

    return fault


def judge(disk: SimDisk, folder: Path) -> VerifyReport:
    """The verifier's word on what the process sees."""
    return verify(disk.write_to(folder), Options(replay=False))


def lost(report: VerifyReport, witness: Witness) -> int:
    """Acknowledged records that the log no longer proves."""
    proven = report.first_seq + report.records if report.verdict in (Outcome.VALID, Outcome.TORN_TAIL, Outcome.GAP) else 0
    return max(0, witness.acknowledged - proven)


def lost_to_sync_errors(room: Path, records: int) -> int:
    """Acknowledged records lost, in all, by runs each of which sees one sync fail and then the power."""
    sound, losses = SimDisk(), 0
    drive(sound, Witness(), records)
    for number in [at for at, name in enumerate(sound.log) if name == "sync"]:
        disk, witness = SimDisk(fail_at(number, errno.EIO)), Witness()
        drive(disk, witness, records)
        disk.fault = no_fault
        losses += lost(judge(disk.after_crash(Random(number), keep=0.0), room / str(number)), witness)
    return losses


@contextlib.contextmanager
def syncing_again() -> Iterator[None]:
    """The mutant: a store that syncs again after an error and takes the second answer for the truth."""
    real = SimStore.sync

    def stubborn(store: SimStore, fd: int) -> None:
        try:
            real(store, fd)
        except OSError:
            real(store, fd)

    SimStore.sync = stubborn  # type: ignore[method-assign]
    try:
        yield
    finally:
        SimStore.sync = real  # type: ignore[method-assign]

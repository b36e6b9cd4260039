"""After damage the device lives: the old log is put aside untouched, a new one names it, and only a person lifts the caution."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from adaptd.log.format.store import Store
from adaptd.log.verify.reader import iter_records
from adaptd.log.verify.verify import verify
from adaptd.log.write.ledger import NotRecordedError
from adaptd.log.write.opening import LedgerError, LogUnusableError, open_ledger
from adaptd.log.write.quarantine import Opened, open_or_put_aside, waiting
from adaptd.log.write.recorder import Recorder
from tests.log.attacks import read_files
from tests.log.workload import Clock, make_log


def opened(folder: Path) -> Opened:
    """The folder opened as the daemon does it."""
    clock = Clock()
    return open_or_put_aside(folder, boot="b1", mono_us=clock.mono_us, utc_ms=clock.utc_ms)


def lost_head(folder: Path) -> None:
    """The head file is gone."""
    (folder / "head").unlink()


def broken_head(folder: Path) -> None:
    """The head file reads as zeros."""
    (folder / "head").write_bytes(bytes(1024))


def lost_records(folder: Path) -> None:
    """The end of the log was cut off, acknowledged records included."""
    path = folder / "00000000.log"
    path.write_bytes(path.read_bytes()[:-3000])


def lost_key(folder: Path) -> None:
    """The private key is gone."""
    shutil.rmtree(folder / "private")


@pytest.mark.parametrize("harm", [lost_head, broken_head, lost_records, lost_key])
def test_a_log_that_may_not_be_continued_is_put_aside_and_a_new_one_names_it(tmp_path: Path, harm: object) -> None:
    """The old files are byte for byte as they were found, the new log is sound, and its first record says what happened."""
    folder = tmp_path / "log"
    make_log(folder, 60)
    harm(folder)  # type: ignore[operator]
    left = read_files(folder)
    new = opened(folder)
    assert new.put_aside is not None
    assert read_files(folder / new.put_aside) == left
    new.ledger.close()
    assert verify(folder).verdict.value == "valid"
    first = next(iter_records(folder))
    assert first["quarantined"]["folder"] == new.put_aside
    if harm is not lost_key:
        assert first["quarantined"]["records"] > 0


def _fill(recorder: Recorder) -> None:
    """Far more than memory may hold."""
    for _ in range(100_000):
        recorder.note("note", {"text": "x" * 400})


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("held", [False, True], ids=["new", "log"])
def test_a_disk_that_takes_nothing_is_no_dead_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, held: bool
) -> None:
    """The run begins, nothing is ok, memory stays bounded, an old log is left byte for byte, and the next start goes on."""
    folder = tmp_path / "log"
    if held:
        make_log(folder, 20)
    left = read_files(folder) if held else {}

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        for name in ("create", "open", "make_folder", "write", "rename", "truncate", "move_into"):
            broken.setattr(Store, name, refuse)
        ledger = opened(folder).ledger
        recorder = Recorder(ledger)
        assert not recorder.ok
        assert "restart adaptd" in str(recorder.heads.degraded)
        with pytest.raises(NotRecordedError):
            _fill(recorder)
        assert ledger._pending_bytes < 6 << 20
        ledger.close()
    assert (read_files(folder) if held else {}) == left
    again = opened(folder)
    assert again.ledger.ok
    assert (again.found is not None) == held
    again.ledger.close()
    assert verify(folder).verdict.value == "valid"


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong owner is a wrong setting and no broken disk: one line with the remedy."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Store, "make_folder", refuse)
    with pytest.raises(LedgerError, match="give the service a writable folder"):
        opened(tmp_path / "log")


def test_until_a_person_looks_the_log_does_not_count(tmp_path: Path) -> None:
    """While what was put aside lies there, also after a restart, nothing bolder than the reference may run; then it may."""
    folder = tmp_path / "log"
    make_log(folder, 20)
    lost_head(folder)
    opened(folder).ledger.close()
    again = opened(folder)
    assert again.put_aside is None
    recorder = Recorder(again.ledger)
    assert not recorder.ok
    assert "put aside" in str(recorder.heads.degraded)
    (name,) = waiting(folder)
    (folder / name).rename(tmp_path / "seen")
    assert recorder.ok
    assert recorder.heads.degraded is None
    again.ledger.close()


def test_a_sound_log_is_continued_and_a_busy_one_is_left_alone(tmp_path: Path) -> None:
    """The control: nothing is put aside that can be continued, or that another process is writing."""
    folder = tmp_path / "log"
    make_log(folder, 20)
    first = opened(folder)
    assert first.put_aside is None
    clock = Clock()
    with pytest.raises(LedgerError, match="in use"):
        opened(folder)
    first.ledger.close()
    lost_head(folder)
    with pytest.raises(LedgerError, match="the head file is missing"):
        open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms)
    assert waiting(folder) == []


class BadSector(Store):
    """A disk on which the segments cannot be read."""

    def read(self, name: str) -> bytes:
        if name.endswith(".log"):
            raise OSError(errno.EIO, "Input/output error")
        return super().read(name)


def test_a_bad_sector_is_damage_and_not_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """What cannot be read may not be continued, so it is put aside like any other damage."""
    make_log(tmp_path, 20)
    clock = Clock()
    with pytest.raises(LogUnusableError, match="cannot be read"):
        open_ledger(tmp_path, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, store=BadSector(tmp_path))

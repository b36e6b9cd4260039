"""The folder of a log on a real disk: durable names, one writer, and what happens when it is taken away."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from adaptd.base.folder import FolderBusyError
from adaptd.log.format import store as store_module
from adaptd.log.format.store import Store
from adaptd.log.verify.verify import Options, Outcome, verify
from tests.log.test_ledger import opened
from tests.log.workload import SECOND, Clock, make_log


def test_every_folder_on_the_way_is_durable_before_the_first_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a path made anew each part is synced into the one above it; a folder that was there is synced too, if we may."""
    synced: list[Path] = []
    monkeypatch.setattr(store_module, "_sync_folder", synced.append)
    Store(tmp_path / "a" / "b" / "c").make_folder()
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    synced.clear()
    Store(tmp_path / "a" / "b" / "c").make_folder()
    assert synced == [tmp_path / "a" / "b"]

    def refused(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(store_module, "_sync_folder", refused)
    Store(tmp_path / "a" / "b" / "c").make_folder()
    with pytest.raises(PermissionError):
        Store(tmp_path / "new").make_folder()


def test_a_disk_that_takes_nothing_and_gives_no_error_is_a_failing_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write of no bytes ends in an error and not in an endless loop."""
    store = Store(tmp_path)
    fd = store.create("x")
    monkeypatch.setattr(os, "pwrite", lambda *_: 0)
    with pytest.raises(OSError, match="takes nothing"):
        store.write(fd, b"abc", 0)
    store.close(fd)


def test_a_writer_whose_folder_was_taken_away_does_not_come_back_beside_another(tmp_path: Path) -> None:
    """The lock went with the folder and a second daemon began a log there: the first stays degraded until that one has ended."""
    clock, folder = Clock(), tmp_path / "log"
    first = opened(folder, clock)
    shutil.rmtree(folder)
    first.append("act", {"n": 1}, durable=True)
    second = opened(folder, clock)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for _ in range(3):
        clock.advance(31 * SECOND)
        first.append("act", {"n": 2}, durable=True)
        assert not first.ok
    assert before == {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    second.close()
    clock.advance(31 * SECOND)
    first.append("act", {"n": 3}, durable=True)
    assert (first.ok, verify(folder, Options(replay=False)).verdict) == (False, Outcome.VALID)


def test_a_lock_file_that_was_deleted_is_locked_anew(tmp_path: Path) -> None:
    """Only the lock is gone, and then the disk fails once: the writer locks again, goes on, and keeps others out."""
    clock, store = Clock(), Store(tmp_path)
    ledger = opened(tmp_path, clock)
    (tmp_path / "lock").unlink()
    ledger.begin_degraded("a failure")
    clock.advance(31 * SECOND)
    ledger.append("act", {"n": 1}, durable=True)
    assert ledger.ok
    with pytest.raises(FolderBusyError):
        store.lock()
    ledger.close()
    assert verify(tmp_path, Options(replay=False)).verdict is Outcome.VALID


def test_the_signing_keys_may_live_on_another_device(tmp_path: Path) -> None:
    """With ``private`` a link to a folder elsewhere the log is signed by keys that never lay in its own folder."""
    (tmp_path / "stick").mkdir()
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "private").symlink_to(tmp_path / "stick")
    for _ in range(2):
        make_log(tmp_path / "log", 5, clock=Clock())
    assert verify(tmp_path / "log").verdict is Outcome.VALID
    assert [path.name for path in (tmp_path / "stick").iterdir()] == ["epoch.key"]
    assert (tmp_path / "log" / "private").is_symlink()

"""What the system is really asked for: every sync, in its order, counted at the system calls of a real folder."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.log.format.store import Store
from adaptd.log.write.opening import open_ledger
from tests.log.workload import SECOND, SMALL, Clock

Call = tuple[str, str, bytes]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Call]]:
    """Every call that writes, syncs, renames or removes: its name, the file's name, and what was written."""
    made: list[Call] = []

    def name_of(fd: int) -> str:
        return Path(f"/proc/self/fd/{fd}").readlink().name

    real = {name: getattr(os, name) for name in ("pwrite", "fdatasync", "fsync", "rename", "unlink")}

    def pwrite(fd: int, data: bytes, offset: int) -> int:
        made.append(("write", name_of(fd), bytes(data)))
        return int(real["pwrite"](fd, data, offset))

    def syncing(name: str) -> None:
        monkeypatch.setattr(os, name, lambda fd: (made.append((name, name_of(fd), b"")), real[name](fd))[1])

    def naming(name: str) -> None:
        monkeypatch.setattr(os, name, lambda *paths: (made.append((name, Path(paths[0]).name, b"")), real[name](*paths))[1])

    monkeypatch.setattr(os, "pwrite", pwrite)
    for name in ("fdatasync", "fsync"):
        syncing(name)
    for name in ("rename", "unlink"):
        naming(name)
    yield made
    monkeypatch.undo()


def kinds(made: list[Call]) -> list[tuple[str, str]]:
    return [(name, file) for name, file, _ in made]


def test_a_durable_record_is_synced_before_its_head_and_the_head_before_it_is_acknowledged(
    tmp_path: Path, calls: list[Call]
) -> None:
    """One durable record is: write and fdatasync of the segment, then write and fdatasync of the head, and nothing else."""
    clock = Clock()
    ledger, _ = open_ledger(tmp_path, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
    calls.clear()
    ledger.append("note", {"n": 1}, durable=True)
    segment = "00000000.log"
    assert kinds(calls) == [("write", segment), ("fdatasync", segment), ("write", "head"), ("fdatasync", "head")]
    ledger.close()


def test_a_new_segment_is_in_its_folder_before_a_head_relies_on_it(tmp_path: Path, calls: list[Call]) -> None:
    """At a rotation the folder is synced after the segment's own bytes are, and before the head speaks of what it holds."""
    clock = Clock()
    ledger, _ = open_ledger(tmp_path, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
    ledger.append("note", {"n": 1}, durable=True)
    calls.clear()
    ledger.rotate()
    made = kinds(calls)
    synced, folder = made.index(("fdatasync", "00000001.log")), made.index(("fsync", tmp_path.name))
    assert synced < folder < made.index(("write", "head"))
    ledger.close()


def test_an_old_key_is_overwritten_and_synced_before_its_name_goes(tmp_path: Path, calls: list[Call]) -> None:
    """A hand-over writes zeros over the old key, makes them durable, and only then removes the file and renames the next one."""
    clock = Clock()
    ledger, _ = open_ledger(
        tmp_path, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=replace(SMALL, epoch_records=10)
    )
    held = (tmp_path / "private" / "epoch.key").read_bytes()
    calls.clear()
    for _ in range(12):
        clock.advance(SECOND)
        ledger.append("note", {"n": 1}, durable=True)
    zeros = calls.index(("write", "epoch.key", bytes(len(held))))
    rest = kinds(calls)[zeros + 1 :]
    assert rest[:3] == [("fdatasync", "epoch.key"), ("unlink", "epoch.key"), ("fsync", "private")]
    assert ("rename", "epoch.next") in rest or any(name == "rename" for name, _ in rest)
    assert (tmp_path / "private" / "epoch.key").read_bytes() != held
    ledger.close()


def test_a_small_file_is_whole_before_it_has_its_name(tmp_path: Path, calls: list[Call]) -> None:
    """Written under a passing name, synced, renamed, and the folder synced: a cut leaves the old file or the new one."""
    store = Store(tmp_path)
    store.write_file("x", b"content")
    assert kinds(calls)[-4:] == [("write", "x.new"), ("fdatasync", "x.new"), ("rename", "x.new"), ("fsync", tmp_path.name)]

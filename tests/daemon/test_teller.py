"""What is said of the log when a run begins: its key, a disk that takes nothing, a folder that anyone can write in."""

import errno
from pathlib import Path
from typing import Any

import pytest

from adaptd.daemon.teller import Teller
from adaptd.log.write.no_disk import unwritten_ledger
from adaptd.log.write.opening import open_ledger
from adaptd.log.write.recorder import Recorder
from adaptd.sense.camera_light import STILL
from adaptd.vocabulary import MissingReason, Unread
from tests.log.workload import Clock


class Heard:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def happened(self, words: str) -> None:
        self.words.append(words)

    def decided(self, scene: Any, changed: bool) -> None:
        """Nothing is decided here."""

    def asked(self, document: dict[str, Any]) -> None:
        """Nobody asks here."""


def told(folder: Path, boots: int = 1) -> list[str]:
    """What the last of so many runs says of its log at its start."""
    for _ in range(boots):
        clock, heard = Clock(), Heard()
        ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms)
        Teller(Recorder(ledger), heard).of_the_log("fp16")
        ledger.close()
    return heard.words


def test_a_new_log_says_once_to_copy_its_key_away(tmp_path: Path) -> None:
    """The first run names the file and a command; the second says nothing."""
    (words,) = told(tmp_path / "log")
    assert words.startswith("a new log begins; copy the key that proves it away now: scp ")
    assert str(tmp_path / "log" / "log.pub") in words
    assert told(tmp_path / "log") == []


@pytest.mark.parametrize("mode", [0o750, 0o777])
def test_a_folder_that_anyone_can_write_in_is_warned_of(tmp_path: Path, mode: int) -> None:
    """With the command that mends it; a folder of the owner and its group is fine."""
    folder = tmp_path / "log"
    told(folder)
    folder.chmod(mode)
    assert [f"chmod o-w {folder}" in words for words in told(folder)] == [True] * (mode == 0o777)


def test_a_disk_that_takes_nothing_is_said_aloud_with_who_serves(tmp_path: Path) -> None:
    """One line: what serves, why, and what to do."""
    clock, heard = Clock(), Heard()
    ledger = unwritten_ledger(tmp_path, errno.EROFS, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, about={})
    Teller(Recorder(ledger), heard).of_the_log("fp16")
    (words,) = heard.words
    assert words.startswith("nothing is on record, only fp16 serves: ")
    assert "it is read-only" in words
    assert "mend the disk, then restart adaptd" in words


def test_an_exposure_that_does_not_move_is_told_once_with_the_command(tmp_path: Path) -> None:
    """Light that is missing for another reason says nothing here; the first picture of such a camera does, and no later one."""
    clock, heard = Clock(), Heard()
    ledger, _ = open_ledger(tmp_path / "log", boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms)
    say = Teller(Recorder(ledger), heard)
    for text in ("no picture yet", STILL, STILL):
        say.of_light((Unread(MissingReason.UNCALIBRATED, text, "camera", "light"),))
    ledger.close()
    (words,) = heard.words
    assert words.startswith("light missing, so the reference alone serves: ")
    assert words.endswith("adaptd camera calibrate --source SOURCE")
    assert say.trouble == (words,)

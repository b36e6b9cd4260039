"""Children of the gateway end: by themselves, by their deadline, or when they say too much; the verifier runs once at a time."""

import asyncio
import time
from pathlib import Path

import pytest

from adaptd.gateway import child
from adaptd.gateway.logbook import Logbook, folder_bytes


def test_a_child_answers_with_its_code_and_its_words() -> None:
    """The command's output, and its complaint in one line where it fails."""
    done = asyncio.run(child.run(("--version",), 30))
    assert (done.code, done.output.startswith(b"adaptd ")) == (0, True)
    wrong = asyncio.run(child.run(("audit", "verify", "/nonexistent", "--json"), 30))
    assert wrong.code == 2
    assert "no such folder" in wrong.errors


def test_a_child_past_its_deadline_is_ended() -> None:
    """Whoever asked is told how long it had, and no process is left behind."""
    began = time.monotonic()
    done = asyncio.run(child.run(("audit", "show", "--follow", str(Path(__file__).parent)), 0.3))
    assert done.code is None
    assert "longer than 0.3 s" in done.errors
    assert time.monotonic() - began < 20


def test_a_child_that_says_too_much_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words are dropped, so no log of any size fills the gateway's memory."""
    monkeypatch.setattr(child, "MAX_OUTPUT_BYTES", 100)
    done = asyncio.run(child.run(("--help",), 30))
    assert (done.code, done.output) == (None, b"")
    assert "more than fits" in done.errors


def test_the_verifier_runs_once_at_a_time_and_says_what_it_found(tmp_path: Path) -> None:
    """A second wish while one runs is turned away; a folder that is no log is no verdict but words."""

    async def both() -> tuple[list[bool], dict[str, object]]:
        book = Logbook(tmp_path / "none")
        return await asyncio.gather(book.verify(), book.verify()), book.verification()

    ran, said = asyncio.run(both())
    assert ran == [True, False]
    assert said["running"] is False
    assert said["verdict"] is None
    assert "no such folder" in str(said["words"])


def test_a_folder_that_cannot_be_read_has_no_size(tmp_path: Path) -> None:
    """None is not zero."""
    (tmp_path / "a").write_bytes(b"12345")
    assert folder_bytes(tmp_path) == 5
    assert folder_bytes(tmp_path / "gone") is None

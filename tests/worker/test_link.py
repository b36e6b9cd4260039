"""The worker's side of the pipe when the daemon goes: whoever notices first, the worker becomes an orphan and says so."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adaptd.base.clock import SystemClock
from adaptd.protocol.messages import Begin, Fault, Stop
from adaptd.protocol.wire import Channel
from adaptd.worker.link import Link, Speaker
from adaptd.worker.results import Results
from adaptd.worker.serving_lock import ORPHAN, ServingLock


@dataclass
class Told:
    """Stands where the frame loop is, and keeps what it is told."""

    words: list[str] = field(default_factory=list)

    def orphan(self) -> None:
        """The daemon is gone."""
        self.words.append("orphan")

    def stop(self, exit_code: int = 0) -> None:
        """End."""
        self.words.append("stop")


@dataclass
class Ends:
    """A link, the daemon's end of its socket, and what the loop was told."""

    link: Link
    speaker: Speaker
    daemon: socket.socket
    loop: Told
    lock_file: Path


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    """A link that serves subscribers."""
    theirs, ours = socket.socketpair()
    channel, loop, path = Channel(ours), Told(), str(tmp_path / "r.sock")
    lock = ServingLock(path)
    lock.acquire()
    results, speaker = Results(path, ("cat",), (4, 4)), Speaker(channel)
    begin = Begin("bundle", "stub", ("fp16", "int8"), "pattern:8x8", 15_000, 66_000)
    silent: Any = None
    link = Link(begin, channel, speaker, SystemClock(), loop, silent, results, lock)  # type: ignore[arg-type]
    yield Ends(link, speaker, theirs, loop, Path(path + ".lock"))
    theirs.close()
    channel.close()
    results.close()
    lock.release()


def test_a_daemon_that_hangs_up_leaves_an_orphan(ends: Ends) -> None:
    """The end of the stream is read: the reference from the next frame on, and a successor may take over."""
    ends.daemon.close()
    ends.link._wait(0)
    ends.link._wait(0)
    assert ends.loop.words == ["orphan"]
    assert ends.lock_file.read_text().endswith(f" {ORPHAN}")


def test_a_broken_pipe_found_while_telling_leaves_an_orphan_too(ends: Ends) -> None:
    """A beat or a swap that is told to nobody closes the channel before the end of the stream was read: it is no less an end."""
    ends.daemon.close()
    ends.speaker.tell(Fault("lease", "told to nobody", 0))
    ends.link._wait(0)
    assert ends.loop.words == ["orphan"]
    assert ends.lock_file.read_text().endswith(f" {ORPHAN}")


def test_a_daemon_that_is_there_is_heard(ends: Ends) -> None:
    """Nothing of this happens while the daemon lives."""
    Channel(ends.daemon).send(Stop())
    ends.link._wait(0)
    assert ends.loop.words == ["stop"]
    assert not ends.lock_file.read_text().endswith(ORPHAN)

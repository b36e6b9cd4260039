"""Paths of sockets and the lock beside them: what a dead process left is taken over, what lives is not."""

import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from adaptd.base import unix_socket as unix
from adaptd.worker.serving_lock import LockError, ServingLock

HOLDER = """
import signal, sys, time
from adaptd.worker.serving_lock import ServingLock
lock = ServingLock(sys.argv[1])
lock.acquire()
if "orphan" in sys.argv:
    lock.mark_orphan()
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("held", flush=True)
time.sleep(60)
"""


def test_a_path_left_behind_is_taken_over(tmp_path: Path) -> None:
    """A socket whose process is dead does not keep the next one from starting."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    listener = unix.listen(path)
    unix.unlisten(listener, path)
    assert not Path(path).exists()


def test_a_path_that_somebody_answers_at_is_refused(tmp_path: Path) -> None:
    """Two processes never share a socket path; the line says what to do."""
    path = str(tmp_path / "s")
    listener = unix.listen(path)
    with pytest.raises(unix.SocketError, match="another process listens there; stop it"):
        unix.listen(path)
    unix.unlisten(listener, path)


def test_a_file_in_the_way_is_refused_and_kept(tmp_path: Path) -> None:
    """What is no socket is never removed."""
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(unix.SocketError, match="exists and is no socket"):
        unix.listen(str(path))
    assert path.read_text() == "precious"


@pytest.mark.parametrize("path", ["/nowhere/at/all/s", "/tmp/" + "x" * 120])
def test_an_impossible_path_is_refused_in_one_line(path: str) -> None:
    """A missing folder and a path over the kernel's limit are named."""
    with pytest.raises(unix.SocketError, match="choose"):
        unix.listen(path)


def holder(results: str, *how: str) -> subprocess.Popen[str]:
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, results, *how], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.stdout.close()
    return process


def test_a_worker_with_a_daemon_is_never_evicted(tmp_path: Path) -> None:
    """The lock of a worker that somebody looks after is respected."""
    results = str(tmp_path / "r")
    process = holder(results)
    with pytest.raises(LockError, match="another adaptd serves its results there"):
        ServingLock(results).acquire()
    assert process.poll() is None
    process.kill()
    process.wait()


@pytest.mark.parametrize("how", [(), ("stubborn",)], ids=["polite", "stubborn"])
def test_an_orphan_leaves_when_its_successor_comes(tmp_path: Path, how: tuple[str, ...]) -> None:
    """A worker whose daemon died makes room for the next one, by itself or not."""
    results = str(tmp_path / "r")
    process = holder(results, "orphan", *how)
    lock = ServingLock(results)
    lock.acquire()
    assert process.wait(5) != 0
    assert (tmp_path / "r.lock").read_text().split()[0] == str(os.getpid())
    lock.release()


DAEMON = """
import subprocess, sys
holder = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]], stdout=subprocess.PIPE, text=True)
holder.stdout.readline()
print(holder.pid, flush=True)
sys.stdin.read()
"""


def test_a_worker_whose_daemon_died_while_it_was_starting_makes_room(tmp_path: Path) -> None:
    """It loads its engines, or hangs, and has not noticed yet: the kernel knows whose child it is."""
    results = str(tmp_path / "r")
    command = [sys.executable, "-c", DAEMON, HOLDER, results]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        worker = int(daemon.stdout.readline())
        with pytest.raises(LockError):
            ServingLock(results).acquire()
        handle = os.pidfd_open(worker)
        daemon.kill()
        daemon.wait()
        lock = ServingLock(results)
        lock.acquire()
        lock.release()
        ended, _, _ = select.select([handle], [], [], 60)
        os.close(handle)
        assert ended


def test_the_lock_of_a_dead_worker_is_free(tmp_path: Path) -> None:
    """A kill leaves a file, not a lock."""
    results = str(tmp_path / "r")
    process = holder(results)
    process.kill()
    process.wait()
    lock = ServingLock(results)
    lock.acquire()
    lock.release()
    lock.release()


def test_a_lock_that_cannot_be_made_is_named() -> None:
    """A missing folder is one line with the remedy."""
    with pytest.raises(LockError, match="create its folder"):
        ServingLock("/nowhere/at/all/r").acquire()

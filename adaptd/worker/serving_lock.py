"""One worker serves a results socket. A worker whose daemon has died goes on serving until its successor asks it to leave."""

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path

LEAVE_S = 1.0
POLL_S = 0.02
ORPHAN = "orphan"
CHILD_OF = "of "


class LockError(Exception):
    """Another worker serves there; one line with the remedy."""


class ServingLock:
    """An flock beside the results socket. What the holder wrote in it is trusted only while the lock is held.

    A holder is an orphan when it says so, or when it is no longer the child of the daemon it was started by: one that is still
    loading its engines, or that hangs, cannot say so.
    """

    def __init__(self, results: str) -> None:
        self._path = Path(results + ".lock")
        self._handle = -1

    def acquire(self) -> None:
        """Take the lock; an orphan that holds it is asked to leave, and made to after LEAVE_S.

        Raises:
            LockError: a worker with a living daemon holds it, or the file cannot be made.
        """
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660)
        except OSError as error:
            raise LockError(
                f"{self._path}: cannot be made ({error.strerror}); create its folder or choose another path"
            ) from None
        if not self._wait(handle, signal.SIGTERM) and not self._wait(handle, signal.SIGKILL):
            os.close(handle)
            raise LockError(f"{self._path}: another adaptd serves its results there; stop it or choose another --socket")
        self._handle = handle
        self._write(f"{CHILD_OF}{os.getppid()}")

    def mark_orphan(self) -> None:
        """Tell a successor that nobody will miss this worker."""
        self._write(ORPHAN)

    def release(self) -> None:
        """Give the lock back. May be called twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _wait(self, handle: int, ask: signal.Signals) -> bool:
        """Whether the lock was had within LEAVE_S; an orphan gets ``ask`` once."""
        asked = False
        until = time.monotonic() + LEAVE_S
        while time.monotonic() < until:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            holder, _, state = os.pread(handle, 64, 0).decode("ascii", "replace").partition(" ")
            if holder.isdigit() and not asked and (state == ORPHAN or _left_by(int(holder), state)):
                asked = True
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(holder), ask)
            time.sleep(POLL_S)
        return False

    def _write(self, state: str) -> None:
        if self._handle >= 0:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()} {state}".encode("ascii"), 0)


def _left_by(holder: int, state: str) -> bool:
    """Whether the daemon that started ``holder`` is gone; False where that cannot be told."""
    try:
        status = Path(f"/proc/{holder}/status").read_text()
    except OSError:
        return False
    parents = [line.split()[1] for line in status.splitlines() if line.startswith("PPid:")]
    return state.startswith(CHILD_OF) and parents != [state.removeprefix(CHILD_OF)]

"""`adaptd` with one guard taken away, for negative controls: python -m tests.faults.mutant NAME run ...

A test that a daemon without its guard passes proves nothing about the daemon that has it.
"""

import sys
import threading
import time

from adaptd.cli.main import main
from adaptd.serve import api, board, peer


def hungry() -> None:
    """Bodies of any size are read."""
    api.MAX_REQUEST_BYTES = peer.MAX_REQUEST_BYTES = 1 << 40
    api.REQUEST_DEADLINE_S = 60.0
    api.Api.service_actions = lambda self: None  # type: ignore[method-assign]


def open_door() -> None:
    """Everybody may change everything."""
    api.may_change = peer.may_change = lambda one, own_uid: True  # type: ignore[assignment]


def held() -> None:
    """Readers hold the board while they read, and the control loop waits for them."""
    plain, lock = board.StatusBoard.read, threading.Lock()

    def slow(self: board.StatusBoard, now_us: int) -> dict[str, object]:
        with lock, self._lock:
            time.sleep(0.3)
        return plain(self, now_us)

    board.StatusBoard.read = slow  # type: ignore[method-assign]


MUTANTS = {"hungry": hungry, "open_door": open_door, "held": held}

if __name__ == "__main__":
    MUTANTS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))

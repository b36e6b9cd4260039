"""The lake is written by a process of its own: making Parquet holds Python's lock, and hearing boxes must not wait for it.

It dies with its server, whatever kills that (PR_SET_PDEATHSIG), and holds ``.writer`` meanwhile, so that there is never a second.
"""

import ctypes
import fcntl
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

WRITER = ".writer"
COMPACT_S = 600.0
_PR_SET_PDEATHSIG = 1


class Keeper:
    """Writes the lake in ``folder`` every ``export_s`` seconds until it is closed."""

    def __init__(self, folder: Path, export_s: float) -> None:
        context = multiprocessing.get_context("spawn")
        theirs, self._mine = context.Pipe(duplex=False)
        self._process = context.Process(target=keep, args=(folder, export_s, theirs, os.getpid()), name="lake", daemon=True)
        self._process.start()
        theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def close(self) -> None:
        """Let it finish what it is writing, and wait."""
        self._mine.close()
        self._process.join()


def keep(folder: Path, export_s: float, until: Connection, parent: int) -> None:
    """Export now and then, and every ten minutes compact and write digests, until the other end of ``until`` is closed."""
    from adaptd.fleet import digest, store
    from adaptd.fleet.lake import Lake

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the server ends it, after its last batch
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        return
    with (folder / WRITER).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        database = store.connect(folder)
        compacted_s, lake = time.monotonic(), None
        while not until.poll(export_s):
            try:
                lake = lake or Lake(folder, database)
                lake.export()
                if time.monotonic() - compacted_s > COMPACT_S:
                    compacted_s = time.monotonic()
                    lake.compact()
                    digest.make_missing(folder)
            except store.StoreError as error:
                print(f"fleet: {error}", file=sys.stderr, flush=True)  # noqa: T201 - the operational log
                lake = None
        database.close()

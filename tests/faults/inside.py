"""`adaptd` with a thread that counts what the interpreter has allocated: python -m tests.faults.inside COUNTS.csv run ...

A block is what Python's allocator hands out for one object. Collecting first leaves only what is really held, so that a leak of
one object a tick shows as one block a tick, long before a page of memory does.
"""

import gc
import sys
import threading
import time
from pathlib import Path

from adaptd.cli.main import main

EVERY_S = 10.0


def count(path: Path) -> None:
    """Append a line every ten seconds: seconds, blocks, threads."""
    with path.open("a", buffering=1) as out:
        while True:
            gc.collect()
            out.write(f"{time.monotonic():.3f},{sys.getallocatedblocks()},{threading.active_count()}\n")
            time.sleep(EVERY_S)


if __name__ == "__main__":
    threading.Thread(target=count, args=(Path(sys.argv[1]),), daemon=True).start()
    sys.exit(main(sys.argv[2:]))

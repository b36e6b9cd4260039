"""`adaptd run --page`: a gateway beside the daemon, for as long as the daemon runs. It is a child, not a part: it may fail."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

END_S = 5


@contextlib.contextmanager
def page(port: int | None, socket: Path) -> Iterator[None]:
    """Run a gateway on ``port`` while the block runs; None runs none. It ends with this process, however that ends."""
    if port is None:
        yield
        return
    words = [sys.executable, "-m", "adaptd", "gateway", "--until-eof", "--socket", str(socket), "--port", str(port)]
    # Its standard input is a pipe from here: when this process is gone the pipe is closed, and the gateway ends.
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:  # noqa: S603 - our own words
        try:
            yield
        finally:
            assert child.stdin is not None
            child.stdin.close()
            try:
                child.wait(END_S)
            except subprocess.TimeoutExpired:
                child.kill()

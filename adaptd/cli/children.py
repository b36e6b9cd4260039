"""Programs that a command runs beside itself for as long as it needs them: a gateway, and a broker for the demonstrations."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

END_S, START_S = 5, 10.0
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def page(port: int | None, daemon: Path) -> Iterator[None]:
    """`adaptd run --page`: a gateway on ``port`` while the block runs; None runs none.

    It is no part of the daemon: it may fail. It ends with this process, however that ends.
    """
    if port is None:
        yield
        return
    words = [sys.executable, "-m", "adaptd", "gateway", "--until-eof", "--socket", str(daemon), "--port", str(port)]
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


@contextlib.contextmanager
def child(command: list[str], log: Path | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``command`` while the block runs; what it says goes into ``log``, without one nowhere."""
    with contextlib.nullcontext(subprocess.DEVNULL) if log is None else log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603 - our own words
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def broker(words: list[str], port: int, log: Path | None = None) -> Iterator[None]:
    """Run mosquitto with ``words`` while the block runs, which begins once it listens on ``port``.

    Raises:
        OSError: it ended, or does not listen.
    """
    with child([MOSQUITTO or "mosquitto", *words], log) as process:
        ends_s = time.monotonic() + START_S
        while process.poll() is None and time.monotonic() < ends_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        else:
            raise OSError("mosquitto does not listen, is it installed and allowed to run?")
        yield


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

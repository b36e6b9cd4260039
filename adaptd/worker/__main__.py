"""The worker process: ``python -m adaptd.worker --fd N``, started by the daemon with one end of a socket pair as descriptor N."""

import argparse
import contextlib
import gc
import os
import select
import signal
import socket
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from adaptd.base.clock import SystemClock
from adaptd.protocol.messages import Begin, Fault, Waiting
from adaptd.protocol.wire import Channel

if TYPE_CHECKING:
    from adaptd.worker.move_over import PoolMaker

REFUSED = 1
USAGE = 2
BROKEN = 4
FLUSH_S = 0.5


def main(argv: list[str] | None = None, make_pool: "PoolMaker | None" = None) -> int:
    """Wait for ``Begin``, serve, end. Exit codes: 0 stopped, 1 refused what it was asked for, 2 usage, 3 and 4 start it again."""
    parser = argparse.ArgumentParser(prog="adaptd.worker", description="Serves frames for the adaptd daemon, which starts it.")
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the socket to the daemon")
    parser.add_argument("--backend", default="", help="load this backend's library before being told what to serve")
    wanted = parser.parse_args(argv)
    try:
        channel = Channel(socket.socket(fileno=wanted.fd))
    except OSError as error:
        sys.stderr.write(f"adaptd.worker: descriptor {wanted.fd} is no socket ({error.strerror}); start it with: adaptd run\n")
        return USAGE
    clock = SystemClock()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: clock.stopping.set())
    _report_crashes(channel, clock)
    try:
        _load(wanted.backend)
        channel.send(Waiting(os.getpid(), clock.now_us()))
        begin = _await_begin(channel, clock)
        return 0 if begin is None else _serve(begin, channel, clock, make_pool)
    except ImportError as error:
        channel.send(Fault("start", f"a library is missing ({error}); pip install 'adaptd[camera]'", clock.now_us(), fatal=True))
        return REFUSED
    finally:
        _drain(channel)


def _load(backend: str) -> None:
    """Import what takes long to import; a backend that is missing is named at the start, in its own words."""
    from adaptd.engine.errors import BackendMissing
    from adaptd.engine.ort import import_onnxruntime
    from adaptd.worker import assembly

    del assembly
    if backend == "ort":
        with contextlib.suppress(BackendMissing):
            import_onnxruntime()


def _serve(begin: Begin, channel: Channel, clock: SystemClock, make_pool: "PoolMaker | None") -> int:
    from adaptd.worker.assembly import StartError, default_pool, serve

    gc.freeze()
    try:
        return serve(begin, channel, clock, make_pool or default_pool)
    except StartError as error:
        channel.send(Fault("start", str(error), clock.now_us(), fatal=True))
        return REFUSED


def _await_begin(channel: Channel, clock: SystemClock) -> Begin | None:
    """The first message, or None where the daemon goes or stops before it sends one."""
    while not channel.closed and clock.wait_until(0):
        select.select([channel.fileno()], [], [], 0.25)
        for message in channel.receive():
            if isinstance(message, Begin):
                return message
    return None


def _report_crashes(channel: Channel, clock: SystemClock) -> None:
    """A defect ends the worker with one line to the daemon, never a traceback; the daemon starts it again."""

    def tell(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = "" if trace is None else f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        text = " ".join(f"{kind.__name__}: {error}{where}".split())
        channel.send(Fault("crash", text[:500], clock.now_us()))
        channel.flush()

    def in_thread(args: threading.ExceptHookArgs) -> None:
        tell(args.exc_type, args.exc_value, args.exc_traceback)
        os._exit(BROKEN)

    threading.excepthook = in_thread
    sys.excepthook = tell


def _drain(channel: Channel) -> None:
    """Give the daemon a moment to take the last words."""
    if channel.backlog and not channel.closed:
        select.select([], [channel.fileno()], [], FLUSH_S)
        channel.flush()


if __name__ == "__main__":
    raise SystemExit(main())

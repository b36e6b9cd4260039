"""The daemon's side of one worker: start it, hear it, set it, stop it. Nothing here waits for the worker except ``stop``."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from adaptd.base.clock import Clock, monotonic_us
from adaptd.protocol.messages import Begin, Fault, Garbled, Hello, MoveOver, Stop, Waiting, WorkerReport
from adaptd.protocol.wire import Channel, Message
from adaptd.supervise.counting import gathered
from adaptd.vocabulary import OperatingPoint, Setpoint, Telemetry

COMMAND = (sys.executable, "-m", "adaptd.worker")
# No telemetry, and no chatter of libraries between the daemon's own lines; both are read when the libraries are loaded.
QUIET = {"ORT_DISABLE_TELEMETRY": "1", "OPENCV_LOG_LEVEL": "SILENT", "OPENCV_FFMPEG_LOGLEVEL": "-8"}
BEAT_LIMIT_US = 1_000_000
POLITE_SHARE = 0.6
POLL_S = 0.01


class WorkerClient:
    """One worker process. A new process is a new client; ``supervisor.Supervisor`` keeps one running."""

    def __init__(self, begin: Begin, *, command: Sequence[str] = COMMAND, now_us: Clock = monotonic_us) -> None:
        self.begin = begin
        self._command = tuple(command)
        self._now_us = now_us
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._gathered: list[WorkerReport] = []
        self.hello: Hello | None = None
        self.report: WorkerReport | None = None
        self.fatal: Fault | None = None
        self.waiting = False
        self.started_us = now_us()
        self.heard_us = self.started_us

    def start(self) -> None:
        """Start the process and tell it what to serve. Returns at once; ``hello`` is there when it is warm.

        Raises:
            OSError: the process cannot be started.
        """
        self.spawn()
        self.engage(self.begin)

    def spawn(self) -> None:
        """Start the process only: it loads its libraries and waits for ``engage``. Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours, never a user's text
                [*self._command, "--fd", str(theirs.fileno()), "--backend", self.begin.backend],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **QUIET},
            )
        self._channel = Channel(ours)
        self.started_us = self.heard_us = self._now_us()

    def engage(self, begin: Begin) -> None:
        """Tell a spawned process what to serve."""
        self.begin = begin
        self.started_us = self.heard_us = self._now_us()
        if self._channel is not None:
            self._channel.send(begin)

    @property
    def pid(self) -> int | None:
        """Process id; None before the start."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs or before the start."""
        return None if self._process is None else self._process.poll()

    def poll(self) -> list[Message | Garbled]:
        """What the worker has said since the last call, in order."""
        if self._channel is None:
            return []
        self._channel.flush()
        heard = self._channel.receive()
        for message in heard:
            self._note(message)
        if heard:
            self.heard_us = self._now_us()
        return heard

    def set(self, setpoint: Setpoint) -> bool:
        """Ask for an operating point; False where the worker cannot hear it. ``Applied`` or a ``refused`` fault follows."""
        return self._channel is not None and self.exit_code is None and self._channel.send(setpoint)

    def move_over(self, order: MoveOver) -> bool:
        """Ask for engines of another backend; False where the worker cannot hear it."""
        return self._channel is not None and self.exit_code is None and self._channel.send(order)

    def telemetry(self, now_us: int) -> Telemetry:
        """What the worker did since the last call, and where it is by its own account. Call ``poll`` before."""
        reports, self._gathered = self._gathered, []
        last = self.report
        if last is None:
            return Telemetry(alive=False, point=OperatingPoint(self.begin.variants[0], 0), quarantined=self.begin.quarantined)
        alive = self.exit_code is None and now_us - self.heard_us <= BEAT_LIMIT_US
        return gathered(reports, last, alive=alive)

    def stop(self, timeout_s: float = 2.0) -> int | None:
        """End the worker: politely, then firmly, all within ``timeout_s``; the exit code."""
        if self._process is None:
            return None
        if self._channel is not None:
            self._channel.send(Stop())
        if not self._wait(timeout_s * POLITE_SHARE):
            self._process.terminate()
            if not self._wait(timeout_s * (1 - POLITE_SHARE) / 2):
                self.kill()
        return self.close()

    def kill(self) -> None:
        """End the process now; a stopped or hung one as well."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> int | None:
        """Hear the last words, let the socket go and reap the process, which must have been ended; the exit code."""
        self.poll()
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
        return self.exit_code

    def _wait(self, timeout_s: float) -> bool:
        until_us = self._now_us() + int(timeout_s * 1e6)
        while self.exit_code is None:
            if self._now_us() >= until_us:
                return False
            self.poll()
            time.sleep(POLL_S)
        return True

    def _note(self, message: Message | Garbled) -> None:
        if isinstance(message, WorkerReport):
            self.report = message
            self._gathered.append(message)
        elif isinstance(message, Hello):
            self.hello = message
        elif isinstance(message, Waiting):
            self.waiting = True
        elif isinstance(message, Fault) and message.fatal:
            self.fatal = message

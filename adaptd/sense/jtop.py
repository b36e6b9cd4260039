"""jetson-stats as a second source, from a process of its own: a deadline on every line, restarts counted, -256 is Missing.

The daemon never imports the library (AGPL-3.0, and it can block for ever). One thread here reads the child's lines; the station
only looks at the newest one.
"""

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from adaptd.base.clock import Clock, monotonic_us
from adaptd.sense.source import POWER, TEMPERATURE, UNITS, Answer, Feed
from adaptd.vocabulary import Missing, MissingReason, Raw

RESTARTS = 3
RESTART_WINDOW_US = 60_000_000
LONGEST_LINE = 65_536
CHILD = (sys.executable, "-m", "adaptd.sense.jtop_child", "--interval", "1.0")
_STEPS = {TEMPERATURE: 500, POWER: 40}


class JtopProcess:
    """Keeps the child running. At most three restarts in a minute; while it rests every reading is Missing."""

    def __init__(self, command: Sequence[str], line_deadline_s: float = 3.0, clock: Clock = monotonic_us) -> None:
        self._command = tuple(command)
        self._line_deadline_s = line_deadline_s
        self._clock = clock
        self._starts: deque[int] = deque()
        self._stop_read, self._stop_write = os.pipe()
        self._stopping = threading.Event()
        self._latest: tuple[int, int, dict[str, object]] | None = None
        self._fault = "starting"
        self.restarts = 0
        self._thread = threading.Thread(target=self._supervise, name="adaptd-jtop", daemon=True)
        self._thread.start()

    def latest(self) -> tuple[int, int, dict[str, object]] | str:
        """(count, monotonic time of arrival, line) of the newest line, or why there is none."""
        latest = self._latest
        return self._fault if latest is None or self._fault else latest

    def close(self) -> None:
        """End the child and the thread."""
        self._stopping.set()
        os.write(self._stop_write, b"x")
        self._thread.join(timeout=self._line_deadline_s + 5)
        os.close(self._stop_read)
        os.close(self._stop_write)

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            now_us = self._clock()
            while self._starts and now_us - self._starts[0] > RESTART_WINDOW_US:
                self._starts.popleft()
            if len(self._starts) > RESTARTS:
                self._rest(now_us)
                continue
            if self._starts:
                self.restarts += 1
            self._starts.append(now_us)
            self._fault = f"jtop: {self._run_once()}"

    def _rest(self, now_us: int) -> None:
        last = self._fault.removeprefix("jtop: ")
        if "gave up" not in last:
            self._fault = f"jtop: gave up for a while after {RESTARTS} restarts in 60 s, last: {last}"
        self._stopping.wait((self._starts[0] + RESTART_WINDOW_US - now_us) / 1e6 + 0.001)

    def _run_once(self) -> str:
        """One life of the child; returns why it ended."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        command = [*self._command, "--parent", str(os.getpid())]
        try:
            child = subprocess.Popen(  # noqa: S603 - the command is this interpreter and this package
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
            )
        except OSError as error:
            return f"cannot start: {str(error).lower()}"
        try:
            why = self._read_lines(child)
        finally:
            child.kill()
            _, complaint = child.communicate()
        last = complaint.decode("utf-8", "replace").strip().splitlines()
        return last[-1][:200] if why == "ended" and last else why

    def _read_lines(self, child: "subprocess.Popen[bytes]") -> str:
        assert child.stdout is not None
        descriptor = child.stdout.fileno()
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            selector.register(self._stop_read, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select(self._line_deadline_s)}
                if self._stop_read in ready:
                    return "stopped"
                if descriptor not in ready:
                    return f"no line for {self._line_deadline_s:g} s"
                chunk = os.read(descriptor, LONGEST_LINE)
                if not chunk:
                    return "ended"
                *lines, pending = (pending + chunk).split(b"\n")
                if len(pending) > LONGEST_LINE or not all(self._take(raw) for raw in lines):
                    return "unparsable line"

    def _take(self, raw: bytes) -> bool:
        line = None
        with suppress(ValueError):
            line = json.loads(raw)
        if not isinstance(line, dict):
            return False
        count = 1 if self._latest is None else self._latest[0] + 1
        self._latest = (count, self._clock(), line)
        self._fault = ""
        return True


def first_line(patience_s: float = 4.0) -> dict[str, object] | str:
    """One line of the service, for `adaptd doctor`, or why there is none."""
    process = JtopProcess(CHILD)
    until_s = time.monotonic() + patience_s
    try:
        while time.monotonic() < until_s:
            latest = process.latest()
            if not isinstance(latest, str):
                return latest[2]
            if latest != "starting":
                return latest
            time.sleep(0.05)
    finally:
        process.close()
    return f"jtop: no line for {patience_s:g} s"


class JtopFeed(Feed):
    """One zone or one rail of the newest line."""

    def __init__(self, process: JtopProcess, quantity: str, key: str) -> None:
        self.name = f"jtop:{key}"
        self.quantity = quantity
        self.step = _STEPS[quantity]
        self._process = process
        self._key = key

    def sample(self, now_us: int) -> Raw:
        latest = self._process.latest()
        if isinstance(latest, str):
            return self.raw(Answer(0, now_us, Missing(MissingReason.DEVICE, latest)), now_us)
        count, at_us, line = latest
        return self.raw(Answer(count, at_us, self._value(line)), now_us)

    def _value(self, line: dict[str, object]) -> int | Missing:
        values = line.get(f"{self.quantity}_{UNITS[self.quantity]}")
        if not isinstance(values, dict) or self._key not in values:
            return Missing(MissingReason.UNSUPPORTED, f"jtop names no {self._key}")
        value = values[self._key]
        if value is None:
            return Missing(
                MissingReason.DEVICE, "offline (jtop shows -256)" if self.quantity == TEMPERATURE else "jtop gives no number"
            )
        if isinstance(value, bool) or not isinstance(value, int):
            return Missing(MissingReason.UNREADABLE, f"unparsable: {self._key} is no whole number")
        return value

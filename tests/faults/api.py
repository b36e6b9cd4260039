"""The local API under attack: a foreign user, floods, 100 MB bodies, slow clients, a thousand connections. No tick may notice.

python -m tests.faults.api

At the end the negative controls: a daemon that reads every body, one that lets everybody in, and one whose readers hold up the
control loop must each fail.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import socket
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from adaptd.client import ApiError, call
from adaptd.serve.api import CHANGE_VERBS, READ_VERBS
from tests.faults.service import Service, decision_times_us

TICK_US = 100_000
FLOODERS, REQUESTS_PER_S = 2, 10_000
NOBODY = 65_534
MOST_MB = 100
CROWD = 1000
HALF_A_SECOND = struct.pack("ll", 0, 500_000)
SWALLOWED_BLOCKS = 32
Counts = dict[str, int]
COUNTED = ("sent", "answered", "refused", "hung up", "swallowed", "cut", "knocked", "crowd", "open at once", "turned away")


def flood(path: Path, until_s: float, counts: Counts) -> None:
    """A share of 10,000 requests a second, each on a connection of its own; who finds the queue full is refused by the kernel."""
    every_s = FLOODERS / REQUESTS_PER_S
    due_s = time.monotonic()
    clients: list[socket.socket] = []
    while time.monotonic() < until_s:
        due_s += every_s
        pause_s = due_s - time.monotonic()
        if pause_s > 0.002:
            time.sleep(pause_s)
        counts["sent"] += 1
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        try:
            client.connect(str(path))
            client.send(b"GET /v1/status HTTP/1.0\r\n\r\n")
            clients.append(client)
        except OSError:
            counts["refused"] += 1
            client.close()
        if len(clients) > 200:
            _collect(clients, counts)
    _collect(clients, counts)


def _collect(clients: list[socket.socket], counts: Counts) -> None:
    for client in clients:
        try:
            counts["answered"] += bool(client.recv(1))
        except OSError:
            counts["hung up"] += 1
        client.close()
    clients.clear()


def heavy(path: Path, until_s: float, counts: Counts) -> None:
    """A body of 100 MB, again and again."""
    block = b"x" * 65_536
    while time.monotonic() < until_s:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(10)
                client.connect(str(path))
                client.sendall(b"POST /v1/reload HTTP/1.0\r\nContent-Length: 104857600\r\n\r\n")
                for number in range(1600):
                    client.sendall(block)
                    if number == SWALLOWED_BLOCKS:  # ten times what the kernel holds between the two
                        counts["swallowed"] += 1
                    if time.monotonic() >= until_s:
                        return
        except OSError:
            counts["cut"] += 1
        time.sleep(0.05)


def crowd(path: Path, until_s: float, counts: Counts) -> None:
    """A thousand connections that say nothing, or one byte now and then; who is turned away tries again."""
    clients: list[socket.socket] = []
    while time.monotonic() < until_s:
        for _ in range(CROWD - len(clients)):
            counts["knocked"] += 1
            client = socket.socket(socket.AF_UNIX)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, HALF_A_SECOND)  # waits where the queue is full
            try:
                client.connect(str(path))
                client.setblocking(False)
                clients.append(client)
                counts["crowd"] += 1
            except OSError:
                client.close()
            if time.monotonic() >= until_s:
                break
        counts["open at once"] = max(counts["open at once"], len(clients))
        for client in list(clients):
            try:
                client.send(b"G")
            except OSError:
                clients.remove(client)
                client.close()
                counts["turned away"] += 1
        time.sleep(0.2)
    for client in clients:
        client.close()


def beside(
    attack: Callable[[Path, float, Counts], None], path: Path, until_s: float, told: "multiprocessing.Queue[Counts]"
) -> None:
    """One attacker in a process of its own."""
    counts = dict.fromkeys(COUNTED, 0)
    attack(path, until_s, counts)
    told.put(counts)


def attacked(path: Path, seconds: float, attacks: tuple[Callable[[Path, float, Counts], None], ...]) -> Counts:
    """All attacks at once."""
    told: multiprocessing.Queue[Counts] = multiprocessing.Queue()
    until_s = time.monotonic() + seconds
    processes = [multiprocessing.Process(target=beside, args=(attack, path, until_s, told)) for attack in attacks]
    for process in processes:
        process.start()
    found = [told.get(timeout=seconds + 60) for _ in processes]
    for process in processes:
        process.join()
    return {name: sum(counts[name] for counts in found) for name in found[0]}


def foreign(service: Service) -> list[str]:
    """What a process of another user is told: at the door, and on every verb once somebody has opened the door for it."""
    if os.geteuid() != 0:
        return []
    shut = as_nobody(service.socket, READ_VERBS[:1])
    for folder in list(service.socket.parents)[:4]:
        folder.chmod(folder.stat().st_mode | 0o005)
    service.socket.chmod(0o666)
    said = as_nobody(service.socket, CHANGE_VERBS)
    service.socket.chmod(0o660)
    return [*shut, *said]


def as_nobody(path: Path, verbs: tuple[str, ...]) -> list[str]:
    """The answers that another user gets."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = []
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            for verb in verbs:
                try:
                    call(path, "GET" if verb in READ_VERBS else "POST", verb, None if verb in READ_VERBS else {}, timeout_s=30)
                    said.append("let in")
                except ApiError as error:
                    said.append(str(error))
        finally:
            os.write(writing, json.dumps(said).encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as stream:
        return list(json.loads(stream.read()))


def jitter_us(times: list[int]) -> tuple[float, float]:
    """Median and 99th percentile of how far tick intervals are from the period."""
    off = sorted(abs((b - a) - TICK_US) for a, b in itertools.pairwise(times))
    return statistics.median(off), off[len(off) * 99 // 100]


def longest_periods(times: list[int]) -> float:
    """The longest time between two ticks, in periods."""
    return max((b - a for a, b in itertools.pairwise(times)), default=10**9) / TICK_US


@dataclass
class Report:
    """What one siege showed."""

    calm: list[int] = field(default_factory=list)
    storm: list[int] = field(default_factory=list)
    counts: Counts = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    peak_mb: int = 0
    alive: str = ""

    def faults(self) -> list[str]:
        """What must not be, in words; empty where all is well."""
        found = []
        if longest_periods(self.storm) >= 2:
            found.append(f"a tick came after {longest_periods(self.storm):.1f} periods")
        if self.counts.get("swallowed"):
            found.append("a body of 100 MB was taken")
        if self.peak_mb > MOST_MB:
            found.append(f"{self.peak_mb} MB of memory")
        if not self.alive:
            found.append("the daemon answers no more")
        if "let in" in self.foreign:
            found.append("a foreign user was let in")
        return found


def siege(seconds: float, attacks: tuple[Callable[[Path, float, Counts], None], ...], mutant: str = "") -> Report:
    """A calm stretch, then the attack, on a daemon of its own."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), tick="100ms", mutant=mutant)
        report = Report()
        try:
            service.serving()
            report.foreign = foreign(service)
            time.sleep(seconds)
            split_us = time.monotonic_ns() // 1000
            report.counts = attacked(service.socket, seconds, attacks) if attacks else {}
            ended_us = time.monotonic_ns() // 1000
            peak = Path(f"/proc/{service.process.pid}/status").read_text().split("VmHWM:")[1].split()[0]
            report.peak_mb = round(int(peak) / 1024)
            time.sleep(1.5)
            report.alive = service.status().get("state", "")
            service.end()
        finally:
            service.kill()
        times = decision_times_us(service.audit)
        report.calm = [at for at in times if split_us - seconds * 1e6 < at < split_us]
        report.storm = [at for at in times if split_us <= at <= ended_us]
    return report


ALL = (*[flood] * FLOODERS, heavy, crowd)
SIEGES = (("everything at once", ALL), ("a thousand connections alone", (crowd,)))
CONTROLS = (("hungry", (heavy,)), ("open_door", ()), ("held", (flood,)))


def say(name: str, report: Report, seconds: float) -> None:
    """What one siege showed, in words."""
    print(f"{name}:")
    for part, times in (("calm", report.calm), ("storm", report.storm)):
        median, p99 = jitter_us(times)
        longest = longest_periods(times)
        print(f"  {part}: jitter median {median:.0f} us, p99 {p99:.0f} us; longest time between ticks {longest:.2f} periods")
    counts = {what: count for what, count in report.counts.items() if count}
    sent = report.counts["sent"] / seconds
    print(f"  {sent:.0f} requests a second, {counts}; peak memory {report.peak_mb} MB; still {report.alive}")
    for words in report.foreign or ["not tried, that needs root"]:
        print(f"  a foreign user: {words.rpartition('.sock: ')[2]}")


def main(argv: list[str] | None = None) -> int:
    """Ticks without and with the attack, what was refused, memory, and the controls."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--controls", action=argparse.BooleanOptionalAction, default=True)
    arguments = parser.parse_args(argv)
    faults = []
    for name, attacks in SIEGES:
        report = siege(arguments.seconds, attacks)
        say(name, report, arguments.seconds)
        faults += report.faults()
    print(f"faults: {', '.join(faults) or 'none'}")
    for mutant, attacks in CONTROLS if arguments.controls else ():
        if mutant == "open_door" and os.geteuid() != 0:
            continue
        caught = siege(min(arguments.seconds, 5), attacks, mutant).faults()
        print(f"control {mutant}: {', '.join(caught) or 'NOT NOTICED'}")
        faults += [] if caught else [mutant]
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""The local API under attack: floods, 100 MB bodies, slow clients, a thousand connections. The ticks must not notice."""

import argparse
import itertools
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.faults.service import Service, decision_times_us

TICK_US = 100_000


def flood(path: Path, until_s: float, counts: dict[str, int]) -> None:
    """As many requests as one client can make, up to 10,000 a second."""
    while time.monotonic() < until_s:
        began = time.monotonic()
        for _ in range(100):
            counts["sent"] += 1
            try:
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(0.2)
                    client.connect(str(path))
                    client.sendall(b"GET /v1/status HTTP/1.0\r\n\r\n")
                    counts["answered"] += bool(client.recv(1))
            except OSError:
                counts["refused"] += 1
            if time.monotonic() >= until_s:
                return
        time.sleep(max(0.0, 0.01 - (time.monotonic() - began)))


def heavy(path: Path, until_s: float, counts: dict[str, int]) -> None:
    """A body of 100 MB, again and again."""
    block = b"x" * 65_536
    while time.monotonic() < until_s:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(path))
                client.sendall(b"POST /v1/reload HTTP/1.0\r\nContent-Length: 104857600\r\n\r\n")
                for _ in range(1600):
                    client.sendall(block)
                counts["swallowed"] += 1
        except OSError:
            counts["cut"] += 1
        time.sleep(0.05)


def crowd(path: Path, until_s: float, counts: dict[str, int]) -> None:
    """A thousand connections that say nothing, or one byte now and then."""
    clients: list[socket.socket] = []
    while time.monotonic() < until_s:
        while len(clients) < 1000 and time.monotonic() < until_s:
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            try:
                client.connect(str(path))
                clients.append(client)
                counts["crowd"] += 1
            except OSError:
                client.close()
                time.sleep(0.01)
                break
        for client in list(clients):
            try:
                client.send(b"G")
            except OSError:
                clients.remove(client)
                client.close()
        time.sleep(0.2)
    for client in clients:
        client.close()


def jitter_us(times: list[int]) -> tuple[float, float]:
    """Median and 99th percentile of how far tick intervals are from the period."""
    off = sorted(abs((b - a) - TICK_US) for a, b in itertools.pairwise(times))
    return statistics.median(off), off[len(off) * 99 // 100]


def main(argv: list[str] | None = None) -> int:
    """Ticks without and with the attack, what was refused, and memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), tick="100ms")
        try:
            service.serving()
            time.sleep(arguments.seconds)
            split_us = time.monotonic_ns() // 1000
            counts = dict.fromkeys(("sent", "answered", "refused", "swallowed", "cut", "crowd"), 0)
            until_s = time.monotonic() + arguments.seconds
            attacks = [threading.Thread(target=one, args=(service.socket, until_s, counts)) for one in (flood, heavy, crowd)]
            for attack in attacks:
                attack.start()
            for attack in attacks:
                attack.join()
            ended_us = time.monotonic_ns() // 1000
            peak = Path(f"/proc/{service.process.pid}/status").read_text().split("VmHWM:")[1].split()[0]
            time.sleep(1.5)
            alive = service.status().get("state", "")
            service.end()
        finally:
            service.kill()
        times = decision_times_us(service.audit)
        calm = jitter_us([at for at in times if split_us - arguments.seconds * 1e6 < at < split_us])
        storm_times = [at for at in times if split_us <= at <= ended_us]
        storm = jitter_us(storm_times)
        longest = max(b - a for a, b in itertools.pairwise(storm_times))
    print(f"calm: jitter median {calm[0]:.0f} us, p99 {calm[1]:.0f} us")
    print(f"storm: jitter median {storm[0]:.0f} us, p99 {storm[1]:.0f} us; longest interval {longest / TICK_US:.2f} periods")
    print(f"requests: {counts}; peak memory {int(peak) / 1024:.0f} MB; still {alive}")
    return 0 if longest < 2 * TICK_US and not counts["swallowed"] and alive else 1


if __name__ == "__main__":
    sys.exit(main())

"""The daemon killed and stopped, again and again: the log goes on without a gap, the worker falls back, nothing is left behind.

python -m tests.faults.daemon --kills 200 --stops 50
"""

import argparse
import itertools
import json
import os
import random
import re
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from adaptd.log.verify.reader import iter_records
from tests.faults.service import Service, verified

LEASE_S = 2.0
GRACE_S = 3.0


def ample(text: str) -> str:
    """The policy with a budget that other work on the machine does not eat up: INT8 serves wherever it is proven."""
    return re.sub(r"budget_w: *[0-9.]+", "budget_w: 60", text)


def short_leases(text: str) -> str:
    """The same with leases that a test can wait for."""
    short = f"lease_s: {{efficient: {LEASE_S}, reduced_rate: {LEASE_S}}}"
    return ample(text).replace("lease_s: {efficient: 600, reduced_rate: 300}", short)


class Listener:
    """A subscriber to the results: which variant made each frame, and when by the clock that all processes share."""

    def __init__(self, path: Path) -> None:
        self._client = socket.socket(socket.AF_UNIX)
        self._client.settimeout(0.5)
        self._client.connect(str(path))
        self._rest = b""

    def __enter__(self) -> "Listener":  # noqa: PYI034 - typing.Self needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def hear(self) -> list[tuple[int, str]]:
        """The frames that came within half a second at the longest: time in microseconds, variant."""
        try:
            data = self._client.recv(65_536)
        except TimeoutError:
            return []
        assert data, "the worker has left"
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [(word["mono_us"], word["variant"]) for word in map(json.loads, lines)]

    def until_int8(self, patience_s: float = 90.0) -> None:
        """Wait for a frame that INT8 makes from now on; a status document may be old news."""
        since_us, ends = time.monotonic_ns() // 1000, time.monotonic() + patience_s
        while time.monotonic() < ends:
            if any(variant == "int8" and at_us > since_us for at_us, variant in self.hear()):
                return
        raise AssertionError("INT8 never served")


def kills(count: int, folder: Path) -> int:
    """SIGKILL at a random moment, then start again on the same log; at the end the whole log must verify."""
    rng, failures, starts = random.Random(time.monotonic_ns()), 0, []
    for index in range(count):
        began = time.monotonic()
        service = Service(folder, edit=short_leases)
        try:
            service.serving()
            starts.append(time.monotonic() - began)
            time.sleep(rng.random() * 0.6)
        except AssertionError as error:
            failures += 1
            print(f"kill {index}: {error}")
        finally:
            service.kill()
        print(f"\rkilled {index + 1} of {count}", end="", file=sys.stderr)
    service = Service(folder)
    service.serving()
    code, _, errors, _ = service.end()
    report = verified(service.audit)
    holes = gaps(service.audit)
    told = f"log {report['verdict']}, {report['records']} records in {report['boots']} runs, {holes} gaps"
    print(f"\nkilled {count} times: {told}, {report['decisions']} decisions run again; restart to")
    print(f"first frame median {sorted(starts)[len(starts) // 2]:.2f} s, longest {max(starts):.2f} s; {failures} failures")
    if code:
        print(f"the last run ended with {code}: {errors}")
    return failures + (report["verdict"] != "valid") + holes + bool(code)


def gaps(audit: Path) -> int:
    """Missing, doubled or misplaced records, counted by their numbers."""
    numbers = [record["seq"] for record in iter_records(audit)]
    return sum(after != before + 1 for before, after in itertools.pairwise(numbers)) + (numbers[0] != 0)


def stops(count: int, edit: Callable[[str], str] = short_leases) -> int:
    """SIGSTOP while the efficient engine serves: within lease and grace the worker is on the reference by itself.

    Each in a run of its own: the software device's day begins bright and with power to spare, so INT8 serves within seconds.
    """
    failures, ends_s, verdicts = 0, [], []
    while len(ends_s) < count:
        with tempfile.TemporaryDirectory() as folder:
            service = Service(Path(folder), edit=edit)
            try:
                service.serving()
                with Listener(service.socket.parent / "results.sock") as listener:
                    last_s, served_s = stop_once(service, listener)
                service.end()
            finally:
                service.kill()
            if last_s is None:  # it was about to leave INT8 anyway: that shows nothing
                continue
            ends_s.append(last_s)
            verdicts.append(verified(service.audit)["verdict"])
            failures += last_s > LEASE_S + GRACE_S or served_s is None or verdicts[-1] != "valid"
            print(f"\rstopped {len(ends_s)} of {count}", end="", file=sys.stderr)
    longest, median = max(ends_s), sorted(ends_s)[len(ends_s) // 2]
    end = f"the last INT8 frame came {median:.2f} s after the stop (median), {longest:.2f} s at the latest"
    print(f"\nstopped {count} times, lease {LEASE_S} s: {end}; logs {sorted(set(verdicts))}; {failures} failures")
    return failures


def stop_once(service: Service, listener: Listener) -> tuple[float | None, float | None]:
    """Seconds from the stop to the last frame of INT8 and to the first of the reference after it; None where there was none."""
    listener.until_int8()
    os.kill(service.process.pid, signal.SIGSTOP)
    stopped_us = time.monotonic_ns() // 1000
    heard: list[tuple[int, str]] = []
    while time.monotonic_ns() // 1000 - stopped_us < (LEASE_S + GRACE_S + 1) * 1e6:
        heard += [(at_us, variant) for at_us, variant in listener.hear() if at_us > stopped_us]
    os.kill(service.process.pid, signal.SIGCONT)
    last_us = max((at_us for at_us, variant in heard if variant == "int8"), default=None)
    if last_us is None:
        return None, None
    back_us = min((at_us for at_us, variant in heard if variant == "fp16" and at_us > last_us), default=None)
    return (last_us - stopped_us) / 1e6, None if back_us is None else (back_us - stopped_us) / 1e6


def main(argv: list[str] | None = None) -> int:
    """Both, or either with the other's count 0."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--folder", type=Path, default=None, help="of the killed daemon's log: several calls continue one log")
    arguments = parser.parse_args(argv)
    failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.kills:
            folder = arguments.folder or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            failures += kills(arguments.kills, folder)
    if arguments.stops:
        failures += stops(arguments.stops)
        print("control, leases of ten minutes as shipped:", end="", flush=True)
        failures += not stops(1, edit=ample)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

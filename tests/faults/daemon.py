"""The daemon killed and stopped, again and again: the log goes on without a gap, the worker falls back, nothing is left behind.

python -m tests.faults.daemon --kills 200 --stops 50
"""

import argparse
import json
import os
import random
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.service import Service, verified

LEASE_S = 2.0
GRACE_S = 3.0


def short_leases(text: str) -> str:
    """The policy with leases that a test can wait for."""
    return text.replace(
        "lease_s: {efficient: 600, reduced_rate: 300}", f"lease_s: {{efficient: {LEASE_S}, reduced_rate: {LEASE_S}}}"
    )


def variants(path: Path, seconds: float) -> list[tuple[float, str]]:
    """Which variant served each frame, heard as a subscriber to the results."""
    heard = []
    ends = time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.5)
        client.connect(str(path))
        stream = client.makefile("rb")
        while time.monotonic() < ends:
            try:
                line = stream.readline()
            except TimeoutError:
                continue
            if not line:
                break
            word = json.loads(line).get("variant")
            if word:
                heard.append((time.monotonic(), word))
    return heard


def kills(count: int) -> int:
    """SIGKILL at a random moment, then start again; at the end the whole log must verify."""
    rng, failures = random.Random(3), 0
    with tempfile.TemporaryDirectory() as folder:
        starts = []
        for index in range(count):
            began = time.monotonic()
            service = Service(Path(folder), edit=short_leases)
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
        service = Service(Path(folder))
        service.serving()
        service.end()
        report = verified(service.audit)
        print(
            f"\nkilled {count} times: log {report['verdict']}, {report['records']} records in {report['boots']} runs; restart to"
        )
        print(f"first frame median {sorted(starts)[len(starts) // 2]:.2f} s, longest {max(starts):.2f} s; {failures} failures")
        return failures + (report["verdict"] != "valid")


def stops(count: int) -> int:
    """SIGSTOP while the efficient engine serves: within lease and grace the worker is on the reference by itself."""
    failures = tried = 0
    longest = 0.0
    while tried < count:
        with tempfile.TemporaryDirectory() as folder:
            service = Service(Path(folder), edit=short_leases)
            try:
                while tried < count:
                    document = service.until(lambda found: found.get("operating_point", {}).get("variant") == "int8", 90)
                    assert document
                    tried += 1
                    os.kill(service.process.pid, signal.SIGSTOP)
                    stopped = time.monotonic()
                    heard = variants(service.socket.parent / "results.sock", LEASE_S + GRACE_S + 1)
                    os.kill(service.process.pid, signal.SIGCONT)
                    after = [at - stopped for at, variant in heard if variant == "int8"]
                    back = max(after, default=0.0)
                    longest = max(longest, back)
                    served = [at for at, variant in heard if variant == "fp16"]
                    failures += back > LEASE_S + GRACE_S or not served
                    print(f"\rstopped {tried} of {count}", end="", file=sys.stderr)
            finally:
                service.kill()
            report = verified(service.audit)
            failures += report["verdict"] not in ("valid", "torn_tail")
    end = f"int8 ended {longest:.2f} s after the stop at the latest"
    print(f"\nstopped {count} times, lease {LEASE_S} s: {end}; {failures} failures")
    return failures


def main(argv: list[str] | None = None) -> int:
    """Both, or either with the other's count 0."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--stops", type=int, default=50)
    arguments = parser.parse_args(argv)
    failures = kills(arguments.kills) if arguments.kills else 0
    failures += stops(arguments.stops) if arguments.stops else 0
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

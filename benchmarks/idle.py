"""The first frame after a long pause against the hundredth: worker processes that keep their engines warm, and ones that do not.

Every worker serves 15 fps for a hundred frames, pauses for ``--minutes`` (rate 0, as in a thermal pause or with the camera away),
and serves again, half of them on each variant. A result's latency is what a subscriber sees: from the frame's arrival to the
result. The workers with ``kept_warm`` exercise both engines on the usual schedule; the control group's schedule is off.
"""

import argparse
import contextlib
import fcntl
import json
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adaptd.protocol.messages import Begin
from adaptd.supervise.process import WorkerClient
from adaptd.vocabulary import Setpoint
from adaptd.worker.loop import TOUCH_US
from benchmarks.__main__ import machine
from benchmarks.rig import BUNDLE, NEVER_US, median

FIGURES: dict[str, Any] = {}
RATE_MFPS = 15_000
VARIANTS = ("fp16", "int8")
ARMS = {"kept_warm": TOUCH_US, "left_alone": 0}
SERVED = 110
NEIGHBOURS = 10
LIMIT = 1.10
LOCK_PATIENCE_S = 1200.0


class Sleeper:
    """One worker process, and the results it publishes."""

    def __init__(self, bundle: Path, folder: str, arm: str, index: int) -> None:
        path = f"{folder}/{arm}{index}.sock"
        begin = Begin(
            str(bundle),
            "ort",
            VARIANTS,
            "pattern:640x480@15",
            RATE_MFPS,
            NEVER_US,
            threads=1,
            spinning=False,
            results=path,
            report_us=1_000_000,
            touch_us=ARMS[arm],
        )
        self.arm, self.variant = arm, VARIANTS[index % 2]
        self._seq = 0
        self.client = WorkerClient(begin)
        self.client.start()
        while self.client.hello is None:
            self.client.poll()
            if self.client.fatal is not None:
                raise SystemExit(self.client.fatal.text)
            time.sleep(0.01)
        self._path = path
        self.order(VARIANTS[0], 0)

    def order(self, variant: str, fps_mfps: int) -> None:
        """Ask for a point, as the daemon would."""
        self._seq += 1
        self.client.set(Setpoint(self._seq, variant, fps_mfps, NEVER_US, 0, "", "bench"))

    def serve(self, variant: str) -> list[int]:
        """Latencies of the next SERVED results on ``variant``; then a pause again."""
        found: list[int] = []
        with socket.socket(socket.AF_UNIX) as results:
            results.connect(self._path)
            time.sleep(0.3)  # to be let in before the first frame
            self.order(variant, RATE_MFPS)
            lines = bytearray()
            while len(found) < SERVED:
                data = results.recv(65_536)
                if not data:
                    raise SystemExit(f"{self._path}: the worker sends no more results")
                *whole, rest = (lines + data).split(b"\n")
                lines = bytearray(rest)
                found += [line["latency_us"] for line in map(json.loads, whole) if line["variant"] == variant]
                self.client.poll()
        self.order(VARIANTS[0], 0)
        return found[:SERVED]

    def rest(self) -> None:
        """Hear what the worker says."""
        self.client.poll()

    def close(self) -> None:
        """End the process."""
        self.client.stop()


def measure(bundle: Path, minutes: float, workers: int, lock: Path | None) -> dict[str, Any]:
    """All figures; ``lock`` is held while latencies are taken."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as undo:
        sleepers = []
        for index in range(workers):
            for arm in ARMS:
                sleepers.append(Sleeper(bundle, folder, arm, index))
                undo.callback(sleepers[-1].close)
        for sleeper in sleepers:
            sleeper.serve(sleeper.variant)
        began_s, busy = time.monotonic(), _busy()
        while time.monotonic() - began_s < minutes * 60:
            for sleeper in sleepers:
                sleeper.rest()
            time.sleep(1)
        pausing = [now - then for now, then in zip(_busy(), busy, strict=True)]
        with _held(lock, sleepers) as alone:
            paused_s, busy = time.monotonic() - began_s, _busy()
            taken = [(sleeper, sleeper.serve(sleeper.variant)) for sleeper in sleepers]
            measuring = [now - then for now, then in zip(_busy(), busy, strict=True)]
    return {
        "minutes": round(paused_s / 60, 1),
        "workers": workers,
        "machine": machine(),
        "lock_held": alone,
        "machine_busy_in_the_pause_ppm": _share_ppm(pausing),
        "machine_busy_while_measuring_ppm": _share_ppm(measuring),
        **{arm: {name: _words(arm, name, taken) for name in VARIANTS} for arm in ARMS},
    }


def _words(arm: str, variant: str, taken: list[tuple[Sleeper, list[int]]]) -> dict[str, Any]:
    mine = [latencies for sleeper, latencies in taken if (sleeper.arm, sleeper.variant) == (arm, variant)]
    first = [latencies[0] for latencies in mine]
    hundredth = [round(median([float(us) for us in latencies[99 - NEIGHBOURS : 99 + NEIGHBOURS + 1]])) for latencies in mine]
    ratio = median([one / usual for one, usual in zip(first, hundredth, strict=True)])
    return {"first_us": first, "hundredth_us": hundredth, "ratio_ppm": round(ratio * 1e6)}


def _share_ppm(times: list[int]) -> int:
    return round(times[0] / max(sum(times), 1) * 1e6)


def _busy() -> list[int]:
    """Processor time of the whole machine so far: busy, idle."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return [sum(fields) - fields[3] - fields[4], fields[3] + fields[4]]


@contextlib.contextmanager
def _held(lock: Path | None, sleepers: list[Sleeper]) -> Iterator[bool]:
    """The pause goes on until nobody else measures on this machine, LOCK_PATIENCE_S at most; whether it is ours alone."""
    if lock is None:
        yield False
        return
    until_s = time.monotonic() + LOCK_PATIENCE_S
    with lock.open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < until_s:
                    for sleeper in sleepers:
                        sleeper.rest()
                    time.sleep(0.05)
                    continue
                yield False
                return
            yield True
            return


def main(argv: list[str] | None = None) -> int:
    """Measure and print; 0 where the first frame of kept-warm engines takes at most LIMIT times the hundredth."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.idle", description="First frame after a pause against the hundredth."
    )
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=6, help="worker processes of each kind; half of them on each variant")
    parser.add_argument("--lock", type=Path, help="hold this lock file while measuring, as others on this machine do")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    wanted = parser.parse_args(argv)
    FIGURES.update(measure(wanted.bundle, wanted.minutes, wanted.workers, wanted.lock))
    if wanted.json:
        wanted.json.write_text(json.dumps(FIGURES, indent=2, sort_keys=True) + "\n")
    pause, work = (FIGURES[f"machine_busy_{when}_ppm"] / 1e4 for when in ("in_the_pause", "while_measuring"))
    print(f"after {FIGURES['minutes']} minutes without a frame; machine busy {pause:.0f} %, {work:.0f} % while measuring")
    print("engines      variant   first us  hundredth us   ratio  limit")
    for arm in ARMS:
        for name, row in FIGURES[arm].items():
            first, usual = median(row["first_us"]), median(row["hundredth_us"])
            limit = f"{LIMIT:.2f}" if arm == "kept_warm" else ""
            print(f"{arm:12} {name:8} {first:9.0f} {usual:13.0f} {row['ratio_ppm'] / 1e6:7.3f}  {limit}")
    return 0 if all(row["ratio_ppm"] <= LIMIT * 1e6 for row in FIGURES["kept_warm"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())

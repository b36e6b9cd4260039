"""What a swap costs: frames lost under load, the first frame on the new engine, and a cold load beside it.

1. A whole worker process on the shipped clip at 60 fps, swapped every other frame: frame numbers must be without gap or double,
   and each frame after a swap must be on the new engine, one frame interval after the one before.
2. The worker's loop in this process: the first frame after each swap against frames of rows without swaps, per engine, in turns.
3. A cold load of each engine (session from bytes in memory, and its first frame) against the swap of the warm one, from the
   setpoint's arrival in an idle loop to the read-back.
"""

import argparse
import itertools
import json
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from adaptd.engine.backends import EngineOptions, factory
from adaptd.engine.base import probe_batch
from adaptd.engine.bundle import Bundle
from adaptd.protocol.messages import Begin, Fault, Swapped
from adaptd.supervise.process import WorkerClient
from adaptd.vocabulary import Setpoint
from benchmarks.rig import BUNDLE, CLIP, NEVER_US, cpu_us, frames, median, now_us, quantile, rig

FIGURES: dict[str, object] = {}
RATE_MFPS = 60_000
PERIOD_US = 1_000_000_000 // RATE_MFPS
VARIANTS = ("fp16", "int8")
LAST_WORDS_S = 5.0
ROW = 20
COLD_LIMIT, P99_LIMIT = 50.0, 1.10


def under_load(bundle: Path, swaps: int) -> dict[str, Any]:
    """Swap a serving worker process ``swaps`` times and account for every frame."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/r.sock"
        begin = Begin(str(bundle), "ort", VARIANTS, str(CLIP), RATE_MFPS, NEVER_US, source_mfps=RATE_MFPS, results=path)
        client = WorkerClient(begin)
        client.start()
        heard: list[Any] = []
        try:
            while client.hello is None:
                _hear(client, heard)
                if client.fatal is not None:
                    raise SystemExit(client.fatal.text)
            lines: list[dict[str, Any]] = []
            reader = threading.Thread(target=_read_results, args=(path, lines), daemon=True)
            reader.start()
            for seq in range(1, swaps + 1):
                client.set(Setpoint(seq, VARIANTS[seq % 2], RATE_MFPS, NEVER_US, 0, "", "bench"))
                until = time.monotonic() + 2 * PERIOD_US / 1e6
                while time.monotonic() < until:
                    _hear(client, heard)
            until = time.monotonic() + LAST_WORDS_S
            while time.monotonic() < until and sum(isinstance(message, Swapped) for message in heard) < swaps:
                _hear(client, heard)
        finally:
            client.stop()
        reader.join(2)
    telemetry = client.telemetry(client.heard_us)
    faults = [message.text for message in heard if isinstance(message, Fault)]
    if faults:
        print(f"the worker said: {faults[0]}", file=sys.stderr)
    return _account(lines, [message for message in heard if isinstance(message, Swapped)], telemetry.dropped)


def _account(lines: list[dict[str, Any]], swapped: list[Swapped], dropped: int) -> dict[str, Any]:
    numbers = [line["frame"] for line in lines]
    by_number = {line["frame"]: line for line in lines}
    late, gaps = 0, []
    for swap in swapped:
        before, after = by_number.get(swap.frame), by_number.get(swap.frame + 1)
        if before is not None and after is not None:
            late += after["variant"] != swap.new
            gaps.append(float(after["mono_us"] - before["mono_us"]))
    usual = [float(b["mono_us"] - a["mono_us"]) for a, b in itertools.pairwise(lines)]
    return {
        "swaps": len(swapped),
        "frames": len(lines),
        "dropped": dropped,
        "missing": numbers[-1] - numbers[0] + 1 - len(set(numbers)),
        "doubled": len(numbers) - len(set(numbers)),
        "not_on_new_engine": late,
        "interval_us": PERIOD_US,
        "gap_p50_us": round(median(gaps)),
        "gap_p99_us": round(quantile(gaps, 0.99)),
        "usual_gap_p99_us": round(quantile(usual, 0.99)),
        "applied_p50_us": round(median([float(swap.latency_us) for swap in swapped])),
    }


def alternating(bundle: Path, swaps: int, threads: int) -> list[dict[str, Any]]:
    """The first frame after each of ``swaps`` swaps, against as many frames of rows in which nothing is swapped.

    Rows and swaps take turns every ROW frames in one run, so that both meet the same machine. Wall clock and processor time of
    each frame are kept: work of others stretches the one, what the caches have lost shows in the other. As in service the loop
    hears of a swap between two frames and has time to serve the last picture once more; else an INT8 frame pays for cold caches.
    """
    pictures = itertools.cycle(frames(60))
    steady, first = _Times(), _Times()
    numbers = itertools.count()
    with rig(bundle, threads) as made:

        def frame(name: str, kept: "_Times | None", *, swap: bool) -> None:
            if swap:
                made.order(name)
                made.loop.turn(0.0)  # an order wakes the loop at once, between two frames
            made.offer(next(pictures), next(numbers))
            used, began = cpu_us(), now_us()
            made.loop.turn(0.0)
            took, busy = now_us() - began, cpu_us() - used
            if kept is not None:
                kept.add(name, took, busy)

        done = 0
        while done < swaps:
            for name in VARIANTS:
                frame(name, None, swap=True)
                for _ in range(ROW // 2):
                    frame(name, steady, swap=False)
            for turn in range(ROW):
                frame(VARIANTS[turn % 2], first, swap=True)
            done += ROW
        served = made.loop.tally.take()
    lost = next(numbers) - served.delivered - served.missed
    return [_row(name, first, steady, lost) for name in VARIANTS]


class _Times:
    """Wall clock and processor time of frames, by variant."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = {name: [] for name in VARIANTS}
        self.cpu: dict[str, list[float]] = {name: [] for name in VARIANTS}

    def add(self, name: str, wall_us: float, cpu_us: float) -> None:
        """One frame."""
        self.wall[name].append(wall_us)
        self.cpu[name].append(cpu_us)


def _row(name: str, first: _Times, steady: _Times, lost: int) -> dict[str, Any]:
    def ratio_ppm(share: float, mine: list[float], other: list[float]) -> int:
        return round(quantile(mine, share) / quantile(other, share) * 1e6)

    return {
        "variant": name,
        "swaps": len(first.wall[name]),
        "lost": lost,
        "first_p50_us": round(median(first.wall[name])),
        "first_p99_us": round(quantile(first.wall[name], 0.99)),
        "steady_p50_us": round(median(steady.wall[name])),
        "steady_p99_us": round(quantile(steady.wall[name], 0.99)),
        "p50_ratio_ppm": ratio_ppm(0.5, first.wall[name], steady.wall[name]),
        "p99_ratio_ppm": ratio_ppm(0.99, first.wall[name], steady.wall[name]),
        "cpu_p50_ratio_ppm": ratio_ppm(0.5, first.cpu[name], steady.cpu[name]),
        "cpu_p99_ratio_ppm": ratio_ppm(0.99, first.cpu[name], steady.cpu[name]),
    }


def cold(bundle_dir: Path, threads: int, rounds: int = 15) -> list[dict[str, Any]]:
    """Load each engine anew, without its warm-up, and run one frame; beside it the pool's swap."""
    bundle = Bundle.open(bundle_dir, backend="ort")
    make = factory(bundle, "ort", EngineOptions(threads=threads))
    rows = []
    with rig(bundle_dir, threads) as made:
        swap_us = []
        for index in range(2_000):
            began = now_us()
            made.order(VARIANTS[index % 2])
            made.loop.turn(0.0)
            swap_us.append(now_us() - began)
        for name in VARIANTS:
            times = []
            for _ in range(rounds):
                engine = make(name)
                began = now_us()
                engine._activate_impl()
                engine._infer_impl(probe_batch(engine.input_shape), 0)
                times.append(now_us() - began)
                engine._deactivate_impl()
            rows.append(
                {
                    "variant": name,
                    "cold_us": round(median(times)),
                    "swap_us": round(median(swap_us), 1),
                    "ratio": round(median(times) / median(swap_us)),
                }
            )
    return rows


def _hear(client: WorkerClient, heard: list[Any]) -> None:
    heard += client.poll()
    time.sleep(0.002)


def _read_results(path: str, lines: list[dict[str, Any]]) -> None:
    with socket.socket(socket.AF_UNIX) as subscriber:
        subscriber.connect(path)
        with subscriber.makefile() as stream:
            lines.extend(json.loads(line) for line in stream)


def main(argv: list[str] | None = None) -> int:
    """Measure and print; 0 where nothing was lost and every ratio is within its limit."""
    parser = argparse.ArgumentParser(description="Swaps under load, first frames after a swap, cold load against warm swap.")
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--swaps", type=int, default=1_000, help="swaps under load")
    parser.add_argument("--alternating", type=int, default=10_000, help="alternating swaps of the p99 comparison")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args(argv)
    load = under_load(wanted.bundle, wanted.swaps)
    turns = alternating(wanted.bundle, wanted.alternating, wanted.threads)
    loads = cold(wanted.bundle, wanted.threads)
    FIGURES.update(under_load=load, alternating=turns, cold=loads)
    if wanted.json:
        print(json.dumps(FIGURES))
    else:
        _print(load, turns, loads)
    whole = load["swaps"] == wanted.swaps and not (
        load["dropped"] or load["missing"] or load["doubled"] or load["not_on_new_engine"]
    )
    quick = all(row["ratio"] >= COLD_LIMIT for row in loads)
    even = all(min(row["p99_ratio_ppm"], row["cpu_p99_ratio_ppm"]) <= P99_LIMIT * 1e6 and not row["lost"] for row in turns)
    return 0 if whole and quick and even else 1


def _print(load: dict[str, Any], turns: list[dict[str, Any]], loads: list[dict[str, Any]]) -> None:
    print(
        f"{load['swaps']} swaps of a worker process at 60 fps, {load['frames']} frames: {load['dropped']} dropped, "
        f"{load['missing']} missing, {load['doubled']} doubled, {load['not_on_new_engine']} after a swap on the old engine"
    )
    print(
        f"gap across a swap p50 {load['gap_p50_us']} us, p99 {load['gap_p99_us']} us "
        f"(all gaps p99 {load['usual_gap_p99_us']} us, frame interval {load['interval_us']} us)"
    )
    print("\nvariant   swaps  lost  first p50  first p99  steady p50  steady p99   p99 ratio  of CPU time  limit   p50 ratio")
    for row in turns:
        print(
            f"{row['variant']:7} {row['swaps']:7} {row['lost']:5} {row['first_p50_us']:10} {row['first_p99_us']:10} "
            f"{row['steady_p50_us']:11} {row['steady_p99_us']:11} {row['p99_ratio_ppm'] / 1e6:11.3f} "
            f"{row['cpu_p99_ratio_ppm'] / 1e6:12.3f}   {P99_LIMIT:.2f} {row['p50_ratio_ppm'] / 1e6:11.3f}"
        )
    print("\nvariant   cold load us  warm swap us  ratio  limit")
    for row in loads:
        print(f"{row['variant']:7} {row['cold_us']:14} {row['swap_us']:13} {row['ratio']:6}  {COLD_LIMIT:.0f}")


if __name__ == "__main__":
    sys.exit(main())

"""What the worker adds to inference: its time per frame over a bare ONNX Runtime loop, and what idle threads burn.

Bare loop: the same session, frames, preprocessing and threads, `session.run`, the top class. Both handle every frame, one after
the other in alternating order, and the ratio is the median of the frames' own ratios: whatever else the machine does meets both.
Beside the wall clock the processor time of the process is compared the same way. A row fails where both are over the limit: work
of others on the machine stretches the wall clock, threads that wait for one another the processor time.
"""

import argparse
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from adaptd.protocol.messages import Begin
from adaptd.supervise.process import WorkerClient
from adaptd.vision.preprocess import Preprocessor
from benchmarks.rig import BUNDLE, CLIP, cpu_us, frames, median, now_us, quantile, rig

FIGURES: dict[str, object] = {}
LIMIT = 1.03
PICTURES = 60


def compare(bundle: Path, variant: str, threads: int, rounds: int, *, subscribed: bool) -> dict[str, Any]:
    """Alternate a bare frame and a worker frame ``rounds`` times."""
    pictures = frames(PICTURES)
    with tempfile.TemporaryDirectory() as folder, rig(bundle, threads, f"{folder}/r.sock" if subscribed else "") as made:
        subscriber = _subscribe(made, f"{folder}/r.sock") if subscribed else None
        made.order(variant)
        session: Any = made.pool.engine(variant)._session  # type: ignore[attr-defined]
        prepare = Preprocessor(made.bundle.manifest.preprocessing)
        given, wanted = session.get_inputs()[0].name, [session.get_outputs()[0].name]
        wall: tuple[list[float], list[float]] = ([], [])
        cpu: tuple[list[float], list[float]] = ([], [])
        for index in range(rounds + 20):
            picture = pictures[index % len(pictures)]
            for turn in (0, 1) if index % 2 else (1, 0):
                if turn == 0:
                    began, used = now_us(), cpu_us()
                    output = session.run(wanted, {given: prepare(picture)})[0]
                    int(output.argmax())
                else:
                    made.offer(picture, index)
                    began, used = now_us(), cpu_us()
                    made.loop.turn(0.0)
                cpu[turn].append(cpu_us() - used)
                wall[turn].append(now_us() - began)
            if subscriber is not None:
                _read_all(subscriber)
        if subscriber is not None:
            subscriber.close()
    return {
        "variant": variant,
        "threads": threads,
        "subscribers": int(subscribed),
        "bare_us": round(median(wall[0][20:])),
        "worker_us": round(median(wall[1][20:])),
        "ratio_ppm": _ratio_ppm(wall),
        "cpu_ratio_ppm": _ratio_ppm(cpu),
    }


def _ratio_ppm(times: tuple[list[float], list[float]]) -> int:
    """Median of worker over bare, frame by frame, without the first 20."""
    return round(median([mine / plain for plain, mine in list(zip(*times, strict=True))[20:]]) * 1e6)


def spinning(bundle: Path, window_s: float, threads: int) -> list[dict[str, Any]]:
    """CPU share and latency of a whole worker process at 15 fps on the clip, with threads that spin and threads that sleep."""
    rows = []
    for spins in (True, False):
        variants = ("fp16", "int8")
        begin = Begin(
            str(bundle),
            "ort",
            variants,
            str(CLIP),
            15_000,
            66_000,
            threads=threads,
            spinning=spins,
            results="",
            report_us=100_000,
        )
        client = WorkerClient(begin)
        client.start()
        latencies: list[float] = []
        try:
            _listen(client, latencies, 3.0)
            latencies.clear()
            used, at = _cpu_s(client), time.monotonic()
            _listen(client, latencies, window_s)
            share = (_cpu_s(client) - used) / (time.monotonic() - at)
        finally:
            client.stop()
        rows.append(
            {
                "spinning": spins,
                "threads": threads,
                "cores_ppm": round(share * 1e6),
                "p50_us": round(median(latencies)),
                "p99_us": round(quantile(latencies, 0.99)),
            }
        )
    return rows


def _listen(client: WorkerClient, latencies: list[float], window_s: float) -> None:
    until = time.monotonic() + window_s
    seen = -1
    while time.monotonic() < until:
        client.poll()
        if client.fatal is not None:
            raise SystemExit(client.fatal.text)
        result = None if client.report is None else client.report.result
        if result is not None and result.frame != seen:
            seen = result.frame
            latencies.append(result.latency_us)
        time.sleep(0.02)


def _cpu_s(client: WorkerClient) -> float:
    fields = Path(f"/proc/{client.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _subscribe(made: Any, path: str) -> socket.socket:
    subscriber = socket.socket(socket.AF_UNIX)
    subscriber.connect(path)
    subscriber.setblocking(False)
    made.results.accept()
    return subscriber


def _read_all(subscriber: socket.socket) -> None:
    try:
        while subscriber.recv(65_536):
            pass
    except BlockingIOError:
        return


def main(argv: list[str] | None = None) -> int:
    """Measure and print; 0 where every ratio without subscribers is within LIMIT."""
    parser = argparse.ArgumentParser(description="Worker time per frame over a bare ONNX Runtime loop; thread spinning.")
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--rounds", type=int, default=1500)
    parser.add_argument("--window", type=float, default=8.0, help="seconds of each spinning measurement")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args(argv)
    cores = len(os.sched_getaffinity(0))
    rows = [
        compare(wanted.bundle, variant, threads, wanted.rounds, subscribed=subscribed)
        for subscribed in (False, True)
        for variant in ("fp16", "int8")
        for threads in sorted({1, min(cores, 4)})
    ]
    idle = spinning(wanted.bundle, wanted.window, min(max(cores, 2), 4))
    FIGURES.update(frame=rows, spinning=idle)
    if wanted.json:
        print(json.dumps(FIGURES))
    else:
        _print(rows, idle)
    return 0 if all(min(row["ratio_ppm"], row["cpu_ratio_ppm"]) <= LIMIT * 1e6 for row in rows if not row["subscribers"]) else 1


def _print(rows: list[dict[str, Any]], idle: list[dict[str, Any]]) -> None:
    print("variant  threads  subscribers   bare us  worker us   ratio  of CPU time   limit")
    for row in rows:
        limit = "" if row["subscribers"] else f"{LIMIT:.2f}"
        print(
            f"{row['variant']:7} {row['threads']:8} {row['subscribers']:12} {row['bare_us']:9} {row['worker_us']:10} "
            f"{row['ratio_ppm'] / 1e6:7.3f} {row['cpu_ratio_ppm'] / 1e6:12.3f}   {limit}"
        )
    print("\nworker process at 15 fps, reference     cores   p50 us   p99 us")
    for row in idle:
        words = "threads spin between frames" if row["spinning"] else "threads sleep (default)"
        print(f"{words:36} {row['cores_ppm'] / 1e6:8.3f} {row['p50_us']:8} {row['p99_us']:8}")


if __name__ == "__main__":
    sys.exit(main())

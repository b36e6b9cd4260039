"""Latency of every frame as a histogram, from the worker's result stream, since the gateway started.

The status document knows sums and the longest latency of a tick; a histogram needs each frame. The worker streams them to
whoever listens and drops a slow listener, so counting here costs the frame loop one send a frame.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaptd.client import ApiError, results

BOUNDS_US = tuple(round(1_000 * ms) for ms in (1, 2, 3, 5, 7.5, 10, 15, 20, 33, 50, 66, 100, 200, 500, 1_000))
MAX_VARIANTS = 16
QUIET_S = 5.0
WAIT_S = 5.0


@dataclass(slots=True)
class Histogram:
    """Frames by latency: ``counts[i]`` are those up to ``BOUNDS_US[i]``, the last one those above all bounds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_US) + 1))
    sum_us: int = 0

    def add(self, latency_us: int) -> None:
        self.counts[bisect_left(BOUNDS_US, latency_us)] += 1
        self.sum_us += latency_us

    def buckets(self) -> list[tuple[str, int]]:
        """Cumulative counts by upper bound in seconds, as Prometheus writes them."""
        total, rows = 0, []
        for bound_us, count in zip(BOUNDS_US, self.counts, strict=False):
            total += count
            rows.append((f"{bound_us / 1e6:g}", total))
        return [*rows, ("+Inf", total + self.counts[-1])]


class Latencies:
    """Listens to the results of one daemon in a thread of its own, for as long as the process lives."""

    def __init__(self, socket: Path, source: Callable[[Path, float], Iterator[dict[str, Any]]] = results) -> None:
        self._socket, self._source = socket, source
        self.histograms: dict[str, Histogram] = {}

    def start(self) -> None:
        """Listen from now on; the thread ends with the process."""
        threading.Thread(target=self._listen_for_ever, name="latencies", daemon=True).start()

    def listen(self) -> None:
        """Count until the stream ends or nothing came for a while."""
        try:
            for result in self._source(self._socket, QUIET_S):
                self.take(result)
        except (ApiError, ValueError):
            return

    def take(self, result: dict[str, Any]) -> None:
        """Count one result; what has no latency is left out."""
        variant, latency_us = str(result.get("variant", "")), result.get("latency_us")
        if not variant or not isinstance(latency_us, int) or latency_us < 0:
            return
        if variant not in self.histograms and len(self.histograms) >= MAX_VARIANTS:
            return
        self.histograms.setdefault(variant, Histogram()).add(latency_us)

    def _listen_for_ever(self) -> None:
        while True:
            self.listen()
            time.sleep(WAIT_S)

"""`adaptd audit history`: the log thinned to steps, one JSON object a line, for pages and charts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaptd.log.verify.decided import Decided, decisions
from adaptd.log.verify.reader import first_record, segment_files
from adaptd.vocabulary import LIGHT, POWER, TEMPERATURE, Measured, believed

NAMES = {TEMPERATURE: "temperature_mc", POWER: "power_mw", LIGHT: "light_mlx"}


@dataclass(slots=True)
class Step:
    """Decisions of one step: sums and counts of what was known, and the last of what has no mean."""

    at_ms: int
    sums: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    fps_sum: int = 0
    decisions: int = 0
    simulated: bool = False
    last: Decided | None = None

    def add(self, decided: Decided) -> None:
        """Count one decision."""
        snapshot = decided.snapshot
        for quantity, name in NAMES.items():
            reading = believed(snapshot, decided.verdict, quantity)
            if isinstance(reading, Measured):
                self.sums[name] += reading.value
                self.counts[name] += 1
                self.simulated |= reading.simulated
        self.fps_sum += snapshot.worker.point.fps_mfps
        self.decisions += 1
        self.last = decided

    def words(self) -> dict[str, Any]:
        """One line: means of readings (null where there was none), the last variant, band and mode."""
        assert self.last is not None
        means = {name: self.sums[name] // self.counts[name] if self.counts[name] else None for name in NAMES.values()}
        return {
            "at_ms": self.at_ms,
            **means,
            "fps_mfps": self.fps_sum // self.decisions,
            "variant": self.last.snapshot.worker.point.variant,
            "band": self.last.verdict.band,
            "mode": self.last.verdict.mode.value,
            "simulated": self.simulated,
        }


def steps(folder: Path, since_ms: int, step_ms: int) -> Iterator[dict[str, Any]]:
    """Every step with a decision in it since then, and every swap as ``{"swap_ms", "from", "to"}`` in its place."""
    now: Step | None = None
    variant = ""
    for decided in decisions(folder, from_seq=_seq_before(folder, since_ms)):
        at_ms = decided.record["utc_ms"]
        if at_ms < since_ms:
            continue
        serving = decided.snapshot.worker.point.variant
        if variant and serving and serving != variant:
            yield {"swap_ms": at_ms, "from": variant, "to": serving}
        variant = serving or variant
        start_ms = at_ms - at_ms % step_ms
        if now is None or now.at_ms != start_ms:
            if now is not None:
                yield now.words()
            now = Step(start_ms)
        now.add(decided)
    if now is not None:
        yield now.words()


def _seq_before(folder: Path, since_ms: int) -> int:
    """The first record of the newest segment that began before ``since_ms``: what is older need not be read."""
    for path in reversed(segment_files(folder)):
        first = first_record(path)
        if first is not None and first["utc_ms"] <= since_ms:
            return int(first["seq"])
    return 0

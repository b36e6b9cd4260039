"""The last hour and the last day, in steps: read from the log at the start, then carried on from what the feed brings.

A step holds the mean of each reading over its seconds, and null where there was none in all of it. So a gap is a gap in the
chart and never a line drawn through it.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from adaptd.gateway.spool import object_of

QUANTITIES = ("temperature_mc", "power_mw", "light_mlx")
MAX_SWAPS = 500


@dataclass(slots=True)
class Step:
    """One step: sums and counts of readings, and the last of what has no mean."""

    at_ms: int
    sums: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    variant: str = ""
    band: str = ""
    simulated: bool = False

    def add(self, name: str, value: int) -> None:
        self.sums[name] = self.sums.get(name, 0) + value
        self.counts[name] = self.counts.get(name, 0) + 1

    def mean(self, name: str) -> int | None:
        """The mean of what was read; None where nothing was."""
        return self.sums[name] // self.counts[name] if self.counts.get(name) else None


@dataclass(frozen=True, slots=True)
class Swap:
    """The engine that served changed."""

    at_ms: int
    before: str
    after: str


class Span:
    """``length_ms`` of history in steps of ``step_ms``; the oldest step makes room for the newest."""

    def __init__(self, step_ms: int, length_ms: int) -> None:
        self.step_ms, self.length_ms = step_ms, length_ms
        self._steps: deque[Step] = deque(maxlen=length_ms // step_ms + 1)
        self._swaps: deque[Swap] = deque(maxlen=MAX_SWAPS)
        self._live_from_ms: int | None = None

    def live(self, document: dict[str, Any], utc_ms: int) -> None:
        step = self._step(utc_ms)
        if step is None:
            return
        if self._live_from_ms is None:
            self._live_from_ms = step.at_ms
        for name in QUANTITIES:
            reading = document.get("sensors", {}).get(name, {})
            if "value" in reading:
                step.add(name, reading["value"])
                step.simulated |= bool(reading.get("simulated"))
        point = document["operating_point"]
        step.add("fps_mfps", round(1000 * point["fps"]))
        self._serving(step, point["variant"], utc_ms)
        step.band = str(document.get("band", ""))

    def logged(self, text: bytes) -> None:
        """Put what `adaptd audit history` printed before what was seen live; lines that are no step are left out."""
        first_ms = self._live_from_ms
        live_steps = [step for step in self._steps if first_ms is not None and step.at_ms >= first_ms]
        live_swaps = [swap for swap in self._swaps if first_ms is not None and swap.at_ms >= first_ms]
        self._steps.clear()
        self._swaps.clear()
        for row in map(object_of, text.splitlines()):
            at_ms = row.get("at_ms", row.get("swap_ms"))
            if not isinstance(at_ms, int) or (first_ms is not None and at_ms >= first_ms):
                continue
            if "swap_ms" in row:
                self._swaps.append(Swap(at_ms, str(row.get("from")), str(row.get("to"))))
            else:
                self._steps.append(_step_of(row))
        self._steps.extend(live_steps)
        self._swaps.extend(live_swaps)

    def words(self, now_ms: int) -> dict[str, Any]:
        """Columns for a chart: seconds, then milli-units or null. Times without any step stand as one null between two steps."""
        steps = [step for step in self._steps if step.at_ms >= now_ms - self.length_ms]
        columns: dict[str, list[Any]] = {name: [] for name in ("at_s", *QUANTITIES, "fps_mfps", "variant", "band")}
        before_ms: int | None = None
        for step in steps:
            if before_ms is not None and step.at_ms - before_ms > 2 * self.step_ms:
                _append(columns, before_ms + self.step_ms, None)
            _append(columns, step.at_ms, step)
            before_ms = step.at_ms
        swaps = [swap for swap in self._swaps if swap.at_ms >= now_ms - self.length_ms]
        return {
            "step_s": self.step_ms // 1000,
            "length_s": self.length_ms // 1000,
            "columns": columns,
            "swaps": [{"at_s": swap.at_ms / 1000, "from": swap.before, "to": swap.after} for swap in swaps],
            "simulated": any(step.simulated for step in steps),
        }

    def _step(self, utc_ms: int) -> Step | None:
        """The step of that time; None where the wall clock went back behind what is there already."""
        start_ms = utc_ms - utc_ms % self.step_ms
        if not self._steps or self._steps[-1].at_ms < start_ms:
            self._steps.append(Step(start_ms))
        newest = self._steps[-1]
        if newest.at_ms - start_ms > self.length_ms:  # the clock was set back by more than all of this: begin anew
            self._steps.clear()
            self._live_from_ms = None
            return self._step(utc_ms)
        return newest if newest.at_ms == start_ms else None

    def _serving(self, step: Step, variant: str, utc_ms: int) -> None:
        before = next((one.variant for one in reversed(self._steps) if one.variant), "")
        if before and variant and before != variant:
            self._swaps.append(Swap(utc_ms, before, variant))
        step.variant = variant or step.variant


def _append(columns: dict[str, list[Any]], at_ms: int, step: Step | None) -> None:
    columns["at_s"].append(at_ms / 1000)
    for name in (*QUANTITIES, "fps_mfps"):
        columns[name].append(None if step is None else step.mean(name))
    columns["variant"].append(None if step is None else step.variant)
    columns["band"].append(None if step is None else step.band)


def _step_of(row: dict[str, Any]) -> Step:
    step = Step(row["at_ms"], variant=str(row.get("variant", "")), band=str(row.get("band", "")))
    step.simulated = bool(row.get("simulated"))
    for name in (*QUANTITIES, "fps_mfps"):
        if isinstance(row.get(name), int):
            step.add(name, row[name])
    return step

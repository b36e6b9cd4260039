"""What `adaptd run` prints: who plays, every change with its reason, a line now and then, and what came of it."""

import json
import os
import select
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from adaptd.base.redact import redact
from adaptd.brain.decide.words import rate
from adaptd.vocabulary import QUANTITIES, Measured, OperatingPoint, Reading, believed

if TYPE_CHECKING:
    from adaptd.daemon.assemble import Checked, Request
    from adaptd.daemon.parts import Parts
    from adaptd.daemon.status import Scene

EVERY_S = 10
BOLD, DIM, GREEN, CYAN, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[36m", "\x1b[0m"


class Narrator:
    """Prints on stdout; colour only on a terminal that wants it."""

    def __init__(self, request: "Request", checked: "Checked", *, staged: Path | None, quiet: bool) -> None:
        self._request, self._checked = request, checked
        self._staged, self._quiet = staged, quiet
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._out = NonblockingOut(sys.stdout)
        self._began = time.monotonic()
        self._spoke_s: float = -EVERY_S
        self._asked: OperatingPoint | None = None
        self._last: Scene | None = None
        self._swaps = 0
        self._rates = 0

    def opening(self, parts: "Parts") -> None:
        """Who plays."""
        policy, facts = self._checked.policy, self._checked.facts
        manifest = self._checked.manifest
        computed = []
        for fact in facts:
            really = manifest.variants[fact.name][self._checked.backend].precision_computed
            computed.append(fact.name if really == fact.name else f"{fact.name} (computed as {really} here)")
        budget = "" if policy.budget_mw is None else f", {policy.budget_mw / 1000:g} W"
        rates = f"{policy.target_mfps / 1000:g} fps wanted, {policy.floor_mfps / 1000:g} at least"
        limits = f"{policy.limit_mc / 1000:g} degC{budget}, loss at most {policy.max_loss_ppm / 10_000:g} points"
        rows = [
            ("policy", f"{policy.name}: {rates}, {limits}"),
            ("profile", f"{self._checked.profile.name}, {len(self._checked.profile.assumed)} of its numbers assumed"),
            ("bundle", f"{manifest.model}: {', '.join(computed)} on {self._checked.backend}; reference {policy.reference}"),
            ("frames", redact(self._request.source)),
            *(("sensors" if at == 0 else "", words) for at, words in enumerate(parts.senses.opening.words())),
            *([] if self._staged is None else [("staged", self._staging())]),
            *([("mode", words)] if (words := parts.modes.words(parts.settings.figures, policy.modes)) else []),
            ("log", f"{self._request.audit}"),
            ("socket", f"{self._request.socket}"),
        ]
        self._print("\n".join(f"{self._paint(name.ljust(9), DIM)}{words}" for name, words in rows) + "\n")

    def _staging(self) -> str:
        """Which scenario plays, and how to have none."""
        name = "this demonstration" if self._staged is not None and self._staged.stem == "demo" else str(self._staged)
        return f"{name} plays the power supply; your own --source or --bundle, or --no-twin, simulates nothing"

    def decided(self, scene: "Scene", changed: bool) -> None:
        """A line when the point changes, and one every ten seconds."""
        at_s = time.monotonic() - self._began
        before, self._last = self._asked, scene
        self._asked = scene.verdict.point
        if changed and before is not None and before != self._asked:
            self._count(before, self._asked)
            self._print(self._line(scene, at_s, self._paint("-> " + _point(self._asked).ljust(16), BOLD + GREEN)))
            self._print(f"      {self._paint(_because(scene.why), DIM)}")
            self._spoke_s = at_s
        elif at_s - self._spoke_s >= EVERY_S:
            self._print(self._line(scene, at_s, "   " + _point(self._asked).ljust(16)))
            self._spoke_s = at_s

    def happened(self, words: str) -> None:
        """Something else worth a line."""
        at_s = time.monotonic() - self._began
        self._print(f"{_clock(at_s)} {self._paint(words, CYAN)}")

    def asked(self, document: dict[str, Any]) -> None:
        """The state as one JSON line on stderr, in every mode: who sends SIGUSR1 wants an answer."""
        NonblockingOut(sys.stderr).write(json.dumps({"event": "state", "state": document}, sort_keys=True) + "\n")

    def closing(self) -> None:
        """What came of it."""
        if self._last is None:
            return
        totals = self._last.totals
        self._print(
            f"\n{totals.delivered} frames delivered, {totals.missed} late, {totals.dropped} dropped, "
            f"{totals.shadow} also run on both engines; "
            f"{self._swaps} engine swap{'' if self._swaps == 1 else 's'}, "
            f"{self._rates} change{'' if self._rates == 1 else 's'} of frame rate"
        )
        self._print(f"check the log:     adaptd audit verify {self._request.audit}")
        self._print(f"read it as a page: adaptd audit report {self._request.audit} -o report.html")

    def _count(self, before: OperatingPoint, after: OperatingPoint) -> None:
        self._swaps += before.variant != after.variant
        self._rates += before.fps_mfps != after.fps_mfps

    def _line(self, scene: "Scene", at_s: float, head: str) -> str:
        temperature, power, light = (believed(scene.snapshot, scene.verdict, one) for one in QUANTITIES)
        return (
            f"{_clock(at_s)} {head} {scene.verdict.band:<8} {_reading(light, 'lux', 6)}  "
            f"{_reading(temperature, 'degC', 5)}  {_reading(power, 'W', 5)}  {scene.totals.delivered} frames"
        )

    def _paint(self, text: str, style: str) -> str:
        return f"{style}{text}{PLAIN}" if self._colour else text

    def _print(self, text: str) -> None:
        if not self._quiet:
            self._out.write(f"{text}\n")


def _because(why: str) -> str:
    """The sentences that say why and what was refused; the rest is in `adaptd why`."""
    sentences = why.split(". ")
    kept = [sentence for sentence in sentences[:2] if not sentence.startswith(("Conditions not met", "Expected", "Missing"))]
    kept += [sentence for sentence in sentences if sentence.startswith(("Missing: temperature", "Missing: power"))]
    return ". ".join(kept).rstrip(".") + "."


def _clock(at_s: float) -> str:
    return f"{int(at_s) // 60:2d}:{int(at_s) % 60:02d}"


def _point(point: OperatingPoint) -> str:
    return f"{point.variant} {rate(point.fps_mfps)} fps" if point.fps_mfps else "paused"


def _reading(reading: Reading, unit: str, width: int) -> str:
    if isinstance(reading, Measured):
        value = reading.value / 1000
        digits = 0 if value >= 100 else 1
        return f"{value:{width}.{digits}f} {unit}{'*' if reading.simulated else ' '}"
    return f"{'-':>{width}} {unit} "


class NonblockingOut:
    """Writes to ``stream`` where it takes the text at once, else drops it and says so with the next line that fits.

    A write to a full pipe, or to a terminal after Ctrl-S, waits until somebody reads on, and with it would wait every decision.
    A pipe that is ready takes 4 KiB (PIPE_BUF) without waiting; no line for people is longer.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.dropped = 0

    def write(self, text: str) -> int:
        """Write and flush, or drop; never waits."""
        if not self._ready():
            self.dropped += 1
            return len(text)
        if self.dropped:
            text = f"[{self.dropped} lines were not shown: nobody read]\n{text}"
            self.dropped = 0
        self._stream.write(text)
        self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def _ready(self) -> bool:
        try:
            descriptor = self._stream.fileno()
        except (OSError, ValueError):
            return True  # no file behind it: a test's buffer
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        return any(event & (select.POLLOUT | select.POLLERR) for _, event in poll.poll(0))

"""A box's verified log as arrays on a regular grid of time: one row a decision, the interval before it.

Bytes and signatures are checked before a number is believed. A damaged log is used up to the damage, and ``notes`` say so; a
forged one is refused, and so is one of two devices.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptd.config.errors import ConfigError
from adaptd.config.policy import Policy, parse_policy
from adaptd.config.profile import HardwareProfile, parse_profile
from adaptd.lab.timeline import Array
from adaptd.log.format.codec import CodecError, row
from adaptd.log.format.verdicts import Outcome, VerifyReport
from adaptd.log.verify.decided import Decided, DecisionReader
from adaptd.log.verify.reader import iter_records, segment_files
from adaptd.log.verify.verify import Options, verify
from adaptd.vocabulary import LIGHT, POWER, QUANTITIES, TEMPERATURE, Measured, VariantFacts, believed

Progress = Callable[[str, int, int], None]
DAY_S = 86_400
MINUTE_S = 60
MOST_TICKS = 4_000_000
COLUMNS = ("temperature_c", "power_w", "light_lux", "budget_w", "rate_fps", "choice", "delivered", "missed")  # of a row, first
LONGEST_STEP = 3  # ticks that one interval may span and still be taken as one

_FACTS = row(VariantFacts)


class FitError(Exception):
    """What keeps a log from being fitted, as one line for people: what, where, remedy."""


@dataclass(slots=True)
class Grid:
    """The log on a grid of ``tick_s``; row i is the interval that ends at ``i * tick_s`` after the first decision.

    Watts, degrees Celsius, lux, frames an interval; NaN where nothing is known. ``frames[v]`` ran on variant v for the camera,
    ``beside[v]`` are the shadow frames expected on it (what the coin was set to, not how it fell), ``busy_us[v]`` the summed
    latency. ``choice`` is the index of the variant served by, -1 for none. ``shadows`` holds by band and variant how many shadow
    frames each minute of the log compared, and how many of them differed, (2, minutes).
    """

    tick_s: float
    start_ms: int
    policy: Policy
    policy_text: str
    profile: HardwareProfile
    profile_text: str
    facts: tuple[VariantFacts, ...]
    temperature_c: Array
    power_w: Array
    light_lux: Array
    budget_w: Array
    rate_fps: Array
    choice: NDArray[np.int64]
    delivered: Array
    missed: Array
    frames: Array
    beside: Array
    busy_us: Array
    shadows: dict[tuple[str, str], NDArray[np.int64]] = field(default_factory=dict)
    simulated: tuple[str, ...] = ()
    origin: str = ""
    records: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def ticks(self) -> int:
        return len(self.power_w)

    @property
    def names(self) -> tuple[str, ...]:
        """The variants, the reference first."""
        return tuple(fact.name for fact in self.facts)

    @property
    def day_ticks(self) -> int:
        return round(DAY_S / self.tick_s)

    @property
    def days(self) -> int:
        """Whole days from the first decision on; the last may lack a tenth."""
        return int(self.ticks / self.day_ticks + 0.1)

    def day(self, number: int) -> slice:
        return slice(number * self.day_ticks, min(self.ticks, (number + 1) * self.day_ticks))


def read_grid(folder: Path, progress: Progress | None = None) -> Grid:
    """Verify the log in ``folder`` and read it.

    Raises:
        FitError: there is no log, it is forged, it is of two devices, or it holds no decision that can be read.
    """
    if not segment_files(folder):
        raise FitError(f"{folder}: holds no log, name the folder that `adaptd run --audit` writes")
    report = _verified(folder, progress)
    collector = Collector(folder)
    end = report.first_bad_seq if report.verdict is Outcome.DAMAGED else None
    for record in iter_records(folder, to_seq=end):
        collector.feed(record)
        if progress is not None and record["seq"] % 2000 == 0:
            progress("reading", record["seq"] - report.first_seq, report.records)
    grid = collector.grid()
    grid.origin, grid.records = report.origin, report.records
    grid.notes += _notes(report)
    return grid


def _verified(folder: Path, progress: Progress | None) -> VerifyReport:
    """Bytes, order and signatures; whether the decisions follow is no matter here, the readings are."""
    told = None if progress is None else (lambda done, total: progress("checking", done, total))
    report = verify(folder, Options(replay=False), told)
    if report.verdict is Outcome.FORGED:
        raise FitError(f"{folder}: the log is forged ({report.reason}), a twin of it would be of nobody's device")
    if report.verdict is Outcome.DAMAGED and not (report.first_bad_seq or 0) > report.first_seq:
        raise FitError(f"{folder}: the log is damaged from its first record on ({report.reason})")
    return report


def _notes(report: VerifyReport) -> list[str]:
    found = []
    if report.verdict is Outcome.DAMAGED:
        found.append(f"the log is damaged at record {report.first_bad_seq} ({report.reason}): used up to there")
    if report.own_key:
        found.append("the log was checked against the key in its own folder")
    if report.gaps:
        found.append(f"{len(report.gaps)} gaps in the log were left out")
    return found


class Collector:
    """Rows from records fed in order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader = DecisionReader()
        self._config: dict[str, Any] | None = None
        self._policy: Policy | None = None
        self._facts: tuple[VariantFacts, ...] = ()
        self._rows: list[tuple[float, ...]] = []
        self._shadows: list[tuple[float, str, str, bool]] = []
        self._times: list[int] = []
        self._last: dict[str, Any] | None = None
        self._log_us = 0
        self._fresh = True
        self._start_ms = 0
        self._simulated: set[str] = set()
        self._notes: list[str] = []

    def feed(self, record: dict[str, Any]) -> None:
        self._follow(record)
        if record["kind"] == "config":
            self._take(record)
        if record["kind"] == "start":
            self._fresh = True
        decided = self._reader.feed(record)
        if decided is not None and self._policy is not None:
            self._decision(decided, record)

    def _follow(self, record: dict[str, Any]) -> None:
        """Log time: monotonic within a boot, by the wall clock between boots."""
        last, self._last = self._last, record
        if last is not None:
            step = record["mono_us"] - last["mono_us"]
            if record["kind"] == "start":
                step = (record["utc_ms"] - last["utc_ms"]) * 1000
            self._log_us += max(0, step)

    def _take(self, record: dict[str, Any]) -> None:
        try:
            policy = parse_policy(str(record["policy"]["text"]), str(record["policy"]["name"]))
            facts = tuple(_FACTS.read(one) for one in record["facts"])
        except (ConfigError, CodecError, KeyError, TypeError) as error:
            raise FitError(f"{self._folder}: record {record['seq']}: the configuration cannot be read ({error})") from None
        before = self._config
        if before is not None and before["profile"]["sha256"] != record["profile"]["sha256"]:
            names = [str(one["profile"]["name"]) for one in (before, record)]
            raise FitError(
                f"{self._folder}: is of two devices: {names[0]} until record {record['seq']}, then {names[1]}, give one a device"
            )
        if before is not None and facts != self._facts:
            self._notes.append(f"another bundle from record {record['seq']} on: what came before was left out")
            self._rows, self._times, self._shadows = [], [], []
            self._fresh = True
        elif before is not None and policy != self._policy:
            self._notes.append(f"another policy from record {record['seq']} on: the last one is taken as today's")
        self._config, self._policy, self._facts = record, policy, facts

    def _decision(self, decided: Decided, record: dict[str, Any]) -> None:
        snapshot, worker = decided.snapshot, decided.snapshot.worker
        if not self._times:
            self._start_ms = record["utc_ms"]
        values = []
        for name in QUANTITIES:
            reading = believed(snapshot, decided.verdict, name)
            values.append(reading.value / 1000 if isinstance(reading, Measured) else np.nan)
            if isinstance(reading, Measured) and reading.simulated:
                self._simulated.add(name)
        names = [fact.name for fact in self._facts]
        frames, busy = (
            [sum(getattr(one, what) for one in worker.served if one.variant == name) for name in names]
            for what in ("frames", "latency_sum_us")
        )
        beside = self._beside(decided, names)
        budget = np.nan if snapshot.budget_mw is None else snapshot.budget_mw / 1000
        serving = names.index(worker.point.variant) if worker.point.variant in names and worker.point.fps_mfps else -1
        head = (*values, budget, worker.point.fps_mfps / 1000, serving, worker.delivered, worker.missed)
        fresh, self._fresh = self._fresh, False
        self._rows.append((*head, *(frames + beside + busy if not fresh else [np.nan] * 3 * len(names))))
        self._times.append(self._log_us)
        for shadow in worker.shadows:
            self._shadows.append((self._log_us, shadow.band, shadow.variant, shadow.loss_ppm > 0))

    def _beside(self, decided: Decided, names: list[str]) -> list[float]:
        """Shadow frames on the engine beside the one that serves, by variant: as many as the coin was set to."""
        worker, beside = decided.snapshot.worker, [0.0] * len(names)
        efficient = next((shadow.variant for shadow in worker.shadows if shadow.variant in names), names[min(1, len(names) - 1)])
        for stretch in worker.stretches:
            other = names[0] if stretch.variant != names[0] else efficient
            beside[names.index(other)] += stretch.frames * stretch.share_ppm / 1e6
        if not worker.stretches and worker.shadow_frames:
            other = names[0] if worker.point.variant != names[0] else efficient
            beside[names.index(other)] += worker.shadow_frames
        return beside

    def grid(self) -> Grid:
        if len(self._times) < 3 or self._config is None or self._policy is None:
            raise FitError(f"{self._folder}: holds no run of decisions that can be read, let the box run for some days")
        times = np.array(self._times, dtype=np.float64) / 1e6
        tick_s = float(np.median(np.diff(times[:1000])))
        tick_s = max(0.05, round(tick_s * 20) / 20)
        at = np.rint((times - times[0]) / tick_s).astype(np.int64)
        if at[-1] >= MOST_TICKS:
            raise FitError(f"{self._folder}: holds {at[-1]} ticks, {MOST_TICKS} at most are taken: copy the last weeks of it")
        v, own = len(self._facts), len(COLUMNS)
        table = np.full((int(at[-1]) + 1, own + 3 * v), np.nan)
        table[at] = np.array(self._rows)
        table[at[1:][np.diff(at) > LONGEST_STEP], own:] = np.nan
        columns: dict[str, Any] = dict(zip(COLUMNS, table.T, strict=False))
        columns["choice"] = np.nan_to_num(columns["choice"], nan=-1).astype(np.int64)
        frames, beside, busy_us = (table[:, own + v * part : own + v * (part + 1)].T.copy() for part in range(3))
        grid = Grid(
            tick_s=tick_s,
            start_ms=self._start_ms,
            policy=self._policy,
            policy_text=str(self._config["policy"]["text"]),
            profile=parse_profile(str(self._config["profile"]["text"]), str(self._config["profile"]["name"])),
            profile_text=str(self._config["profile"]["text"]),
            facts=self._facts,
            frames=frames,
            beside=beside,
            busy_us=busy_us,
            **columns,
        )
        minutes = int(at[-1] * tick_s // MINUTE_S) + 1
        for t_us, band, variant, differs in self._shadows:
            pair = grid.shadows.setdefault((band, variant), np.zeros((2, minutes), dtype=np.int64))
            minute = min(minutes - 1, int((t_us / 1e6 - times[0]) // MINUTE_S))
            pair[0, minute] += 1
            pair[1, minute] += differs
        grid.simulated, grid.notes = tuple(sorted(self._simulated)), list(self._notes)
        return grid


assert (TEMPERATURE, POWER, LIGHT) == QUANTITIES, "the columns of a row follow the order of the quantities"

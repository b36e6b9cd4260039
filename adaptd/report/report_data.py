"""What a log tells, gathered in one pass for a report: series in buckets of equal time, swaps, events, sums; not judged."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaptd.config.errors import ConfigError
from adaptd.config.policy import Policy, parse_policy
from adaptd.log.format.codec import CodecError, row
from adaptd.log.verify.reader import watched
from adaptd.log.verify.replay import Decided
from adaptd.report.history import DecisionReader
from adaptd.vocabulary import POWER, QUANTITIES, TEMPERATURE, Measured, OperatingPoint, Reading, VariantFacts, believed

MOST_BUCKETS = 1024
FIRST_WIDTH_US = 1_000_000

_FACTS = row(VariantFacts)
_POINT = row(OperatingPoint)


@dataclass(slots=True)
class ValueRange:
    """Lowest, highest and summed value of one quantity in one bucket."""

    count: int = 0
    total: int = 0
    low: int = 0
    high: int = 0

    def add(self, value: int) -> None:
        self.low = value if not self.count else min(self.low, value)
        self.high = value if not self.count else max(self.high, value)
        self.total += value
        self.count += 1

    def merge(self, other: "ValueRange") -> None:
        if other.count:
            self.low = min(self.low, other.low) if self.count else other.low
            self.high = max(self.high, other.high) if self.count else other.high
            self.total += other.total
            self.count += other.count

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None


@dataclass(slots=True)
class Bucket:
    """Everything drawn of one stretch of time."""

    temperature: ValueRange = field(default_factory=ValueRange)
    power: ValueRange = field(default_factory=ValueRange)
    light: ValueRange = field(default_factory=ValueRange)
    rate: ValueRange = field(default_factory=ValueRange)
    budget: ValueRange = field(default_factory=ValueRange)
    energy_uj: float = 0.0
    baseline_uj: float = 0.0
    frames: int = 0
    bounds: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)
    utc_ms: int | None = None

    def merge(self, later: "Bucket") -> None:
        for name in ("temperature", "power", "light", "rate", "budget"):
            getattr(self, name).merge(getattr(later, name))
        self.energy_uj += later.energy_uj
        self.baseline_uj += later.baseline_uj
        self.frames += later.frames
        self.bounds.update(later.bounds)
        self.utc_ms = later.utc_ms if self.utc_ms is None else self.utc_ms


@dataclass(slots=True)
class Swap:
    """One change that was asked for: from which point to which, why, and what came of it."""

    seq: int
    at_us: int
    utc_ms: int
    old: OperatingPoint | None
    new: OperatingPoint
    decided: Decided | None
    outcome: str | None = None
    latency_us: int | None = None


@dataclass(slots=True)
class Stretch:
    """Time under one variant (or none), for the ribbon."""

    variant: str
    from_us: int
    to_us: int


@dataclass(slots=True)
class StoryEvent:
    """A record worth a line of its own: a fault, a clock step, a start, a failure of the disk, a pruning."""

    seq: int
    at_us: int
    utc_ms: int
    kind: str
    record: dict[str, Any]


@dataclass(slots=True)
class Story:
    """The whole tale. Times ``at_us`` are log time: monotonic within a boot, by the wall clock between boots."""

    width_us: int = FIRST_WIDTH_US
    buckets: list[Bucket] = field(default_factory=list)
    swaps: list[Swap] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    events: list[StoryEvent] = field(default_factory=list)
    facts: tuple[VariantFacts, ...] = ()
    policy: Policy | None = None
    configs: list[dict[str, Any]] = field(default_factory=list)
    end_us: int = 0
    decisions: int = 0
    delivered: int = 0
    missed: int = 0
    dropped: int = 0
    shadow_frames: int = 0
    served: dict[str, int] = field(default_factory=dict)
    simulated: set[str] = field(default_factory=set)
    over_limit_us: int = 0

    @property
    def energy_uj(self) -> float:
        return sum(bucket.energy_uj for bucket in self.buckets)

    @property
    def baseline_uj(self) -> float:
        return sum(bucket.baseline_uj for bucket in self.buckets)

    @property
    def metered_frames(self) -> int:
        return sum(bucket.frames for bucket in self.buckets)


_EVENTS = frozenset({"start", "stop", "clock_step", "degraded", "fault", "worker", "prune"})


class Teller:
    """Builds a ``Story`` from records fed in order."""

    def __init__(self) -> None:
        self.story = Story()
        self._reader = DecisionReader()
        self._zero_us: int | None = None
        self._last: dict[str, Any] | None = None
        self._last_us = 0
        self._boot_id: object = None
        self._decided: dict[int, Decided] = {}
        self._open: dict[int, Swap] = {}
        self._before: Decided | None = None
        self._before_us = 0

    def feed(self, record: dict[str, Any]) -> None:
        """Take the next record."""
        at_us = self._log_time(record)
        kind = record["kind"]
        if kind == "config":
            self._config(record)
        decided = self._reader.feed(record)
        if decided is not None:
            self._decision(decided, at_us)
        elif kind == "act":
            self._act(record, at_us)
        elif kind == "result":
            self._result(record)
        elif kind in _EVENTS:
            self.story.events.append(StoryEvent(record["seq"], at_us, record["utc_ms"], kind, record))
        if kind == "start":
            self._before = None
        self.story.end_us = max(self.story.end_us, at_us)

    def _log_time(self, record: dict[str, Any]) -> int:
        last, self._last = self._last, record
        if last is not None:
            same = record["kind"] != "start" or record.get("boot_id") == self._boot_id
            step = record["mono_us"] - last["mono_us"] if same else (record["utc_ms"] - last["utc_ms"]) * 1000
            self._last_us += max(0, step)
        if record["kind"] == "start":
            self._boot_id = record.get("boot_id")
        return self._last_us

    def _config(self, record: dict[str, Any]) -> None:
        self.story.configs.append(record)
        try:
            self.story.facts = tuple(_FACTS.read(one) for one in record["facts"])
            self.story.policy = parse_policy(str(record["policy"]["text"]), str(record["policy"]["name"]))
        except (ConfigError, CodecError, KeyError, TypeError):
            return

    def _bucket(self, at_us: int) -> Bucket:
        story = self.story
        while at_us // story.width_us >= MOST_BUCKETS:
            merged = story.buckets[0::2]
            for one, later in zip(merged, story.buckets[1::2], strict=False):
                one.merge(later)
            story.buckets, story.width_us = merged, 2 * story.width_us
        at = at_us // story.width_us
        while len(story.buckets) <= at:
            story.buckets.append(Bucket())
        return story.buckets[at]

    def _decision(self, decided: Decided, at_us: int) -> None:
        story, snapshot, verdict = self.story, decided.snapshot, decided.verdict
        bucket = self._bucket(at_us)
        bucket.utc_ms = decided.record["utc_ms"] if bucket.utc_ms is None else bucket.utc_ms
        for name in QUANTITIES:
            self._sense(name, believed(snapshot, verdict, name), getattr(bucket, name))
        bucket.rate.add(verdict.point.fps_mfps)
        own_mw = None if story.policy is None else story.policy.budget_mw
        budget_mw = own_mw if snapshot.budget_mw is None else snapshot.budget_mw
        if budget_mw is not None:
            bucket.budget.add(budget_mw)
        bucket.bounds.update({(one.band, one.variant): (one.bound_ppm, one.admitted) for one in verdict.evidence})
        if self._before is not None:
            self._account(bucket, decided, at_us - self._before_us)
        self._ribbon(verdict.point, at_us)
        story.decisions += 1
        self._decided[decided.record["seq"]] = decided
        if len(self._decided) > 64:
            del self._decided[next(iter(self._decided))]
        self._before, self._before_us = decided, at_us

    def _sense(self, name: str, reading: Reading, into: ValueRange) -> None:
        if isinstance(reading, Measured):
            into.add(reading.value)
            if reading.simulated:
                self.story.simulated.add(name)

    def _account(self, bucket: Bucket, decided: Decided, dt_us: int) -> None:
        """Frames and board energy since the decision before, and what the reference alone would have cost for those frames."""
        story, worker = self.story, decided.snapshot.worker
        story.delivered += worker.delivered
        story.missed += worker.missed
        story.dropped += worker.dropped
        story.shadow_frames += worker.shadow_frames
        for served in worker.served:
            story.served[served.variant] = story.served.get(served.variant, 0) + served.frames
        policy, temperature = story.policy, believed(decided.snapshot, decided.verdict, TEMPERATURE)
        if policy is not None and isinstance(temperature, Measured) and temperature.value > policy.limit_mc:
            story.over_limit_us += dt_us
        power = believed(decided.snapshot, decided.verdict, POWER)
        if isinstance(power, Measured) and policy is not None:
            energy_uj = power.value * dt_us / 1000.0
            bucket.energy_uj += energy_uj
            bucket.baseline_uj += energy_uj + self._extra_uj(decided, policy.reference)
            bucket.frames += worker.delivered

    def _extra_uj(self, decided: Decided, reference: str) -> float:
        """What serving the same frames on the reference, without shadow frames, would have cost more (or less)."""
        cost = {fact.name: fact.energy_uj for fact in self.story.facts}
        worker = decided.snapshot.worker
        extra = sum(served.frames * (cost.get(reference, 0) - cost.get(served.variant, 0)) for served in worker.served)
        efficient = [cost[name] for name in cost if name != reference]
        shadow = cost.get(reference, 0) if worker.point.variant != reference else min(efficient, default=0)
        return extra - worker.shadow_frames * shadow

    def _ribbon(self, point: OperatingPoint, at_us: int) -> None:
        variant = point.variant if point.fps_mfps else ""
        stretches = self.story.stretches
        if stretches and self._before is not None:
            stretches[-1].to_us = at_us
        if not stretches or stretches[-1].variant != variant or self._before is None:
            stretches.append(Stretch(variant, at_us, at_us))

    def _act(self, record: dict[str, Any], at_us: int) -> None:
        try:
            new = _POINT.read(record["point"])
        except (CodecError, KeyError):
            return
        swaps = self.story.swaps
        old = swaps[-1].new if swaps else None
        swap = Swap(record["seq"], at_us, record["utc_ms"], old, new, self._decided.get(_number(record, "decision")))
        swaps.append(swap)
        self._open[swap.seq] = swap

    def _result(self, record: dict[str, Any]) -> None:
        swap = self._open.pop(_number(record, "act"), None)
        if swap is not None:
            swap.outcome = str(record.get("outcome"))
            latency_us = record.get("latency_us")
            swap.latency_us = latency_us if type(latency_us) is int else None


def _number(record: dict[str, Any], name: str) -> int:
    """The record number in a field, or one that no record has."""
    value = record.get(name)
    return value if type(value) is int else -1


def tell(folder: Path, progress: Callable[[int, int], None] | None = None) -> Story:
    """Read a log into a story."""
    teller = Teller()
    for record in watched(folder, progress):
        teller.feed(record)
    return teller.story

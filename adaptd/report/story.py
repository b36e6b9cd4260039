"""What a report tells, as data: series in buckets of equal time, hours, runs, policies in force, swaps, events, sums."""

from dataclasses import dataclass, field
from typing import Any

from adaptd.config.policy import Policy
from adaptd.log.verify.decided import Decided
from adaptd.report.account_statements import Said
from adaptd.vocabulary import OperatingPoint, VariantFacts

FIRST_WIDTH_US = 1_000_000


@dataclass(slots=True)
class ValueRange:
    """Lowest, highest and summed value of one quantity in one bucket."""

    count: int = 0
    total: int = 0
    low: int = 0
    high: int = 0

    def add(self, value: int) -> None:
        if not self.count or value < self.low:
            self.low = value
        if not self.count or value > self.high:
            self.high = value
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


@dataclass(frozen=True, slots=True)
class Reign:
    """A policy and the configuration record from which on it was in force; a reload of the same policy begins none."""

    seq: int
    at_us: int
    utc_ms: int
    why: str
    policy: Policy
    profile: str


@dataclass(slots=True)
class Hour:
    """One hour of log time: what frames cost, on which engine they ran, and how often shadow frames differed."""

    energy_uj: float = 0.0
    metered: int = 0
    served: dict[str, int] = field(default_factory=dict)
    shadows: int = 0
    differed_ppm: int = 0
    utc_ms: int = 0
    simulated: bool = False

    def loss_points(self, reference: str) -> float | None:
        """Measured loss of all its frames in percentage points: share on efficient engines x how often their shadows differed."""
        frames = sum(self.served.values())
        efficient = frames - self.served.get(reference, 0)
        if not frames or (efficient and not self.shadows):
            return None
        return efficient / frames * self.differed_ppm / self.shadows / 10_000 if efficient else 0.0


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
    statements: list[Said] = field(default_factory=list)
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
    over_budget_us: int = 0
    paused_us: int = 0
    reigns: list[Reign] = field(default_factory=list)
    hours: dict[int, Hour] = field(default_factory=dict)
    starts_us: list[int] = field(default_factory=list)

    @property
    def energy_uj(self) -> float:
        return sum(bucket.energy_uj for bucket in self.buckets)

    @property
    def baseline_uj(self) -> float:
        return sum(bucket.baseline_uj for bucket in self.buckets)

    @property
    def metered_frames(self) -> int:
        return sum(bucket.frames for bucket in self.buckets)

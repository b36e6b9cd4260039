"""What a log tells, gathered in one pass for a report: series in buckets of equal time, swaps, events, sums; not judged."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adaptd.config.errors import ConfigError
from adaptd.config.policy import parse_policy
from adaptd.log.format.codec import CodecError, row
from adaptd.log.verify.decided import Decided, DecisionReader
from adaptd.log.verify.join import WORTH_PARTS, pool, processors
from adaptd.log.verify.reader import watched
from adaptd.log.verify.walk import size_of
from adaptd.report.account_statements import Statements
from adaptd.report.story import Bucket, Hour, Reign, Story, StoryEvent, Stretch, Swap
from adaptd.vocabulary import POWER, QUANTITIES, TEMPERATURE, Measured, OperatingPoint, Reading, VariantFacts, believed

MOST_BUCKETS = 1024

_FACTS = row(VariantFacts)
_POINT = row(OperatingPoint)


_EVENTS = frozenset({"start", "stop", "clock_step", "degraded", "fault", "worker", "prune"})


class Teller:
    """Builds a ``Story`` from records fed in order."""

    def __init__(self, since_ms: int | None = None, until_ms: int | None = None) -> None:
        self.story = Story()
        self._since_ms, self._until_ms = since_ms, until_ms
        self._reader, self._statements = DecisionReader(), Statements()
        self._last: dict[str, Any] | None = None
        self._last_us = 0
        self._boot_id: object = None
        self._decided: dict[int, Decided] = {}
        self._open: dict[int, Swap] = {}
        self._costs_uj: dict[str, int] = {}  # of one frame of each variant
        self._before: Decided | None = None
        self._before_us = 0

    def feed(self, record: dict[str, Any]) -> None:
        """Take the next record; one outside the asked time only teaches what later ones refer to."""
        kind = record["kind"]
        inside = self._inside(record["utc_ms"])
        at_us = self._log_time(record) if inside else 0
        if kind == "config" and (inside or not self.story.end_us):
            self._config(record, at_us)
        decided = self._reader.feed(record)
        self._statements.feed(record)
        if not inside:
            return
        if kind == "window_close":
            self.story.statements = self._statements.all()
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
            self.story.starts_us.append(at_us)
        self.story.end_us = max(self.story.end_us, at_us)

    def _inside(self, utc_ms: int) -> bool:
        return (self._since_ms is None or utc_ms >= self._since_ms) and (self._until_ms is None or utc_ms <= self._until_ms)

    def _log_time(self, record: dict[str, Any]) -> int:
        last, self._last = self._last, record
        if last is not None:
            same = record["kind"] != "start" or record.get("boot_id") == self._boot_id
            step = record["mono_us"] - last["mono_us"] if same else (record["utc_ms"] - last["utc_ms"]) * 1000
            self._last_us += max(0, step)
        if record["kind"] == "start":
            self._boot_id = record.get("boot_id")
        return self._last_us

    def _config(self, record: dict[str, Any], at_us: int) -> None:
        self.story.configs.append(record)
        try:
            self.story.facts = tuple(_FACTS.read(one) for one in record["facts"])
            self._costs_uj = {fact.name: fact.energy_uj for fact in self.story.facts}
            self.story.policy = parse_policy(str(record["policy"]["text"]), str(record["policy"]["name"]))
            profile = Path(str(record["profile"]["name"])).stem
        except (ConfigError, CodecError, KeyError, TypeError):
            return
        last = self.story.reigns[-1] if self.story.reigns else None
        if last is None or last.policy != self.story.policy or last.profile != profile:
            why = str(record.get("reason") or "start")
            self.story.reigns.append(Reign(record["seq"], at_us, record["utc_ms"], why, self.story.policy, profile))

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
        readings = {name: believed(snapshot, verdict, name) for name in QUANTITIES}
        for name, reading in readings.items():
            if isinstance(reading, Measured):
                getattr(bucket, name).add(reading.value)
                if reading.simulated:
                    story.simulated.add(name)
        bucket.rate.add(verdict.point.fps_mfps)
        own_mw = None if story.policy is None else story.policy.budget_mw
        budget_mw = own_mw if snapshot.budget_mw is None else snapshot.budget_mw
        if budget_mw is not None:
            bucket.budget.add(budget_mw)
        if not bucket.bounds or self._before is None or self._before.verdict.evidence is not verdict.evidence:
            bucket.bounds.update({(one.band, one.variant): (one.bound_ppm, one.admitted) for one in verdict.evidence})
        if self._before is not None:
            if not snapshot.worker.point.fps_mfps:
                story.paused_us += at_us - self._before_us
            self._account(bucket, decided, at_us, readings)
        self._ribbon(verdict.point, at_us)
        story.decisions += 1
        self._decided[decided.record["seq"]] = decided
        if len(self._decided) > 64:
            del self._decided[next(iter(self._decided))]
        self._before, self._before_us = decided, at_us

    def _account(self, bucket: Bucket, decided: Decided, at_us: int, readings: dict[str, Reading]) -> None:
        """Frames and board energy since the decision before, and what the reference alone would have cost for those frames."""
        story, worker, dt_us = self.story, decided.snapshot.worker, at_us - self._before_us
        story.delivered += worker.delivered
        story.missed += worker.missed
        story.dropped += worker.dropped
        story.shadow_frames += worker.shadow_frames
        for served in worker.served:
            story.served[served.variant] = story.served.get(served.variant, 0) + served.frames
        policy, temperature = story.policy, readings[TEMPERATURE]
        if policy is not None and isinstance(temperature, Measured) and temperature.value > policy.limit_mc:
            story.over_limit_us += dt_us
        power = readings[POWER]
        if isinstance(power, Measured) and policy is not None:
            energy_uj = power.value * dt_us / 1000.0
            bucket.energy_uj += energy_uj
            bucket.baseline_uj += energy_uj + self._extra_uj(decided, policy.reference)
            bucket.frames += worker.delivered
            budget_mw = policy.budget_mw if decided.snapshot.budget_mw is None else decided.snapshot.budget_mw
            story.over_budget_us += dt_us if budget_mw is not None and power.value > budget_mw else 0
            self._hour(decided, energy_uj, at_us, simulated=power.simulated)

    def _hour(self, decided: Decided, energy_uj: float, at_us: int, *, simulated: bool) -> None:
        """Count a stretch between two decisions into its hour."""
        hour = self.story.hours.setdefault(at_us // 3_600_000_000, Hour(utc_ms=decided.record["utc_ms"]))
        worker = decided.snapshot.worker
        hour.energy_uj += energy_uj
        hour.metered += worker.delivered
        hour.simulated |= simulated
        for served in worker.served:
            hour.served[served.variant] = hour.served.get(served.variant, 0) + served.frames
        hour.shadows += len(worker.shadows)
        hour.differed_ppm += sum(shadow.loss_ppm for shadow in worker.shadows)

    def _extra_uj(self, decided: Decided, reference: str) -> float:
        """What serving the same frames on the reference, without shadow frames, would have cost more (or less)."""
        costs, worker = self._costs_uj, decided.snapshot.worker
        own = costs.get(reference, 0)
        extra = float(sum(served.frames * (own - costs.get(served.variant, 0)) for served in worker.served))
        if not worker.shadow_frames:
            return extra
        efficient = [cost for name, cost in costs.items() if name != reference]
        return extra - worker.shadow_frames * (own if worker.point.variant != reference else min(efficient, default=0))

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


@contextmanager
def telling(folder: Path, *, since_ms: int | None = None, until_ms: int | None = None) -> Iterator[Callable[[], Story] | None]:
    """Read a long log into a story in a process of its own; what is given waits for it. None where that is not worth it."""
    if processors() < 2 or size_of(folder) < WORTH_PARTS:
        yield None
        return
    beside = pool(1, __name__)
    try:
        told = beside.submit(tell, folder, since_ms=since_ms, until_ms=until_ms)
        yield told.result
    finally:
        beside.shutdown(cancel_futures=True)


def tell(
    folder: Path, progress: Callable[[int, int], None] | None = None, *, since_ms: int | None = None, until_ms: int | None = None
) -> Story:
    """Read a log, or what lies between two times of the wall clock, into a story."""
    teller = Teller(since_ms, until_ms)
    for record in watched(folder, progress):
        teller.feed(record)
    return teller.story

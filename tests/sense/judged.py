"""A sensor hub and the judge of its readings together, as a daemon has them: what is believed at every tick, and why not."""

from dataclasses import dataclass
from typing import Any

from adaptd.brain.judge.judge import Memory, judge
from adaptd.brain.judge.rules import rules_of
from adaptd.brain.judge.words import quality, why, why_missing
from adaptd.config.profile import HardwareProfile
from adaptd.sense.camera_light import PictureStats
from adaptd.sense.sensor_hub import SensorHub
from adaptd.vocabulary import (
    QUANTITIES,
    Judged,
    Missing,
    OperatingPoint,
    Reading,
    Snapshot,
    Telemetry,
    Unread,
    of_judged,
)

STALE_US = 2_000_000  # what the policy of these tests says


def said(answer: object) -> str:
    """Why there is no number, in words."""
    assert isinstance(answer, (Missing, Unread)), answer
    return why_missing(answer) if isinstance(answer, Missing) else answer.text


@dataclass(frozen=True)
class WorkerFacts:
    """What else a tick knows: whether frames are served, what that should take, and the newest picture."""

    delivered_mfps: int = 0
    expected_mw: int | None = None
    picture: PictureStats | None = None


@dataclass(frozen=True)
class Tick:
    """One tick: the snapshot's raw readings and what was believed of them."""

    snapshot: Snapshot
    judged: tuple[Judged, ...]
    absent: tuple[str, ...]

    @property
    def temperature(self) -> Reading:
        """What is believed of the temperature."""
        return self.reading("temperature")

    @property
    def power(self) -> Reading:
        """What is believed of the power."""
        return self.reading("power")

    @property
    def light(self) -> Reading:
        """What is believed of the light."""
        return self.reading("light")

    def reading(self, quantity: str) -> Reading:
        """What is believed of a quantity."""
        return of_judged(self.snapshot, self.judged[QUANTITIES.index(quantity)], quantity)

    def source(self, quantity: str, name: str) -> tuple[str, str]:
        """The quality of one source and the reason in words."""
        doubts = self.judged[QUANTITIES.index(quantity)].doubts
        doubt = next((one for one in doubts if one.source == name), None)
        raw = next(one for one in self.snapshot.raw if (one.quantity, one.source) == (quantity, name))
        return quality(doubt), "" if doubt is None else why(doubt.reason, raw)


class JudgedHub:
    """A hub whose readings are judged at every tick."""

    def __init__(self, board: HardwareProfile, hub: SensorHub) -> None:
        self.hub = hub
        self.memory = Memory()
        self.rules = rules_of(STALE_US, 15_000, board)
        self.idle_mw = board.idle_power_mw

    def __getattr__(self, name: str) -> Any:
        return getattr(self.hub, name)

    def expecting(self, facts: WorkerFacts) -> Memory:
        """The judge's memory with what the operating point should take: what is beyond idle are its frames."""
        frames_mw = max(0, (facts.expected_mw or 0) - self.idle_mw)
        return self.memory._replace(predicted_mw=facts.expected_mw, frames_mw=frames_mw)

    def sample(self, now_us: int, facts: WorkerFacts | None = None) -> Tick:
        """Ask every source and judge what they said."""
        facts = facts or WorkerFacts()
        sampled = self.hub.sample(now_us, facts.picture)
        worker = Telemetry(True, OperatingPoint("fp16", facts.delivered_mfps))
        snapshot = Snapshot(now_us, sampled.raw, worker, picture=sampled.picture)
        self.memory, senses = judge(self.expecting(facts), snapshot, self.rules)
        return Tick(snapshot, senses.judged, sampled.absent)

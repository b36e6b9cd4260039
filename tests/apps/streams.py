"""Event streams into a real monitor with a real store, without a daemon: what the tests of the feeder share."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adaptd.apps.feeder.activity import HOUSEHOLD, Activity, Seen
from adaptd.apps.feeder.monitor import Monitor
from adaptd.apps.feeder.recorder import Recorder, Standing, Tracked
from adaptd.apps.feeder.settings import DAY_US, HOUR_US, SECOND_US, Settings
from adaptd.apps.feeder.simulated_cat import Cat, Event, events
from adaptd.apps.feeder.store import Store

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN_US = 1_770_073_200 * SECOND_US  # Tuesday 3 February 2026, 00:00 in Berlin
FPS = 15
FP16 = Standing(variant="fp16", band="bright", sure=True, bound_ppm=0)
INT8 = Standing(variant="int8", efficient=True, band="bright", sure=True, bound_ppm=2_500)


@dataclass
class House:
    """A monitor whose wall clock is ``shift_us`` ahead of its monotonic one; ``left`` holds what it handed on."""

    path: Path
    settings: Settings = field(default_factory=Settings)
    zone: tzinfo = BERLIN
    left: list[tuple[str, str, str, dict[str, Any]]] = field(default_factory=list)

    shift_us: int = 0

    def __post_init__(self) -> None:
        self.store = Store(self.path, writer=True)
        recorder = Recorder(self.settings, self.store, lambda at: at + self.shift_us)
        self.monitor = Monitor(self.store, recorder, self.settings, self.zone, lambda *words: self.left.append(words))

    def live(
        self, stream: Iterable[Sequence[Event]], standing: Callable[[int], Standing | None] = lambda _: FP16, pet: str = HOUSEHOLD
    ) -> None:
        """Each day's events, with a look at the end of every day; where ``standing`` says None nothing is seen."""
        for day in stream:
            for start, end, what in day:
                for at in range(start, end, HOUR_US):
                    self.see(at, min(at + HOUR_US, end), what, standing(at), pet)
            self.monitor.tick(day[-1][1] + HOUR_US, force=True)

    def see(self, start: int, end: int, what: Activity, standing: Standing | None = FP16, pet: str = HOUSEHOLD) -> None:
        """One stretch of one pet's life."""
        if standing is None:
            self.monitor.recorder.blind()
            return
        frames = (end - start) * FPS // SECOND_US
        self.monitor.recorder.span(start, end, [Tracked(0, Seen(pet=pet, activity=what, score_ppm=990_000))], standing, frames)

    def cat(self, days: int, appetite: Callable[[int], float] = lambda _: 1.0, **features: Any) -> None:
        """Let a simulated cat live here from ``BEGIN_US`` on."""
        self.live(events(Cat(**{"seed": 1, "cv": 0.15, "season": 0.0, **features}), BEGIN_US, days, appetite))

    def rules_left(self) -> list[str]:
        """The kinds of what was handed on."""
        return [kind for _, kind, _, _ in self.left]


def day_of(number: int) -> int:
    """The first instant of the simulation's day."""
    return BEGIN_US + number * DAY_US

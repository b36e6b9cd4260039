"""From what was seen, span by span, to bouts and window sums, and from there to the store."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adaptd.apps.feeder.activity import HOUSEHOLD, Activity, Seen
from adaptd.apps.feeder.bouts import Bout, BoutMachine, Ending, Outcome
from adaptd.apps.feeder.camera_watch import Grid, read_scenes
from adaptd.apps.feeder.settings import Settings
from adaptd.apps.feeder.smoothing import Smoother, Span
from adaptd.apps.feeder.store import Store, StoredBout
from adaptd.apps.feeder.tally import Served, Tally, larger, pieces

Key = tuple[str, int]  # pet and number of its track; 0 where the model is a classifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the frames of a span came about. ``sure``: the light is good enough for the model; ``unproven``: its account was
    shut.
    """

    variant: str = "unknown"
    efficient: bool = False
    band: str = "unknown"
    sure: bool = False
    unproven: bool = False
    bound_ppm: int | None = None


@dataclass(frozen=True, slots=True)
class Tracked:
    """One pet in view, with the number of its track."""

    track: int
    seen: Seen


@dataclass(slots=True)
class _Subject:
    smoother: Smoother
    machine: BoutMachine
    band: str = "unknown"
    sure: bool = True


class Recorder:
    """One camera. ``utc_of`` places a monotonic instant in the day; ``told`` hears of each bout when it is over."""

    def __init__(
        self, settings: Settings, store: Store, utc_of: Callable[[int], int], told: Callable[[StoredBout], None] = lambda _: None
    ) -> None:
        self._settings, self._store, self._utc_of, self._told = settings, store, utc_of, told
        self._subjects: dict[Key, _Subject] = {}
        self._tally = Tally()
        self._finished: list[StoredBout] = []
        self.camera = read_scenes(store)

    def span(self, start_us: int, end_us: int, pets: Sequence[Tracked], standing: Standing, frames: int = 1) -> None:
        """Between two results this was the state. Monotonic microseconds; every pet that is not named is away."""
        named = {(each.seen.pet, each.track): each.seen for each in pets if each.seen.activity is not Activity.EMPTY}
        if any(seen.activity is Activity.BLIND for seen in named.values()):
            self.blind()
            return
        self._watch(start_us, end_us, standing, frames)
        for key in {*self._subjects, *named, (HOUSEHOLD, 0)}:
            seen = named.get(key, Seen(pet=key[0], activity=Activity.EMPTY, score_ppm=0))
            self._move(key, start_us, end_us, seen, standing)

    def scene(self, at_us: int, grid: Grid) -> None:
        """What the camera shows while nobody is in view."""
        self.camera.feed(self._utc_of(at_us), grid)

    def bowl(self, at_us: int, *, in_sight: bool) -> None:
        """Whether the model sees the bowl."""
        self.camera.bowl(self._utc_of(at_us), in_sight=in_sight)

    def blind(self) -> None:
        """Nothing is seen from here on: what was going on is cut."""
        for key in list(self._subjects):
            self._cut(key)

    def flush(self) -> bool:
        """Write down what is known; False where the disk refused, and everything is kept for the next time."""
        going_on = {key: self._stored(key, bout) for key, one in self._subjects.items() if (bout := one.machine.open_bout)}
        try:
            self._store.write(self._tally, self._finished, going_on, self._settings.merge_us)
        except sqlite3.Error:
            return False
        self._tally, self._finished = Tally(), []
        return True

    def close(self) -> bool:
        self.blind()
        return self.flush()

    def _watch(self, start_us: int, end_us: int, standing: Standing, frames: int) -> None:
        for window, length_us in pieces(self._utc_of(start_us), self._utc_of(end_us)):
            self._tally.watch(window, length_us, sure=standing.sure)
            if not standing.sure:
                continue
            row = self._tally.served.setdefault((window, standing.variant, standing.band), Served(bound_ppm=standing.bound_ppm))
            row.efficient |= standing.efficient
            row.seen_us += length_us
            row.frames += frames
            row.unproven_us += length_us if standing.unproven else 0
            row.bound_ppm = larger(row.bound_ppm, standing.bound_ppm)
            frames = 0  # the frame belongs to the window in which its span began

    def _move(self, key: Key, start_us: int, end_us: int, seen: Seen, standing: Standing) -> None:
        if key not in self._subjects:
            self._subjects[key] = _Subject(Smoother(self._settings.smooth_us), BoutMachine(self._settings))
        one = self._subjects[key]
        if seen.activity is Activity.EATING:
            one.band, one.sure = standing.band, (one.sure and standing.sure) if one.machine.open_bout else standing.sure
        span = Span(start_us=start_us, end_us=end_us, activity=seen.activity, score_ppm=seen.score_ppm, sure=standing.sure)
        for smooth in one.smoother.feed(span):
            self._smooth(key, one, smooth)
        # A track that is gone for good has had its bout; the household's own machine stays.
        if key[1] and one.machine.state.value == "away" and seen.activity is Activity.EMPTY:
            self._cut(key)

    def _smooth(self, key: Key, one: _Subject, span: Span) -> None:
        if span.activity in {Activity.PRESENT, Activity.EATING}:
            for window, length_us in pieces(self._utc_of(span.start_us), self._utc_of(span.end_us)):
                self._tally.be_there(window, key[0], length_us)
        self._keep(key, one.machine.feed(span))

    def _cut(self, key: Key) -> None:
        one = self._subjects.pop(key)
        last = 0
        for span in one.smoother.flush():
            self._smooth(key, one, span)
            last = span.end_us
        self._keep(key, one.machine.feed(Span(start_us=last, end_us=last, activity=Activity.BLIND)), one)

    def _keep(self, key: Key, outcome: Outcome, one: _Subject | None = None) -> None:
        for credit in outcome.credits:
            for window, length_us in pieces(self._utc_of(credit.span.start_us), self._utc_of(credit.span.end_us)):
                self._tally.eat(window, key[0], credit.sign * length_us, sure=credit.span.sure)
        for bout in outcome.bouts:
            stored = self._stored(key, bout, one)
            self._finished.append(stored)
            if stored.sure:
                self.camera.confirm(stored.end_us)
            self._told(stored)

    def _stored(self, key: Key, bout: Bout, one: _Subject | None = None) -> StoredBout:
        subject = one or self._subjects[key]
        return StoredBout(
            pet=key[0],
            start_us=self._utc_of(bout.start_us),
            end_us=self._utc_of(bout.end_us),
            eating_us=bout.eating_us,
            pauses=bout.pauses,
            score_ppm=bout.score_ppm,
            band=subject.band,
            sure=subject.sure and bout.ending is not Ending.RESTING,
            ending=bout.ending.value,
        )

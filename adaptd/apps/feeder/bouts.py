"""Bouts of eating: one pet's spans through a table of transitions. Pure: integers, and time only as it comes in the spans.

    away -> there -> eating <-> paused -> gone -> away

A pause or an absence shorter than ``merge_us`` belongs to the bout. A bout begins with the first and ends with the last
moment of eating. Eating counts once a bout has ``least_eating_us`` of it; eating without a pause for ``resting_us`` is a pet
that sleeps with its head in the bowl, and is taken back.
"""

from dataclasses import dataclass
from enum import Enum

from adaptd.apps.feeder.activity import Activity
from adaptd.apps.feeder.settings import Settings
from adaptd.apps.feeder.smoothing import Span


class State(Enum):
    """Where a pet is in its visit."""

    AWAY = "away"
    THERE = "there"
    EATING = "eating"
    PAUSED = "paused"
    GONE = "gone"


IN_BOUT = {State.EATING, State.PAUSED, State.GONE}
_OUTSIDE = {Activity.EMPTY: State.AWAY, Activity.PRESENT: State.THERE, Activity.EATING: State.EATING}
_INSIDE = {Activity.EMPTY: State.GONE, Activity.PRESENT: State.PAUSED, Activity.EATING: State.EATING}
TRANSITIONS = {(state, what): after for state in State for what, after in (_INSIDE if state in IN_BOUT else _OUTSIDE).items()}


class Ending(Enum):
    """Why a bout is over."""

    LEFT = "left"
    CUT = "cut"  # the camera, the daemon or this program stopped inside the bout
    RESTING = "resting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bout:
    """One bout; monotonic microseconds, the score is the mean of its eating."""

    start_us: int
    end_us: int
    eating_us: int
    pauses: int
    score_ppm: int
    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Eating to be written to the windows; negative where it is taken back."""

    span: Span
    sign: int


@dataclass(slots=True)
class Outcome:
    credits: list[Credit]
    bouts: list[Bout]


class BoutMachine:
    """One pet at one bowl."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.state = State.AWAY
        self._start_us = self._end_us = 0
        self._eating_us = self._run_us = self._weighted = self._pauses = 0
        self._pending: list[Span] = []
        self._run: list[Span] = []
        self._resting = False

    @property
    def open_bout(self) -> Bout | None:
        """The bout that is going on, as it would be if it were cut now."""
        confirmed = self.state in IN_BOUT and not self._resting and self._eating_us >= self._settings.least_eating_us
        return self._bout(Ending.CUT) if confirmed else None

    def feed(self, span: Span) -> Outcome:
        out = Outcome([], [])
        if span.activity is Activity.BLIND:
            self._close(Ending.CUT, out)
            return out
        until_us = span.start_us if span.activity is Activity.EATING else span.end_us
        if self.state in IN_BOUT and until_us - self._end_us > self._settings.merge_us:
            self._close(Ending.LEFT, out)
        if span.activity is Activity.EATING:
            self._eat(span, out)
        else:
            self._run, self._run_us = [], 0
        self.state = TRANSITIONS[self.state, span.activity]
        return out

    def _eat(self, span: Span, out: Outcome) -> None:
        if self.state not in IN_BOUT:
            self._start_us = span.start_us
        elif self.state is not State.EATING:
            self._pauses += 1
        self._end_us = span.end_us
        if self._resting:
            return
        self._eating_us += span.length_us
        self._run_us += span.length_us
        self._weighted += span.length_us * span.score_ppm
        self._credit(span, out)
        if self._run_us > self._settings.resting_us:
            self._take_back(out)

    def _credit(self, span: Span, out: Outcome) -> None:
        self._run.append(span)
        self._pending.append(span)
        if self._eating_us >= self._settings.least_eating_us:
            out.credits += [Credit(span=each, sign=1) for each in self._pending]
            self._pending = []

    def _take_back(self, out: Outcome) -> None:
        out.credits += [Credit(span=each, sign=-1) for each in self._run]
        self._eating_us -= self._run_us
        self._resting, self._run, self._run_us = True, [], 0

    def _close(self, ending: Ending, out: Outcome) -> None:
        if self.state in IN_BOUT and (self._resting or self._eating_us >= self._settings.least_eating_us):
            out.bouts.append(self._bout(Ending.RESTING if self._resting else ending))
        self.state = State.AWAY
        self._eating_us = self._run_us = self._weighted = self._pauses = 0
        self._pending, self._run, self._resting = [], [], False

    def _bout(self, ending: Ending) -> Bout:
        return Bout(
            start_us=self._start_us,
            end_us=self._end_us,
            eating_us=self._eating_us,
            pauses=self._pauses,
            score_ppm=self._weighted // self._eating_us if self._eating_us else 0,
            ending=ending,
        )

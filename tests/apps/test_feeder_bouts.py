"""Bouts: what counts as one, what does not, and that no flicker of the model makes or breaks one."""

import itertools
import random

import pytest

from adaptd.apps.feeder.activity import Activity
from adaptd.apps.feeder.bouts import TRANSITIONS, Bout, BoutMachine, Ending, State
from adaptd.apps.feeder.settings import SECOND_US, Settings
from adaptd.apps.feeder.smoothing import Smoother, Span

E, P, X = Activity.EATING, Activity.PRESENT, Activity.EMPTY


def bouts_of(*story: tuple[Activity, int], settings: Settings | None = None) -> tuple[list[Bout], int]:
    """The bouts of a story of (what, seconds), and the eating credited to windows, in seconds."""
    machine, at, found, credited = BoutMachine(settings or Settings()), 0, [], 0
    for what, seconds in story:
        for _ in range(seconds):
            out = machine.feed(Span(start_us=at, end_us=at + SECOND_US, activity=what, score_ppm=900_000))
            at += SECOND_US
            found += out.bouts
            credited += sum(each.sign * each.span.length_us for each in out.credits)
    return found, credited // SECOND_US


def test_every_state_has_an_answer_to_every_activity() -> None:
    """The table of transitions has no hole: a pet is always in a state."""
    assert set(TRANSITIONS) == {(state, what) for state in State for what in Activity if what is not Activity.BLIND}


def test_a_visit_is_one_bout_with_its_pause() -> None:
    """Walk up, eat, look round, eat on, leave: one bout from the first to the last bite, the pause not counted as eating."""
    found, credited = bouts_of((X, 9), (P, 5), (E, 40), (P, 10), (E, 30), (P, 5), (X, 90))
    assert len(found) == 1
    assert (found[0].start_us, found[0].end_us) == (14 * SECOND_US, 94 * SECOND_US)
    assert (found[0].eating_us, found[0].pauses, found[0].ending) == (70 * SECOND_US, 1, Ending.LEFT)
    assert credited == 70


@pytest.mark.parametrize(("away", "count"), [(59, 1), (62, 2)])
def test_a_short_absence_does_not_make_two_meals_of_one(away: int, count: int) -> None:
    """A gap up to a minute is part of the bout; a longer one ends it."""
    found, credited = bouts_of((E, 20), (X, away), (E, 20), (X, 90))
    assert (len(found), credited) == (count, 40)


def test_a_sniff_is_no_meal() -> None:
    """Four seconds at the bowl are neither a bout nor minutes of eating; six are both."""
    assert bouts_of((P, 5), (E, 4), (X, 90)) == ([], 0)
    assert bouts_of((P, 5), (E, 6), (X, 90))[1] == 6


def test_a_pet_that_sleeps_in_the_bowl_does_not_eat_all_night() -> None:
    """Eating without lifting the head for a quarter of an hour is taken back, and the bout says so."""
    found, credited = bouts_of((E, 3_600), (X, 90))
    assert [bout.ending for bout in found] == [Ending.RESTING]
    assert credited == 0


def test_a_meal_before_the_nap_still_counts() -> None:
    """Only the stretch without a pause is taken back, not what was eaten before it."""
    assert bouts_of((E, 60), (P, 5), (E, 3_600), (X, 90))[1] == 60


def test_a_blind_camera_cuts_the_bout() -> None:
    """What was eaten until the camera went blind is kept, and the bout says that it was cut."""
    machine = BoutMachine(Settings())
    machine.feed(Span(start_us=0, end_us=30 * SECOND_US, activity=E))
    out = machine.feed(Span(start_us=30 * SECOND_US, end_us=30 * SECOND_US, activity=Activity.BLIND))
    assert [(bout.eating_us, bout.ending) for bout in out.bouts] == [(30 * SECOND_US, Ending.CUT)]


@pytest.mark.parametrize("fps", [1, 5, 15])
def test_a_model_that_errs_in_one_frame_of_five_gives_the_same_minutes(fps: int) -> None:
    """Wrong frames scattered over a meal of 80 s change its eating by less than a tenth, at any rate; raw frames lose more."""
    dice, step = random.Random(3), SECOND_US // fps
    smoother, machine, at = Smoother(2 * SECOND_US), BoutMachine(Settings()), 0
    credited = raw = 0
    for what, seconds in ((X, 20), (P, 10), (E, 80), (P, 10), (X, 90)):
        for _ in range(seconds * fps):
            said = dice.choice([E, P, X]) if fps > 1 and dice.random() < 0.2 else what
            raw += step if said is E and what is E else 0
            for span in smoother.feed(Span(start_us=at, end_us=at + step, activity=said)):
                credited += sum(each.sign * each.span.length_us for each in machine.feed(span).credits)
            at += step
    assert abs(credited - 80 * SECOND_US) < 8 * SECOND_US
    assert fps == 1 or raw < 72 * SECOND_US


def test_smoothing_keeps_time_whole() -> None:
    """What goes in comes out, second for second and without a gap, whatever the lengths."""
    dice, smoother, at, out = random.Random(5), Smoother(2 * SECOND_US), 0, []
    for _ in range(500):
        length = dice.randint(1, 9 * SECOND_US)
        out += smoother.feed(Span(start_us=at, end_us=at + length, activity=dice.choice([E, P, X])))
        at += length
    out += smoother.flush()
    assert (out[0].start_us, out[-1].end_us) == (0, at)
    assert all(one.end_us == two.start_us for one, two in itertools.pairwise(out))

"""Foresight keeps shadow frames for the bands that are expected; it only ever holds an efficient variant back."""

from dataclasses import replace

import pytest

from adaptd.brain import tick
from adaptd.brain.estimate import account, foresight
from adaptd.brain.estimate.account import M
from adaptd.brain.estimate.foresight import Foresight
from tests.brain.decide.plant import board, facts, feeder
from tests.brain.estimate.test_account import BAND, credited, opened, rules

LEAST = 23
LARGEST, MIDDLE, _ = rules().shares


def told(**hours: int) -> Foresight:
    """What a policy knows that expects INT8 for so many hours of a day."""
    policy = replace(feeder(), expected_s=tuple(sorted((band, 3600 * one) for band, one in hours.items())))
    known = foresight.foresight(policy, rules(), LEAST)
    assert known is not None
    return known


def test_the_middle_coin_is_foreseen_where_the_account_takes_it() -> None:
    """From the first frame of the span on the account offers the middle coin, and before it the largest."""
    (span,) = told(bright=12).spans
    assert span.share_ppm == MIDDLE
    assert account.offer(rules(), credited(rules(), span.start), BAND, LEAST).share_ppm == MIDDLE
    assert account.offer(rules(), credited(rules(), span.start - 200), BAND, LEAST).share_ppm == LARGEST
    assert account.offer(rules(), credited(rules(), span.end), BAND, LEAST).share_ppm < MIDDLE
    assert account.offer(rules(), credited(rules(), span.end - 200), BAND, LEAST).share_ppm == MIDDLE


def test_what_is_kept_is_what_the_expected_bands_still_need() -> None:
    """All of the middle coin's frames at first, none once they are delivered, none for hours that end before or are not told."""
    known = told(bright=12)
    (span,) = known.spans
    whole = (span.end - span.start) * MIDDLE // M
    assert foresight.kept(known, opened(rules())) == whole
    assert foresight.kept(known, credited(rules(), (span.start + span.end) // 2)) == pytest.approx(whole / 2, abs=1)
    assert foresight.kept(known, credited(rules(), span.end)) == 0
    assert foresight.kept(told(bright=12, dim=12), opened(rules())) == pytest.approx(2 * whole, abs=1)
    assert foresight.kept(told(bright=0), opened(rules())) == 0
    assert 0 < foresight.kept(told(dim=1), opened(rules())) < whole / 5


def test_only_the_largest_coin_waits_and_only_while_frames_are_kept() -> None:
    """With room in the budget nothing changes; without it the largest coin alone is held back, and never the middle one."""
    known, young = told(bright=12), opened(rules())
    offer = account.offer(rules(), young, BAND, LEAST)
    kept = foresight.kept(known, young)
    assert offer.share_ppm == LARGEST
    assert not foresight.waits(known, rules(), young, offer, kept + 1)
    assert foresight.waits(known, rules(), young, offer, kept)
    assert not foresight.waits(known, rules(), young, account.CLOSED, 0), "what is closed stays as it is"
    grown = credited(rules(), known.spans[0].start)
    assert not foresight.waits(known, rules(), grown, account.offer(rules(), grown, BAND, LEAST), 0)


def test_what_is_told_of_the_wait_is_short_until_the_middle_coin_bears_it() -> None:
    """Frames that may be lost, those that must be left, and fewer that are, to the moment at which the wait is over."""
    (span,) = told(bright=12).spans
    for frames in (1000, 20_000, span.start - 200):
        credit, least, left = foresight.shortage(rules(), credited(rules(), frames), BAND, LEAST)
        assert least == LEAST > left
        assert credit >= rules().limit_ppm * frames // M
    assert foresight.shortage(rules(), credited(rules(), span.start), BAND, LEAST)[2] >= LEAST


def test_a_policy_that_expects_nothing_is_decided_as_before() -> None:
    """No foresight without hours, and none where the coin has no rate between the largest and the thinnest."""
    assert foresight.foresight(feeder(), rules(), LEAST) is None
    dense = replace(feeder(), shadow_ppm=0, expected_s=((BAND, 3600),))
    assert foresight.foresight(dense, rules(shadow_ppm=0), LEAST) is None
    policy = replace(feeder(), expected_s=((BAND, 3600),))
    told_brain, plain = tick.Brain(policy, board(), facts()), tick.Brain(feeder(), board(), facts())
    assert plain.tables.later is None
    assert told_brain.tables.later is not None
    state = plain.start(1, 0)
    assert told_brain.adopt(state).account is state.account, "what the account promises is the same: its window goes on"

"""The scene guard: out fast where a scene is bad, back after clean frames, never locked out, and no prior opens the account."""

from dataclasses import replace

import numpy as np
import pytest

from adaptd.brain import tick
from adaptd.brain.decide import shadowing
from adaptd.brain.estimate import scene_guard
from adaptd.brain.estimate.scene_guard import FIRST_OWED, HOLD_OWED, MOST_OWED, M
from adaptd.vocabulary import Prior, Shadow
from tests.brain.decide.plant import Board, facts, feeder

LIMIT = feeder().max_loss_ppm


def guard(*priors: Prior) -> scene_guard.Guard:
    """The guard of int8 in bright light."""
    found = scene_guard.start(feeder(), facts(priors=priors))
    return next(one for one in found if one.band == "bright")


def fed(one: scene_guard.Guard, *losses_ppm: int, limit_ppm: int = LIMIT) -> scene_guard.Guard:
    """After these losses, in order."""
    shadows = tuple(Shadow("bright", "int8", loss) for loss in losses_ppm)
    return scene_guard.absorb((one,), shadows, limit_ppm)[0]


def test_without_a_prior_thirty_clean_frames_are_owed() -> None:
    """Ten seconds of probing, not four minutes: INT8 may be tried at once, since the account pays for mistakes."""
    one = guard()
    assert one.owed == FIRST_OWED
    assert not fed(one, *[0] * (FIRST_OWED - 1)).clear
    assert fed(one, *[0] * FIRST_OWED).clear


def test_a_good_prior_owes_nothing_and_a_bad_one_more() -> None:
    """Qualification decides when trying is worthwhile."""
    assert guard(Prior("bright", 6000, 3)).clear
    assert guard(Prior("bright", 6000, 600)).owed == HOLD_OWED
    assert guard(Prior("bright", 10, 0)).owed == FIRST_OWED


def test_one_difference_sends_it_back_and_clean_frames_bring_it_home() -> None:
    """The first frame that differs ends the service; HOLD_OWED equal answers later it serves again."""
    one = fed(guard(Prior("bright", 6000, 3)), M)
    assert one.owed == HOLD_OWED
    assert fed(one, *[0] * HOLD_OWED).clear


def test_it_is_never_locked_out() -> None:
    """A thousand bad scenes later the debt is still no more than MOST_OWED clean frames: there are no attempts to burn."""
    one = guard()
    for _ in range(1000):
        one = fed(one, *[M] * 20, 0, 0)
    assert one.owed <= MOST_OWED
    assert fed(one, *[0] * MOST_OWED).clear


def test_looking_in_vain_slows_down_and_clean_looks_bring_it_back() -> None:
    """Every 25 looks in vain halve the rate, down to the trickle; two clean ones in a row double it again."""
    one = fed(guard(), *[M] * 100)
    assert one.halvings == 4
    full = shadowing.share(0, 20_000, 15_000, 1000)
    assert shadowing.share(one.halvings, 20_000, 15_000, 1000) == full >> 4
    assert shadowing.share(fed(one, *[M] * 1000).halvings, 20_000, 15_000, 1000) == shadowing.share(None, 20_000, 15_000, 1000)
    assert fed(one, *[0] * 8).halvings == 0


def test_a_scene_that_ends_is_left_soon_and_a_long_one_costs_few_looks() -> None:
    """After an hour that differs everywhere INT8 is back within six minutes; the hour itself took under 300 looks."""
    one, second, looks, owed = guard(), 0, 0, 0.0
    while second < 3600 or not one.clear:
        owed += shadowing.share(one.halvings, 20_000, 15_000, 1000) * 15 / M
        while owed >= 1:
            owed -= 1
            one = fed(one, M if second < 3600 else 0)
            looks += second < 3600
        second += 1
    assert second < 3600 + 360
    assert looks < 300


def test_small_losses_of_boxes_add_up() -> None:
    """A detector that loses 5 % of every frame leaves after some frames; one that loses what the limit allows does not."""
    good = guard(Prior("bright", 6000, 3))
    assert not fed(good, *[50_000] * 15).clear
    assert fed(good, *[LIMIT] * 2000).clear


@pytest.mark.parametrize("loss", [0.2, 0.5])
def test_a_bad_scene_is_left_within_a_few_shadows(loss: float) -> None:
    """In a scene that loses a fifth of its frames the guard closes within 5 shadows in the median."""
    rng = np.random.default_rng(2)
    taken = []
    for _ in range(200):
        one, count = guard(Prior("bright", 6000, 3)), 0
        while one.clear:
            one, count = fed(one, M * int(rng.random() < loss)), count + 1
        taken.append(count)
    assert np.median(taken) <= 5


def test_a_prior_opens_no_account() -> None:
    """However good the prior: where the account is shut, the reference serves, and the condition is named."""
    second = next(one for one in Board().run(120) if one.verdict.point.variant == "int8" and one.at > 60)
    window = second.before.account
    shut = window._replace(bands=tuple([one._replace(debit_ppm=10**12, whole_ppm=10**12) for one in window.bands]))
    state = replace(second.before, account=shut)
    _, verdict = tick.Brain(feeder(), Board().profile, state.facts).step(state, second.snapshot)
    assert verdict.point.variant == "fp16"
    assert ("account_open", False) in verdict.conditions


def test_the_numbers_of_the_guard_are_those_of_the_page() -> None:
    """What is owed at first, after a loss, after more of them and at most; what is a scene to leave; what a prior needs."""
    assert guard().owed == 30
    open_ = guard(Prior("bright", 6000, 3))
    hit = fed(open_, M)
    assert (hit.owed, fed(hit, M).owed, fed(hit, *[M] * 100).owed) == (40, 60, 60)
    assert 0.8**40 < 1 / 7000, "a scene that loses a fifth seldom looks clean for so long"
    assert fed(open_, *[2 * LIMIT] * 5000).clear
    assert not fed(open_, *[3 * LIMIT] * 5000).clear
    assert fed(open_, 500_000 + 2 * LIMIT - 1).clear
    assert not fed(open_, 500_000 + 2 * LIMIT).clear
    assert guard(Prior("bright", 299, 0)).owed == 30
    assert guard(Prior("bright", 300, 0)).clear
    assert scene_guard.PATIENCE == 25
    assert scene_guard.KEEN == 2


@pytest.mark.parametrize(("limit_ppm", "strikes"), [(5_000, 1), (10_000, 1), (20_000, 0)])
def test_a_single_loss_is_a_scene_to_leave_only_where_the_limit_allows_few(limit_ppm: int, strikes: int) -> None:
    """At two points one frame in fifty may differ: one seen in a hundred is no news. At half a point it is."""
    one = fed(guard(Prior("bright", 6000, 0)), 0, M, *[0] * 98, limit_ppm=limit_ppm)
    assert one.strikes == strikes


def test_two_losses_within_ten_looks_are_a_scene_to_leave_at_any_limit() -> None:
    """At two points as well, and whoever waits for a clear scene waits longer for each one that is seen."""
    left = fed(guard(Prior("bright", 6000, 0)), M, *[0] * 9, M, limit_ppm=20_000)
    assert (left.strikes, left.owed) == (1, HOLD_OWED)
    assert fed(left, M, limit_ppm=20_000).owed == MOST_OWED
    assert fed(guard(Prior("bright", 6000, 0)), M, *[0] * 11, M, limit_ppm=20_000).strikes == 0

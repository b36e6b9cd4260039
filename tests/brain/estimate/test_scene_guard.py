"""The scene guard: out fast where a scene is bad, back after clean frames, never locked out, and no prior opens the account."""

from dataclasses import replace

import numpy as np
import pytest

from adaptd.brain import tick
from adaptd.brain.estimate import scene_guard
from adaptd.brain.estimate.scene_guard import FIRST_OWED, HOLD_OWED, MOST_OWED, M
from adaptd.vocabulary import Prior, Shadow
from tests.brain.decide.plant import Board, facts, feeder

LIMIT = feeder().max_loss_ppm


def guard(*priors: Prior) -> scene_guard.Guard:
    """The guard of int8 in bright light."""
    found = scene_guard.start(feeder(), facts(priors=priors))
    return next(one for one in found if one.band == "bright")


def fed(one: scene_guard.Guard, *losses_ppm: int) -> scene_guard.Guard:
    """After these losses, in order."""
    shadows = tuple(Shadow("bright", "int8", loss) for loss in losses_ppm)
    return scene_guard.absorb((one,), shadows, LIMIT)[0]


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
    _, verdict = tick.step(state, second.snapshot, feeder(), Board().profile)
    assert verdict.point.variant == "fp16"
    assert ("account_open", False) in verdict.conditions

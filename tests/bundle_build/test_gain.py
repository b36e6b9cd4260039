"""Useless swaps, judged at the rates that the policy allows."""

from dataclasses import replace

import pytest

from adaptd.bundle_build.qualify.energy import Cost
from adaptd.bundle_build.qualify.gain import judge
from adaptd.config.policy import Policy

FAST, SLOW = 3600, 4600


def cost(marginal_uj: int, idle_mw: int, noise_mw: int = 0) -> Cost:
    """An energy as measured."""
    return Cost(marginal_uj, marginal_uj, idle_mw, noise_mw, "measured")


def at(policy: Policy, *fps: int) -> Policy:
    """The policy at these rates, 2 % of the frames shadowed."""
    return replace(policy, levels_mfps=tuple(1000 * rate for rate in fps), shadow_ppm=20_000, deadline_us=33_000)


def test_a_small_board_gains_at_30_fps_and_not_at_2(policy: Policy) -> None:
    """YOLOv8n on an Orin Nano Super: 36.2 against 22.8 mJ over 6.21 W idle save 5 % of the board at 30 fps, too little at 2."""
    gain = judge(at(policy, 2, 30), (cost(36_200, 6210), SLOW), (cost(22_800, 6210), FAST))
    assert [rate.gains for rate in gain.rates] == [False, True]
    assert gain.rates[1].saved_mw == 380
    assert not gain.no_gain
    assert gain.why == "saves 380 mW of 7296 mW at 30 fps (5.2 %)"


def test_a_big_board_gains_nothing_at_camera_rates(policy: Policy) -> None:
    """ResNet-50 on an H200: 40.5 against 29.4 mJ above 122 W of idle are 0.3 % of the board at 30 fps."""
    gain = judge(at(policy, 30), (cost(40_500, 122_000), 380), (cost(29_400, 122_000), 351))
    assert gain.no_gain
    assert gain.why == "saves 308 mW of 123215 mW at 30 fps, everywhere less than 2 x noise or 1 % of board power"


def test_a_dearer_variant_never_gains(policy: Policy) -> None:
    """MobileNetV3-Large in INT8 costs more than in FP16 there: the numbers in the sentence are negative."""
    gain = judge(at(policy, 30, 60), (cost(21_000, 122_000), 499), (cost(20_900, 122_000), 734))
    assert gain.no_gain
    assert "saves -10 mW" in gain.why


def test_noise_hides_a_saving(policy: Policy) -> None:
    """A saving under twice the noise of a power reading cannot be told from nothing."""
    quiet, noisy = ((cost(36_200, 6210, noise), SLOW) for noise in (50, 300))
    assert not judge(at(policy, 30), quiet, (cost(22_800, 6210), FAST)).no_gain
    assert judge(at(policy, 30), noisy, (cost(22_800, 6210), FAST)).no_gain


def test_evidence_can_cost_more_than_the_swap_earns(policy: Policy) -> None:
    """With half of all frames run on the reference as well, the saving is gone."""
    dear = replace(at(policy, 30), shadow_ppm=500_000)
    assert judge(dear, (cost(36_200, 6210), SLOW), (cost(22_800, 6210), FAST)).no_gain


@pytest.mark.parametrize(("fps", "no_gain"), [(30, True), (60, True), (220, False), (290, True)])
def test_keeping_a_deadline_that_the_reference_misses_is_a_gain(policy: Policy, fps: int, no_gain: bool) -> None:
    """Equal energy, but at 220 fps only the faster variant is done in time; at 290 fps neither is."""
    gain = judge(at(policy, fps), (cost(30_000, 6210), SLOW), (cost(30_000, 6210), FAST))
    assert gain.no_gain is no_gain
    if not no_gain:
        assert gain.why == "keeps the deadline at 220 fps, where the reference does not"

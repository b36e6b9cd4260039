"""What the report says is tried from the first frame is what the daemon tries, and no more."""

from dataclasses import replace

from adaptd.bundle_build.qualify.gain import admitted, flawless_needed
from adaptd.config.policy import Policy


def test_enough_pictures_that_agree_spare_the_wait(policy: Policy) -> None:
    """From the number that the report names on, in the band that was looked at and in no other."""
    needed = flawless_needed(policy)
    assert needed == 300
    assert admitted(policy, "int8", {"dim": (needed, 0)}) == {"night": False, "dim": True, "bright": False}
    assert not admitted(policy, "int8", {"dim": (needed - 1, 0)})["dim"]


def test_a_share_over_the_limit_does_not_spare_it(policy: Policy) -> None:
    """Fifteen of 3,000 frames are half a point and no more; sixteen are over it, however many frames there are."""
    assert admitted(policy, "int8", {"dim": (3000, 15)})["dim"]
    assert not admitted(policy, "int8", {"dim": (3000, 16)})["dim"]
    assert not admitted(policy, "int8", {"dim": (30_000, 151)})["dim"]


def test_a_policy_without_efficient_variants_admits_none(policy: Policy) -> None:
    """Nothing stands in for the reference, so there is nothing to prove."""
    alone = replace(policy, efficient=())
    assert admitted(alone, "int8", {"dim": (99_999, 0)}) == {}
    assert flawless_needed(alone) is None

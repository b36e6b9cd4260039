"""What the report calls proven is what the daemon admits, and no more."""

from dataclasses import replace

from adaptd.bundle_build.qualify.admission import admitted, flawless_needed
from adaptd.config.policy import Policy


def test_proof_costs_more_when_its_chance_of_error_is_shared(policy: Policy) -> None:
    """One band alone would need 919 flawless frames; three bands and later attempts share the 1 %, so 1,311 are needed."""
    needed = flawless_needed(policy)
    assert needed is not None
    assert 1200 < needed < 1400
    assert admitted(policy, "int8", {"dim": (needed, 0)}) == {"night": False, "dim": True, "bright": False}
    assert not admitted(policy, "int8", {"dim": (needed - 1, 0)})["dim"]


def test_few_differences_need_more_frames(policy: Policy) -> None:
    """One difference in 3,000 frames is admitted at 0.5 points, four are not, eight in 6,000 are."""
    assert admitted(policy, "int8", {"dim": (3000, 1)})["dim"]
    assert not admitted(policy, "int8", {"dim": (3000, 4)})["dim"]
    assert admitted(policy, "int8", {"dim": (6000, 8)})["dim"]


def test_a_policy_without_efficient_variants_admits_none(policy: Policy) -> None:
    """Nothing stands in for the reference, so there is nothing to prove."""
    alone = replace(policy, efficient=())
    assert admitted(alone, "int8", {"dim": (99_999, 0)}) == {}
    assert flawless_needed(alone) is None

"""Whether the daemon would try a variant in a band from its first frame: asked of the daemon's own scene guard.

Qualification never opens the loss account; it only spares a variant the clean frames that it would owe before it is tried.
"""

from collections.abc import Mapping

from adaptd.brain.estimate.scene_guard import PRIOR_FRAMES, start
from adaptd.config.policy import Policy
from adaptd.vocabulary import Prior, VariantFacts


def admitted(policy: Policy, variant: str, counts: Mapping[str, tuple[int, int]]) -> dict[str, bool]:
    """Per band: tried at once or not, by (frames, frames that differed). Empty for a variant that the policy does not name."""
    priors = tuple(Prior(band, n, disagreed) for band, (n, disagreed) in sorted(counts.items()))
    facts = VariantFacts(variant, energy_uj=0, latency_us=0, priors=priors)
    return {guard.band: guard.clear for guard in start(policy, (facts,)) if guard.variant == variant}


def flawless_needed(policy: Policy) -> int | None:
    """How many frames without a difference spare a variant the wait; None where the policy names no efficient variant."""
    return PRIOR_FRAMES if policy.efficient else None

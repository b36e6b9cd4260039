"""Whether the daemon would admit a variant on this evidence from its first frame: asked of the daemon's own rule.

The confidence bound of one band stands alone; the daemon shares the policy's chance of one wrong admission among all bands,
variants and attempts, so it asks for more. What the report calls proven is what the daemon admits.
"""

from collections.abc import Mapping

from adaptd.brain.estimate.accuracy import rules, start
from adaptd.config.policy import Policy
from adaptd.vocabulary import Prior, VariantFacts

MOST = 1 << 24


def admitted(policy: Policy, variant: str, counts: Mapping[str, tuple[int, int]]) -> dict[str, bool]:
    """Per band of the policy: admitted or not, by (frames, frames that differed). Empty for a variant that it does not name."""
    priors = tuple(Prior(band, n, disagreed) for band, (n, disagreed) in sorted(counts.items()))
    facts = VariantFacts(variant, energy_uj=0, latency_us=0, priors=priors)
    found = start(rules(policy), policy, (facts,), {})
    return {proof.word.band: proof.word.admitted for proof in found if proof.word.variant == variant}


def flawless_needed(policy: Policy) -> int | None:
    """How many frames without a difference admit a variant in a band; None where the policy names no efficient variant."""
    if not policy.efficient:
        return None
    variant, band = policy.efficient[0], policy.bands[0].name
    low, high = 0, 1
    while high < MOST and not admitted(policy, variant, {band: (high, 0)})[band]:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if admitted(policy, variant, {band: (middle, 0)})[band]:
            high = middle
        else:
            low = middle
    return high

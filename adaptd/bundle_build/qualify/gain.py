"""Is the swap worth anything? Decided at the rates that the policy allows, not back to back, where every saving looks large.

A variant gains at a rate when it saves board power beyond what can be noticed, max(2 x noise of a power reading, 1 % of board
power), with the reference's shadow frames counted against it; or when it keeps the deadline at a rate at which the reference
cannot.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from adaptd.brain.estimate.scene_guard import PRIOR_FRAMES, start
from adaptd.bundle_build.qualify.energy import Cost
from adaptd.config.policy import Policy
from adaptd.vocabulary import Prior, VariantFacts

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """What the swap does at one rate: board power with the reference, power saved, power that must be saved to count."""

    mfps: int
    board_mw: int
    saved_mw: int
    needed_mw: int
    keeps_time: bool

    @property
    def gains(self) -> bool:
        return self.saved_mw >= self.needed_mw or self.keeps_time

    @property
    def words(self) -> str:
        return f"{self.saved_mw} mW of {self.board_mw} mW at {self.mfps / 1000:g} fps"


@dataclass(frozen=True, slots=True)
class Gain:
    """``no_gain`` is the verdict on an efficient variant, ``why`` the sentence with the numbers."""

    no_gain: bool
    why: str
    rates: tuple[Rate, ...] = ()


def judge(policy: Policy, reference: tuple[Cost, int], efficient: tuple[Cost, int]) -> Gain:
    """Compare an efficient variant with the reference at every level of the policy.

    Each is given as its cost and the slowest of a hundred inferences (over all bands), in microseconds.
    """
    rates = tuple(_rate(policy, mfps, reference, efficient) for mfps in policy.grid_mfps)
    best = max((rate for rate in rates if rate.gains), key=lambda rate: rate.saved_mw - rate.needed_mw, default=None)
    if best is None:
        words = f"saves {', '.join(rate.words for rate in rates)}, everywhere less than 2 x noise or 1 % of board power"
    elif best.saved_mw < best.needed_mw:
        words = f"keeps the deadline at {best.mfps / 1000:g} fps, where the reference does not"
    else:
        words = f"saves {best.words} ({100 * best.saved_mw / max(best.board_mw, 1):.1f} %)"
    return Gain(no_gain=best is None, why=words, rates=rates)


def _rate(policy: Policy, mfps: int, reference: tuple[Cost, int], efficient: tuple[Cost, int]) -> Rate:
    (dear, slow_us), (cheap, fast_us) = reference, efficient
    board = dear.idle_mw + mfps * dear.marginal_uj // MILLION
    shadow_uj = policy.shadow_ppm * dear.marginal_uj // MILLION
    saved = mfps * (dear.marginal_uj - cheap.marginal_uj - shadow_uj) // MILLION
    needed = max(2 * max(dear.noise_mw, cheap.noise_mw), board // 100)
    limit = min(policy.deadline_us, 1_000_000_000 // mfps)
    return Rate(mfps, board, saved, needed, keeps_time=fast_us <= limit < slow_us)


def admitted(policy: Policy, variant: str, counts: Mapping[str, tuple[int, int]]) -> dict[str, bool]:
    """Per band: whether the daemon would try a variant from its first frame, by (frames, frames that differed).

    Asked of its own scene guard. Qualification never opens the loss account; it only spares a variant the clean frames that it
    would owe before it is tried. Empty for a variant that the policy does not name.
    """
    priors = tuple(Prior(band, n, disagreed) for band, (n, disagreed) in sorted(counts.items()))
    facts = VariantFacts(variant, energy_uj=0, latency_us=0, priors=priors)
    return {guard.band: guard.clear for guard in start(policy, (facts,)) if guard.variant == variant}


def flawless_needed(policy: Policy) -> int | None:
    """How many frames without a difference spare a variant the wait; None where the policy names no efficient variant."""
    return PRIOR_FRAMES if policy.efficient else None

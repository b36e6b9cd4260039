"""What follows from policy, profile and bundle alone, made once for all decisions under them."""

from dataclasses import dataclass

from adaptd.brain import pricing
from adaptd.brain.decide import decision
from adaptd.brain.estimate import account_table, thermal
from adaptd.brain.judge.rules import Rules, rules
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import VariantFacts

HORIZONS_S = (1.0, 6.0)
AHEAD_US = 1_500_000  # frames served before the next decision takes hold: a tick and what it may come late


@dataclass(frozen=True, slots=True)
class Tables:
    """What follows from policy, profile and facts alone."""

    columns: thermal.Columns
    ahead_s: thermal.Horizons
    rules: account_table.AccountRules
    cells: tuple[str, ...]
    ahead_frames: int
    judging: Rules
    frame: decision.DecisionFrame
    reference: str
    book: pricing.Book
    lease_us: int
    unwatched: bool
    label_uj: int | None


def tables(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> Tables:
    """Made once, when a brain is."""
    columns = thermal.columns(profile)
    unsupported = frozenset(one.name for one in profile.precisions if one.gains == "unsupported")
    return Tables(
        columns=columns,
        ahead_s=thermal.horizons(columns, HORIZONS_S),
        rules=account_table.rules(policy),
        cells=policy.cells,
        ahead_frames=-(-policy.target_mfps * policy.streams * AHEAD_US // 1_000_000_000),
        judging=rules(policy, profile),
        frame=decision.frame(policy, decision.dwell_us(profile), unsupported),
        reference=policy.reference,
        unwatched=profile.unwatched,
        book=pricing.book(policy, facts),
        lease_us=min(policy.efficient_lease_us, policy.reduced_lease_us),
        label_uj=profile.battery_uj,
    )

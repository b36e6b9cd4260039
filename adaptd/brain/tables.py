"""What follows from policy, profile and bundle alone, made once for all decisions under them."""

from dataclasses import dataclass, replace

from adaptd.brain import pricing
from adaptd.brain.decide import decision, shift
from adaptd.brain.estimate import account_table, foresight, thermal
from adaptd.brain.estimate.bands import Edges, edges
from adaptd.brain.judge.rules import Rules, rules
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import ModeFigures, PowerMode, VariantFacts

HORIZONS_S = (1.0, 12.0)
AHEAD_US = 1_500_000  # frames served before the next decision takes hold: a tick and what it may come late


@dataclass(frozen=True, slots=True)
class Tables:
    """What follows from policy, profile and facts alone, in one power mode.

    ``later``: what the policy expects of the day. ``stale`` are the variants that were not measured in the mode, ``idle_mw`` is
    what it draws there without a frame (0: unknown).
    """

    columns: thermal.Columns
    ahead_s: thermal.Horizons
    rules: account_table.AccountRules
    bands: tuple[Edges, ...]
    cells: tuple[str, ...]
    ahead_frames: int
    judging: Rules
    frame: decision.DecisionFrame
    reference: str
    book: pricing.Book
    lease_us: int
    unwatched: bool
    label_uj: int | None
    later: foresight.Foresight | None = None
    stale: frozenset[str] = frozenset()
    idle_mw: int = 0


def tables(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> Tables:
    """Made once, when a brain is."""
    columns = thermal.columns(profile)
    account, ahead_frames = account_table.rules(policy), -(-policy.target_mfps * policy.streams * AHEAD_US // 1_000_000_000)
    unsupported = frozenset(one.name for one in profile.precisions if one.gains == "unsupported")
    return Tables(
        columns=columns,
        ahead_s=thermal.horizons(columns, HORIZONS_S),
        rules=account,
        bands=edges(policy.bands),
        cells=policy.cells,
        ahead_frames=ahead_frames,
        judging=rules(policy, profile),
        frame=decision.frame(policy, decision.dwell_us(profile), unsupported),
        reference=policy.reference,
        unwatched=profile.unwatched,
        book=pricing.book(policy, facts),
        lease_us=min(policy.efficient_lease_us, policy.reduced_lease_us),
        label_uj=profile.battery_uj,
        later=foresight.foresight(policy, account, ahead_frames),
    )


class ByMode:
    """The tables of every power mode that figures are known of: an engine that was measured in one mode is void in another."""

    def __init__(self, home: Tables, policy: Policy, facts: tuple[VariantFacts, ...], figures: tuple[ModeFigures, ...]) -> None:
        self._modes = policy.modes
        self._void = replace(home, stale=frozenset(policy.efficient))
        self._known: dict[tuple[str, int], Tables] = {}
        for key in sorted({(one.mode, one.memory_khz) for one in figures}):
            own = {one.variant: one for one in figures if (one.mode, one.memory_khz) == key}
            if policy.reference in own:
                self._known[key] = _in_mode(home, policy, facts, own)

    def at(self, seen: PowerMode) -> Tables:
        """The tables of the mode in force."""
        return self._known.get((seen.name, seen.memory_khz), self._void)

    def follow(self, memory: shift.Shift | None, seen: PowerMode, now_us: int) -> tuple[Tables, shift.Modes]:
        """The tables of the mode in force, and what is known of power modes this tick."""
        here = self.at(seen)
        followed = shift.follow(memory, seen, here.idle_mw, now_us)
        return here, shift.Modes(followed, self._others(here, seen), bool(self._modes), here.reference)

    def _others(self, here: Tables, seen: PowerMode) -> list[shift.OtherMode]:
        """The modes of the policy that may be entered from here and are known, beside the one in force."""
        found = []
        for name, memory_khz in seen.open:
            there = self._known.get((name, memory_khz))
            if there is not None and name in self._modes and name != seen.name and here is not self._void:
                found.append(shift.OtherMode(name, _ratios(here, there), (there.idle_mw - here.idle_mw) / 1000.0))
        return found


def _in_mode(home: Tables, policy: Policy, facts: tuple[VariantFacts, ...], own: dict[str, ModeFigures]) -> Tables:
    there = []
    for fact in facts:
        one = own.get(fact.name)
        there.append(fact if one is None else replace(fact, energy_uj=one.energy_uj, latency_us=one.latency_us))
    stale = frozenset(name for name in policy.efficient if name not in own)
    return replace(home, book=pricing.book(policy, tuple(there)), stale=stale, idle_mw=own[policy.reference].idle_mw)


def _ratios(here: Tables, there: Tables) -> dict[str, tuple[float, float]]:
    """Energy and latency of a frame there over those here, of each variant that was measured in both."""
    found = {}
    for at, name in enumerate(here.book.names):
        if name not in here.stale and name not in there.stale:
            energy = there.book.joules[at] / here.book.joules[at]
            found[name] = (energy, float(there.book.book_us[at]) / float(here.book.book_us[at]))
    return found

"""What share of the frames runs on both engines while the reference serves: much while a variant waits for a clear scene.

While an efficient variant serves, the loss account says the share. ``shadow_ppm`` of the policy is a budget over any 24 hours:
looking stops when what is left of it is what the account needs in the day to come. Neighbouring frames show one scene, so
draws are kept apart: at most DRAWS_PER_S on average, never over half of all.
"""

from typing import NamedTuple

from adaptd.brain.decide.inputs import DecisionFrame, Inputs
from adaptd.brain.estimate.scene_guard import Guard
from adaptd.config.policy import Policy

PPM = 1_000_000
HOUR_US = 3_600_000_000
HOURS = 25  # 24 whole hours and the running one
DRAWS_PER_S = 2
BURST_PPM = 500_000
TRICKLE = 8  # what cannot win now is kept in sight with an eighth of the budgeted share


class Spent(NamedTuple):
    """Shadow frames of the running hour (first) and the 24 before it."""

    hour: int = 0
    frames: tuple[int, ...] = (0,) * HOURS


def spend(spent: Spent, frames: int, now_us: int) -> Spent:
    """Book ``frames`` to the hour of ``now_us``."""
    hour = now_us // HOUR_US
    gone = hour - spent.hour
    if gone <= 0:
        if not frames:
            return spent
        return Spent(spent.hour, (spent.frames[0] + frames, *spent.frames[1:]))
    moved = ((0,) * min(gone, HOURS) + spent.frames)[:HOURS]
    return Spent(hour, (moved[0] + frames, *moved[1:]))


def budget(shadow_ppm: int, target_mfps: int) -> int:
    """Shadow frames that any 24 hours may hold."""
    return target_mfps * 86_400 // 1000 * shadow_ppm // PPM


def free(spent: Spent, shadow_ppm: int, thin_ppm: int, target_mfps: int) -> int:
    """Shadow frames that may be drawn now and still leave the account its thinnest coin (``thin_ppm``) from here on.

    An hour falls out of the budget when it is a day old, so what is left is the least over every hour of the day to come.
    """
    an_hour = target_mfps * 3600 // 1000 * thin_ppm // PPM
    held = most = sum(spent.frames)
    for gone in spent.frames[:0:-1]:
        if gone > an_hour:  # the most is held where it falls next, or at the end
            most = max(most, held)
        held += an_hour - gone
    return budget(shadow_ppm, target_mfps) - max(most, held)


def share(halvings: int | None, shadow_ppm: int, rate_mfps: int, budget_left: int) -> int:
    """The share in ppm for a variant that is waited for, halved so often, or that is only kept in sight (None): a trickle."""
    if budget_left <= 0 or rate_mfps <= 0 or shadow_ppm <= 0:
        return 0
    spaced = min(BURST_PPM, DRAWS_PER_S * 1000 * PPM // rate_mfps)
    trickle = min(spaced, shadow_ppm // TRICKLE)
    return trickle if halvings is None else max(trickle, spaced >> halvings)


def looking(sight: Inputs, policy: Policy, table: DecisionFrame, guards: dict[str, Guard]) -> int:
    """The share in ppm to shadow while the reference serves: what the neediest useful variant asks for."""
    if not sight.log_ok or not sight.worker.alive or not guards:
        return 0
    best = 0
    for fact in sight.facts:
        guard = guards.get(fact.name)
        if guard is None or fact.no_gain or fact.name in table.unsupported or fact.name in sight.worker.quarantined:
            continue
        waited_for = sight.held.pays and guard.owed
        best = max(best, share(guard.halvings if waited_for else None, policy.shadow_ppm, table.rate_mfps, sight.to_look))
    return best

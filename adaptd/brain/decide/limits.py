"""What heat and budget leave for this tick, in watts: budgets at every moment and over a window, known and unknown."""

from math import sqrt

from adaptd.brain.decide.headroom import MEAN_SIGMAS, cap_w
from adaptd.brain.decide.inputs import Inputs
from adaptd.brain.decide.planner import POWER_SIGMAS, Caps, Option
from adaptd.config.policy import Policy

NO_BUDGET_W = 1e9


def caps_of(sight: Inputs, policy: Policy, options: list[Option]) -> Caps:
    """Watts that heat and budget leave, on average and for one tick."""
    drawn, limit = sight.drawn_w, policy.limit_mc / 1000.0
    budget, average = NO_BUDGET_W, NO_BUDGET_W
    if sight.budget_mw is not None and sight.average_w is None:
        budget = sight.budget_mw / 1000.0
    if sight.average_w is not None:
        average = sight.average_w
    if policy.peak_mw is not None:
        budget = min(budget, policy.peak_mw / 1000.0)
    unreachable = _unreachable(sight, policy, options[0])
    if sight.meterless or unreachable:
        # Nothing is measured that could be kept, or nothing that could be done keeps it: the floor is served all the same.
        least = NO_BUDGET_W if unreachable else _floor_w(sight, policy, options)
        budget, average = max(budget, least), max(average, least)
    budget -= sight.rise_w[1]  # what is rising will have risen further when this decision is looked at
    mean, peak = cap_w(sight.ahead[1:2], limit, drawn, MEAN_SIGMAS), cap_w(sight.ahead[:1], limit, drawn)
    if sight.modelled:  # what may have happened unseen costs rate down to the floor, and no more
        mean = min(mean, max(_floor_w(sight, policy, options), cap_w(sight.ahead[-1:], limit, drawn, MEAN_SIGMAS)))
    if sight.unwatched:  # nobody could tell that it is hot: the floor is all that is served, and is served
        mean = peak = NO_BUDGET_W
    return Caps(sight.base_w, mean, peak, budget, average, unreachable)


def _floor_w(sight: Inputs, policy: Policy, options: list[Option]) -> float:
    """A little more than the dearest variant draws at floor_fps."""
    return sight.base_w + 1.001 * policy.floor_mfps / 1000.0 * max([option.joules for option in options])


def _unreachable(sight: Inputs, policy: Policy, option: Option) -> bool:
    """Whether what is drawn without a frame surely passes the budget, so that a pause would not keep it either."""
    budget_mw, peak_mw = sight.budget_mw, policy.peak_mw
    if sight.unknown[1] or (budget_mw is None and peak_mw is None):
        return False
    least_w = sight.base_w - POWER_SIGMAS * sqrt(option.doubt[0])
    return (budget_mw is not None and least_w > budget_mw / 1000.0) or (peak_mw is not None and least_w > peak_mw / 1000.0)

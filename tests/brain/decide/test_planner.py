"""The planner against enumeration, and what each of its constants is for."""

import math
import random
from itertools import combinations

import pytest

from adaptd.brain.decide.inputs import dwell_us
from adaptd.brain.decide.planner import Caps, Option, Plan, choose, plan_variant, slice_tick
from tests.brain.decide.plant import board

NONE = (0.0, 0.0, 0.0)
OPEN = Caps(5.0, 1e9, 1e9, 1e9)


def random_case(draw: random.Random) -> tuple[Option, tuple[int, ...], Caps, float, int]:
    """Any engine, up to eight levels, caps that may bind in any order, a frame that may or may not be worth its energy."""
    joules, latency_us = draw.uniform(0.01, 0.6), draw.uniform(2000, 120_000)
    sd_w, sd_j, tie = draw.uniform(0, 0.3), draw.uniform(0, 0.3) * joules, draw.uniform(-0.9, 0.9)
    option = Option("int8", joules, latency_us, draw.uniform(0.001, 0.3), (sd_w * sd_w, tie * sd_w * sd_j, sd_j * sd_j))
    levels = tuple(sorted(draw.sample(range(1000, 60_001, 500), draw.randint(1, 8))))
    base_w, top_w = draw.uniform(2, 8), levels[-1] / 1000 * joules
    mean_w = base_w + draw.uniform(-0.2, 1.4) * top_w
    peak_w = mean_w + draw.uniform(0, 1) * top_w
    caps = Caps(base_w, mean_w, peak_w, base_w + draw.uniform(-0.1, 2.0) * top_w + 1)
    return option, levels, caps, draw.uniform(0, 3) * joules, int(draw.uniform(0.5, 3) * latency_us)


def enumerated(option: Option, levels: tuple[int, ...], caps: Caps, value_j: float, deadline_us: int) -> float | None:
    """The most worth of any level and any mixture of any two levels under the caps, written out anew."""
    z = (deadline_us - option.latency_us) / (option.latency_us * option.scatter)
    value_j *= 0.5 * math.erfc(-z / math.sqrt(2))
    a, b, c = option.doubt
    fits = []
    for level in levels:
        fps = level / 1000
        power = caps.base_w + fps * option.joules
        worth = value_j * min(fps, 0.95e6 / option.latency_us) - power
        sigma = math.sqrt(max(0.0, a + 2 * b * fps + c * fps * fps))
        if power <= caps.peak_w and power <= caps.budget_w - 3 * sigma:
            fits.append((power, worth))
    best = [worth for power, worth in fits if power <= caps.mean_w]
    for (low_w, low), (high_w, high) in combinations(fits, 2):
        if low_w <= caps.mean_w < high_w:
            best.append(low + (caps.mean_w - low_w) / (high_w - low_w) * (high - low))
    return max(best, default=None)  # type: ignore[type-var]


def test_no_mixture_of_any_two_levels_is_worth_more_and_no_cap_is_broken() -> None:
    """On 5,000 random engines, levels and caps the plan is as good as enumeration of all points and all pairs of points."""
    draw = random.Random(4)
    mixed = none = 0
    for _ in range(5000):
        option, levels, caps, value_j, deadline_us = random_case(draw)
        best, plan = (
            enumerated(option, levels, caps, value_j, deadline_us),
            plan_variant(option, levels, caps, value_j, deadline_us),
        )
        if plan is None or best is None:
            assert plan is None
            assert best is None
            none += 1
            continue
        assert plan.worth_w >= best - 0.002 * value_j * levels[-1] / 1000 - 1e-9
        assert plan.worth_w <= best + 0.002 * value_j * levels[-1] / 1000 + 1e-9
        mixed += 0 < plan.high_part < 1
        high_w = caps.base_w + plan.high_mfps / 1000 * option.joules
        assert plan.low_mfps in levels
        assert plan.high_mfps in levels
        assert plan.power_w <= caps.mean_w + 1e-9
        assert high_w <= min(caps.peak_w, caps.budget_w) + 1e-9
        assert plan.power_w == pytest.approx(caps.base_w + plan.mean_mfps / 1000 * option.joules)
    assert mixed > 100
    assert none > 300


def test_a_planner_that_only_takes_levels_would_be_found() -> None:
    """The mutant: without mixtures the same enumeration is worth more in dozens of the cases."""
    draw = random.Random(4)
    lost = 0
    for _ in range(2000):
        option, levels, caps, value_j, deadline_us = random_case(draw)
        best, plan = (
            enumerated(option, levels, caps, value_j, deadline_us),
            plan_variant(option, levels, caps, value_j, deadline_us),
        )
        if plan is not None and best is not None:
            alone = plan_variant(option, (plan.low_mfps,), Caps(caps.base_w, 1e9, 1e9, 1e9), value_j, deadline_us)
            assert alone is not None
            lost += alone.worth_w < best - 0.01 * value_j
    assert lost > 50


def test_time_slicing_serves_the_mean_in_every_window() -> None:
    """In any row of ticks the high level is served as often as planned, give or take one tick; the credit never leaves [0, 1)."""
    draw = random.Random(9)
    for _ in range(50):
        part, credit, owed = draw.random(), draw.randrange(1_000_000), 0.0
        plan = Plan("fp16", 5000, 10_000, part, 0.0, 0.0, "temperature")
        highs = []
        for _ in range(300):
            rate, credit = slice_tick(plan, credit)
            highs.append(rate == 10_000)
            assert 0 <= credit < 1_000_000
        for begin in range(0, 200, 17):
            for length in (1, 7, 50, 100):
                owed = part * length
                assert abs(sum(highs[begin : begin + length]) - owed) <= 1.001
    assert slice_tick(Plan("fp16", 5000, 5000, 0.0, 0.0, 0.0, ""), 77) == (5000, 77)


def plan(variant: str, worth_w: float, power_w: float = 10.0) -> Plan:
    """A plan worth ``worth_w``."""
    return Plan(variant, 15_000, 15_000, 0.0, worth_w, power_w, "most_worth")


@pytest.mark.parametrize(
    ("base_w", "earns_w", "held", "taken"),
    [
        (10.0, 0.045, "fp16", True),  # 0.4 % of 10 W is 40 mW
        (10.0, 0.035, "fp16", False),
        (10.0, 0.022, "int8", True),  # kept at half of that
        (10.0, 0.018, "int8", False),
        (0.5, 0.006, "fp16", True),  # on a very small board 5 mW
        (0.5, 0.004, "fp16", False),
    ],
)
def test_a_swap_must_earn_more_than_noise_and_is_kept_a_little_longer(
    base_w: float, earns_w: float, held: str, taken: bool
) -> None:
    """A swap pays from 0.4 % of the board's power (half of what shows at the socket), and is undone below half of that."""
    best, useless = choose([plan("fp16", 1.0, base_w), plan("int8", 1.0 + earns_w, base_w)], "fp16", held)
    assert (best.variant == "int8") is taken
    assert [one.variant for one in useless] == ([] if taken else ["int8"])


def test_of_several_variants_the_one_worth_most_is_chosen() -> None:
    """The reference counts like any other; where it does not fit, the best of the others needs to beat nobody."""
    assert choose([plan("fp16", 1.0), plan("int8", 1.5), plan("fp8", 1.6)], "fp16", "fp16")[0].variant == "fp8"
    assert choose([plan("int8", -3.0)], "fp16", "fp16")[0].variant == "int8"
    with pytest.raises(ValueError, match="no plan"):
        choose([], "fp16", "fp16")


@pytest.mark.parametrize(("budget_w", "fits"), [(10.32, True), (10.28, False)])
def test_the_budget_keeps_three_sigma_of_the_predicted_power(budget_w: float, fits: bool) -> None:
    """A point of 10.00 W known to 0.1 W fits a budget from 10.3 W on: it is then over it in one tick of 740."""
    option = Option("fp16", 0.5, 1000.0, 0.01, (0.01, 0.0, 0.0))
    planned = plan_variant(option, (10_000,), Caps(5.0, 1e9, 1e9, budget_w), 1.0, 100_000)
    assert (planned is not None) is fits


@pytest.mark.parametrize(("fps", "counted"), [(9.0, 9.0), (9.4, 9.4), (9.6, 9.5), (20.0, 9.5)])
def test_frames_beyond_what_an_engine_can_compute_are_worth_nothing(fps: float, counted: float) -> None:
    """An engine of 100 ms a frame is worth at most 9.5 frames a second: the rest of the time is for what comes in between."""
    option = Option("fp16", 0.0, 100_000.0, 0.001, NONE)
    planned = plan_variant(option, (int(fps * 1000),), OPEN, 1.0, 1_000_000)
    assert planned is not None
    assert planned.worth_w == pytest.approx(counted - 5.0, abs=0.001)


def test_a_rate_that_is_not_worth_its_energy_is_not_served() -> None:
    """Where a frame costs more than it brings, the lowest level is best, and the plan says so."""
    planned = plan_variant(Option("fp16", 0.6, 1000.0, 0.01, NONE), (5000, 10_000, 15_000), OPEN, 0.5, 100_000)
    assert planned is not None
    assert (planned.low_mfps, planned.rule) == (5000, "not_worth_more")


@pytest.mark.parametrize(
    ("caps", "rule", "low"),
    [
        (Caps(5.0, 1e9, 1e9, 10.5), "power_budget", 10_000),
        (Caps(5.0, 11.0, 11.0, 1e9), "temperature", 10_000),
        (Caps(5.0, 11.0, 1e9, 1e9), "temperature", 10_000),
        (OPEN, "most_worth", 15_000),
    ],
)
def test_the_plan_names_the_limit_that_binds(caps: Caps, rule: str, low: int) -> None:
    """Budget, heat in one tick and heat on average each leave their name; only the average allows a mixture."""
    planned = plan_variant(Option("fp16", 0.5, 1000.0, 0.01, NONE), (5000, 10_000, 15_000), caps, 1.0, 100_000)
    assert planned is not None
    assert (planned.rule, planned.low_mfps) == (rule, low)
    assert (planned.high_part > 0) is (caps.peak_w > caps.mean_w)


def test_a_dwell_is_half_of_the_dominant_time_constant() -> None:
    """A swap that is undone sooner has hardly moved the temperature: after half a time constant 39 % of its effect shows."""
    dominant = max(board().poles, key=lambda pole: pole.r_uk_per_mw)
    assert 1 - math.exp(-dwell_us(board()) / 1000 / dominant.tau_ms) == pytest.approx(0.39, abs=0.01)

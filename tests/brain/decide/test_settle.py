"""When a rate is changed: what a change costs, what noise may not do, and what no price holds up."""

import random

import pytest

from adaptd.brain.decide.planner import STEP_MFPS, Caps, Option, Plan, plan_between
from adaptd.brain.decide.settle import Held, Owed, settle

ENGINE = Option("fp16", 0.2, 10_000.0, 0.01, (0.0, 0.0, 0.0))
VALUE_J, FULL_W = 1.0, 15.0


def offered(mfps: int, rule: str = "power_budget") -> Plan:
    """A plan that a limit holds at this rate."""
    return Plan("fp16", mfps, mfps, 0.0, 0.8 * mfps / 1000 - 5.0, 5.0 + 0.2 * mfps / 1000, rule, 5.0, VALUE_J, mfps)


def held(now_mfps: int, owed: Owed = Owed()) -> Held:  # noqa: B008 - a frozen word
    """What is served now, between 5 and 15 fps."""
    return Held(now_mfps, 5000, 15_000, owed, FULL_W)


def ticks_until_taken(to: int, now: int) -> int:
    """Seconds until an offer that stays is taken."""
    owed = Owed()
    for count in range(1, 1000):
        plan, owed = settle(offered(to), ENGINE, held(now, owed), 1.0)
        if plan.low_mfps != now:
            assert plan.low_mfps == to
            return count
    return 1000


@pytest.mark.parametrize(("to", "seconds"), [(10_100, 188), (11_000, 19), (12_500, 8), (15_000, 4)])
def test_a_change_costs_what_the_target_rate_earns_in_a_second(to: int, seconds: int) -> None:
    """15 W s: a tenth of a frame more at 0.8 W a frame takes three minutes to earn that, half of the target four seconds."""
    assert ticks_until_taken(to, 10_000) == seconds


def test_a_rate_is_offered_three_times_before_it_is_taken() -> None:
    """However much it would earn: what is seen once or twice may be noise."""
    plenty = Owed(10**9, 0, 0)
    assert settle(offered(15_000), ENGINE, held(6000, plenty), 1.0)[0].low_mfps == 6000
    assert settle(offered(15_000), ENGINE, held(6000, Owed(10**9, 1, 15_000)), 1.0)[0].low_mfps == 6000
    assert settle(offered(15_000), ENGINE, held(6000, Owed(10**9, 2, 15_000)), 1.0)[0].low_mfps == 15_000


def test_the_least_that_was_offered_is_taken() -> None:
    """Offers of 14, 11 and 13 fps raise the rate to 11: what all of them allow."""
    owed = Owed(10**8, 0, 0)
    for to in (14_000, 11_000, 13_000):
        plan, owed = settle(offered(to), ENGINE, held(8000, owed), 10.0)
    assert plan.low_mfps == 11_000
    assert owed == Owed(risen_us=0)


def test_a_limit_is_obeyed_in_the_same_tick_and_a_little_more() -> None:
    """No price holds up a way down from a limit: half a per cent below it, so that the next breath of noise asks for nothing."""
    plan, owed = settle(offered(9000), ENGINE, held(12_000, Owed(5, 1, 13_000)), 1.0)
    assert 9000 - plan.low_mfps == pytest.approx(0.005 * 9000, abs=STEP_MFPS)
    assert (plan.low_mfps % STEP_MFPS, owed) == (0, Owed())
    assert settle(offered(5000), ENGINE, held(12_000), 1.0)[0].low_mfps == 5000, "never below the floor by that"


def test_a_rate_that_may_not_be_served_is_left_at_once() -> None:
    """Below the lowest and above the highest allowed there is nothing to hold."""
    assert settle(offered(15_000), ENGINE, held(4000), 1.0)[0].low_mfps == 15_000
    assert settle(offered(5000, "most_worth"), ENGINE, Held(9000, 5000, 5000, Owed(), FULL_W), 1.0)[0].low_mfps == 5000


def test_noise_of_the_limit_changes_the_rate_seldom() -> None:
    """A limit that scatters by 1 % from second to second: fewer than 90 changes an hour, none that a person would notice."""
    draw, now, owed, changes = random.Random(2), 10_000, Owed(), []
    for _ in range(3600):
        plan, owed = settle(offered(int(10_000 * draw.gauss(1.0, 0.01)) // 10 * 10), ENGINE, held(now, owed), 1.0)
        if plan.low_mfps != now:
            changes.append(abs(plan.low_mfps - now) / now)
            now = plan.low_mfps
    assert len(changes) < 90
    assert max(changes) < 0.1


def test_the_best_rate_between_is_as_good_as_any_on_a_fine_grid() -> None:
    """2,000 random engines and caps: no rate on a grid of hundredths is worth more and keeps every limit."""
    draw = random.Random(7)
    for _ in range(2000):
        joules = draw.uniform(0.02, 0.5)
        sd_w, sd_j = draw.uniform(0, 0.2), draw.uniform(0, 0.2) * joules
        option = Option("x", joules, draw.uniform(2000, 200_000), 0.01, (sd_w**2, -0.5 * sd_w * sd_j, sd_j**2))
        caps = Caps(5.0, 5 + draw.uniform(0, 20 * joules), 5 + draw.uniform(0, 20 * joules), 5 + draw.uniform(0, 20 * joules))
        plan = plan_between(option, 5000, 15_000, caps, draw.uniform(0.0, 3.0) * joules, 10**9)
        fits = [mfps for mfps in range(5000, 15_001, 250) if _fits(option, caps, mfps / 1000)]
        assert (plan is None) is (not _fits(option, caps, 5.0))
        if plan is not None:
            assert _fits(option, caps, plan.low_mfps / 1000 - 1e-9)
            best = max(_worth(option, plan.value_j, mfps / 1000) for mfps in fits)
            assert plan.worth_w >= best - 0.011 * max(plan.value_j, joules)


def _fits(option: Option, caps: Caps, fps: float) -> bool:
    a, b, c = option.doubt
    power = caps.base_w + fps * option.joules
    sigma = max(0.0, a + 2 * b * fps + c * fps * fps) ** 0.5
    return power <= min(caps.mean_w, caps.peak_w) + 1e-9 and power + 3 * sigma <= caps.budget_w + 1e-9


def _worth(option: Option, value_j: float, fps: float) -> float:
    return value_j * min(fps, 0.95e6 / option.latency_us) - 5.0 - fps * option.joules


def test_rates_are_whole_hundredths_of_a_frame() -> None:
    """Between 5 and 15 fps a budget for 9.888 frames a second is planned as 9.88."""
    plan = plan_between(ENGINE, 5000, 15_000, Caps(5.0, 1e9, 1e9, 5 + 9.888 * 0.2), 1.0, 10**9)
    assert plan is not None
    assert plan.low_mfps == 9880


def risen(back: int, risen_us: int, calm_us: int = 0) -> Owed:
    """A rate that was raised so long ago, after so many rises that a limit took back."""
    return Owed(10**10, 9, 15_000, back, calm_us, risen_us)


@pytest.mark.parametrize(
    ("to", "risen_us", "counted"),
    [(8000, 10_000_000, 1), (8000, 58_000_000, 1), (8000, 61_000_000, 0), (8800, 10_000_000, 1), (9300, 10_000_000, 0)],
)
def test_a_rise_that_a_limit_takes_back_within_a_minute_was_wrong(to: int, risen_us: int, counted: int) -> None:
    """By a tenth or more, and soon: then the next rise must earn more. Later the world has changed, and less nobody notices."""
    _, owed = settle(offered(to), ENGINE, held(10_000, risen(0, risen_us)), 1.0)
    assert owed.back == counted


def test_each_rise_taken_back_doubles_what_the_next_must_earn() -> None:
    """4 s, 8, 15, 30 and 60 at the most for the same half of the target; falling costs no more than before."""

    def seconds(back: int, to: int) -> int:
        owed = Owed(back=back)
        for count in range(1, 1000):
            plan, owed = settle(offered(to, "most_worth"), ENGINE, held(10_000, owed), 1.0)
            if plan.low_mfps != 10_000:
                return count
        return 1000

    assert [seconds(back, 15_000) for back in (0, 1, 2, 3, 4)] == [4, 8, 15, 30, 60]
    assert settle(offered(8000), ENGINE, held(10_000, risen(4, 10_000_000)), 1.0)[1].back == 4


def test_a_rise_that_was_wrong_is_forgotten_in_ten_minutes() -> None:
    """One of them at a time, counted from the last; and what was never wrong counts no time at all."""
    owed, plan = Owed(back=2), offered(10_000)
    for _ in range(600):
        owed = settle(plan, ENGINE, held(10_000, owed), 1.0)[1]
    assert (owed.back, owed.calm_us) == (1, 0)
    for _ in range(599):
        owed = settle(plan, ENGINE, held(10_000, owed), 1.0)[1]
    assert owed.back == 1
    assert settle(plan, ENGINE, held(10_000, owed), 1.0)[1] == Owed()


def test_protection_is_left_when_the_floor_was_offered_three_times() -> None:
    """A paused device and one below its floor wait for three offers; any other rate below the lowest is left at once."""
    for now in (0, 3000):
        rests = Held(now, 5000, 5000, Owed(), FULL_W, rests_mfps=5000)
        owed, taken = Owed(), []
        for _ in range(8):
            plan, owed = settle(offered(5000), ENGINE, Held(now, 5000, 5000, owed, FULL_W, rests_mfps=5000), 1.0)
            taken.append(plan.low_mfps)
        assert taken[:4] == [now, now, 5000, now]
        late = Held(now, 5000, 5000, Owed(back=1, ticks=4, least_mfps=5000), FULL_W, rests_mfps=5000)
        assert settle(offered(5000), ENGINE, late, 1.0)[0].low_mfps == now, "six times after a rise that was taken back"
        assert settle(offered(5000), ENGINE, rests, 1.0)[0].low_mfps == now
        assert settle(offered(5000), ENGINE, Held(now, 5000, 5000, Owed(), FULL_W), 1.0)[0].low_mfps == 5000

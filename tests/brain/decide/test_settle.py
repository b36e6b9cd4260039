"""When a rate is changed: what a change costs, what noise may not do, and what no price holds up."""

import random
from dataclasses import replace

import pytest

from adaptd.brain.decide.planner import STEP_MFPS, Caps, Option, Plan, plan_between
from adaptd.brain.decide.settle import Held, Owed, paused, settle

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
    """Offers of 14, 11 and 12 fps raise the rate to 11: what all of them allow."""
    owed = Owed(10**8, 0, 0)
    for to in (14_000, 11_000, 12_000):
        plan, owed = settle(offered(to), ENGINE, held(8000, owed), 10.0)
    assert plan.low_mfps == 11_000
    assert owed == Owed(risen_us=0)


def rates_of(offers: list[int], now: int, owed: Owed = Owed()) -> list[int]:  # noqa: B008 - a frozen word
    """The rates that are served under these offers, the ones that stay left out."""
    served = []
    for to in offers:
        plan, owed = settle(offered(to), ENGINE, held(now, owed), 1.0)
        if plan.low_mfps != now:
            now = plan.low_mfps
            served.append(now)
    return served


def test_room_that_opens_at_once_is_taken_in_one_step() -> None:
    """Half a minute of small offers has nearly earned a change when the supply is back: one step up, three offers later."""
    sag = [8000, *[8200, 8300, 8250] * 9]
    assert rates_of([*sag, 15_000, 15_000], 8000) == []
    assert rates_of([*sag, 15_000, 15_000, 14_000], 8000) == [14_000]
    assert rates_of([*sag, *[15_000] * 20], 8000) == [15_000]
    assert rates_of([*sag, 15_000, 15_000, 8200, 8200, 8200], 8000, Owed(10**8)) == [8200], "two looks are noise"
    assert rates_of([*sag, 10_000, *[15_000] * 20], 8000) == [15_000], "a leap on top of a leap begins anew"


def test_offers_that_drift_up_count_by_the_least() -> None:
    """A belief that is still being made offers more from look to look: what it offered first is taken, and not its last word."""
    assert rates_of([5400 + 20 * second for second in range(60)], 5000)[0] == 5400


def test_scatter_within_half_a_deviation_of_the_budget_moves_no_rate() -> None:
    """A budget is planned with three deviations and kept with two and a half: in between the served rate is held."""
    noisy = Option("x", 0.2, 10_000.0, 0.01, (0.01, 0.0, 0.0))
    plan = plan_between(noisy, 5000, 15_000, Caps(5.0, 1e9, 1e9, 7.3), 1.0, 10**9)
    assert plan is not None
    assert (plan.cap_mfps, plan.hold_mfps) == (pytest.approx(10_000, abs=1), pytest.approx(10_250, abs=1))
    assert settle(plan, noisy, held(10_240), 1.0)[0].low_mfps == 10_240
    assert settle(plan, noisy, held(10_260), 1.0)[0].low_mfps == 9950
    heat = plan_between(noisy, 5000, 15_000, Caps(5.0, 7.0, 1e9, 9.0), 1.0, 10**9)
    assert heat is not None
    assert heat.hold_mfps == heat.cap_mfps, "a temperature limit has no such room"


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
        assert settle(offered(5000), ENGINE, rests, 1.0)[0].low_mfps == now
        assert settle(offered(5000), ENGINE, Held(now, 5000, 5000, Owed(), FULL_W), 1.0)[0].low_mfps == 5000


@pytest.mark.parametrize(("vain", "offers"), [(0, 3), (1, 12), (2, 48), (4, 600)])
def test_each_protection_that_was_left_in_vain_waits_four_times_as_long(vain: int, offers: int) -> None:
    """A pause that would break the budget again within the second serves nobody: a try a minute becomes one in ten."""
    owed, served = Owed(vain=vain), []
    for _ in range(offers):
        plan, owed = settle(offered(5000), ENGINE, Held(0, 5000, 5000, owed, FULL_W, rests_mfps=5000), 1.0)
        served.append(plan.low_mfps)
    assert (served.index(5000) + 1, len(served)) == (offers, offers)


def test_only_a_rise_that_ends_where_nothing_fits_was_in_vain() -> None:
    """A pause a second after service began counts, four times at most; a rate that falls to what a limit leaves does not."""
    assert paused(risen(0, 1_000_000), 5000, 1.0).vain == 1
    assert paused(risen(0, 1_000_000)._replace(vain=4), 5000, 1.0).vain == 4
    assert paused(risen(0, 61_000_000), 5000, 1.0).vain == 0
    assert settle(offered(8000), ENGINE, held(10_000, risen(0, 1_000_000)), 1.0)[1].vain == 0
    forgotten = Owed(vain=1, calm_us=599_000_000)
    assert settle(offered(10_000), ENGINE, held(10_000, forgotten), 1.0)[1].vain == 0


def test_below_the_floor_a_rate_follows_no_noise() -> None:
    """Protected at 4 fps, offered 4.2: no service is regained by that, so it must earn its price as elsewhere."""
    rests = Held(4000, 0, 5000, Owed(), FULL_W, rests_mfps=5000)
    owed = Owed()
    for _ in range(20):
        plan, owed = settle(offered(4200), ENGINE, replace(rests, owed=owed), 1.0)
        assert plan.low_mfps == 4000

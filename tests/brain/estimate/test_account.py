"""The loss account: its bound holds by arithmetic alone, and nothing but delivered frames is ever a credit."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from adaptd.brain import tables, tick
from adaptd.brain.estimate import account, account_table
from adaptd.brain.estimate.account import M, Stratum
from adaptd.brain.estimate.account_table import SCALE
from adaptd.config.errors import ConfigError
from adaptd.config.policy import Policy, parse_policy
from adaptd.vocabulary import Stretch
from tests.brain.decide.plant import board, facts, feeder
from tests.conftest import ROOT

BAND = "bright"


def rules(**changes: object) -> account_table.AccountRules:
    """The tables of the feeder's policy, with changes."""
    return account_table.rules(replace(feeder(), **changes))  # type: ignore[arg-type]


def opened(known: account_table.AccountRules, now_us: int = 0) -> account.Account:
    """A window that has just been opened, with its loan."""
    return account.start(known, ("night", "dim", BAND), now_us)


def served(first: int, frames: int, share_ppm: int, shadowed: int = 0, differed: int = 0, **more: int) -> Stretch:
    """Frames of the efficient variant under a coin."""
    words = {"loss_ppm": differed * M, "last": first + frames - 1} | more
    return Stretch(BAND, "int8", share_ppm, frames, shadowed=shadowed, differed=differed, first=first, **words)


def of(one: account.Account) -> account.BandAccount:
    """The band under test."""
    return next(band for band in one.bands if band.band == BAND)


def booked(known: account_table.AccountRules, window: account.Account, *rows: Stretch) -> account.Account:
    """The rows, one report each."""
    for row in rows:
        window = account.observe(known, window, (row,), "fp16")
    return window


def credited(known: account_table.AccountRules, frames: int) -> account.Account:
    """A window in which the reference has delivered so many frames."""
    return booked(known, opened(known), Stretch(BAND, "fp16", 0, frames, first=0, last=frames - 1))


def exact(seen: int, share: float, alpha: float) -> int:
    """The largest loss that went out unseen and leaves at least ``alpha`` for seeing no more than ``seen``: binomial, exact."""

    def chance(frames: int) -> float:
        return sum(
            math.exp(
                math.lgamma(frames + 1) - math.lgamma(k + 1) - math.lgamma(frames - k + 1)
                + k * math.log(share) + (frames - k) * math.log(1 - share)
            )
            for k in range(seen + 1)
        )  # fmt: skip

    low, high = seen, int((seen + 100) / share)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if chance(middle) >= alpha else (low, middle)
    return low - seen


def float_bound(policy: Policy, strata: dict[int, float], used: tuple[int, ...]) -> float:
    """The bound of the module's docstring in doubles, written anew: frames."""
    shares = account_table.shares_of(policy.shadow_ppm)
    alpha = policy.alpha_ppm / M / len(policy.bands)
    best = math.inf
    for at, share_ppm in enumerate(shares):
        for top, bottom, weight in account_table.GRID:
            w = weight * (7 / 10 if at == len(shares) - 1 else 3 / 10 / (len(shares) - 1)) / 70
            q, v = share_ppm / M, top / bottom
            c = math.log((1 - q * v) / (1 - q))
            if any((1 - (1 - other / M) * math.exp(c)) <= 1e-15 for other in used):
                continue
            thetas = {other: -math.log((1 - (1 - other / M) * math.exp(c)) / (other / M)) for other in used}
            best = min(best, (sum(thetas[one] * strata.get(one, 0.0) for one in used) + math.log(1 / (alpha * w))) / c)
    return best


def test_the_factor_of_one_frame_is_at_most_one_on_average() -> None:
    """For every rate, row of the grid and loss in [0, 1] the mean factor under the coin is at most 1: a supermartingale."""
    for row, at in product(rules().grid, range(len(rules().shares))):
        theta = row.thetas[at]
        if theta is None:
            continue
        q = rules().shares[at] / M
        for c in np.geomspace(1e-4, 1.0, 40):
            # theta / c is what the table holds; with the row's own c the factor is 1 at a whole loss, with a smaller one below it
            for loss in np.linspace(0, 1, 21):
                top = (1 - q * math.exp(-theta * c / SCALE)) / (1 - q)
                if math.exp(c) <= top:
                    assert (1 - q) * math.exp(c * loss) + q * math.exp(-theta * c / SCALE * loss) <= 1 + 1e-12


def test_what_is_said_of_a_bound_is_never_less_than_the_bound() -> None:
    """Two digits, rounded up; all of the frames where none was delivered or the counts cannot be."""
    for ppm in (0, 1, 99, 100, 101, 4_950, 4_999, 176_000, 999_999):
        said = account._two_digits(ppm)
        assert ppm <= said <= ppm * 1.11 + 1
        assert len(str(said).rstrip("0")) <= 2
    fresh = account.start(rules(), ("dim", "night"), 0)
    served = Stretch("dim", "int8", rules().shares[0], 40, shadowed=8, first=0, last=39)
    after = account.observe(rules(), fresh, (served,), "fp16")
    assert account.standing(after) == {"dim": (8, 810_000), "night": (0, M)}
    wrong = account.observe(rules(), fresh, (replace(served, shadowed=41),), "fp16")
    assert account.standing(wrong)["dim"] == (0, M)


def test_the_weights_are_spent_once() -> None:
    """All components together start with a capital of 1 at most: their chances of error add up to alpha."""
    whole = account_table.GRID_SUM * (account_table.THIN_PART + account_table.OTHER_PART)
    assert sum(weight for _, _, weight in account_table.GRID) == account_table.GRID_SUM
    shares = account_table.shares_of(feeder().shadow_ppm)
    total = 0.0
    for at in range(len(shares)):
        for _, _, weight in account_table.GRID:
            top, bottom = account_table._weight(shares, at, weight)
            total += top / bottom
    assert whole > 0
    assert total <= 1 + 1e-12


@pytest.mark.parametrize("seen", [0, 1, 2, 3, 5, 10, 20, 50, 200])
def test_the_integers_say_what_the_formula_says(seen: int) -> None:
    """At every rate, alone and mixed, the integer bound lies above the float formula, by less than a thousandth."""
    known = rules()
    for used in [(one,) for one in known.shares] + [known.shares]:
        strata = tuple(
            Stratum(1000, 0, seen * M if share == used[-1] else 0) if share in used else Stratum() for share in known.shares
        )
        wanted = float_bound(feeder(), {used[-1]: float(seen)}, used)
        assert wanted <= account.bounds(known, strata, 0)[0] / M <= wanted * 1.001 + 0.01


def test_the_bound_is_within_1_3_of_the_exact_one() -> None:
    """In a million frames under the thin coin: at no loss seen and at ten the bound is at most 1.3 times the binomial one."""
    known = rules()
    thin = known.shares[-1]
    for seen in (0, 10):
        strata = (*(Stratum() for _ in known.shares[:-1]), Stratum(1_000_000, 1_000_000 * thin // M, seen * M))
        bound = account.bounds(known, strata, 0)[0] / M
        best = exact(seen, thin / M, feeder().alpha_ppm / M / len(feeder().bands))
        assert best <= bound <= 1.3 * best


def test_the_bound_covers_what_went_out_whatever_the_losses_follow() -> None:
    """5,000 streams of losses by an adversary who sees every coin that fell: no more than alpha pass the bound at any time."""
    rng = np.random.default_rng(5)
    known, alpha = rules(), feeder().alpha_ppm / M / len(feeder().bands)
    share, broken, count = known.shares[0], 0, 5000
    bounds = []
    for seen in range(60):
        strata = (Stratum(1, 0, seen * M), *(Stratum() for _ in known.shares[1:]))
        bounds.append(account.bounds(known, strata, 0)[0] / M)
    for _ in range(count):
        coins = rng.random(400) < share / M
        seen = np.minimum(np.cumsum(coins), 59)
        stop_at_first_seen = rng.random() < 0.5  # he loses everything until he is caught, or for ever
        lost = np.cumsum(~coins & (np.cumsum(coins) == 0 if stop_at_first_seen else True))
        told = np.minimum(seen, 1) if stop_at_first_seen else seen
        broken += bool((lost > np.array(bounds)[told]).any())
    assert broken / count <= alpha + 3 * math.sqrt(alpha / count)


def test_more_losses_seen_never_lower_the_debit_and_thinner_coins_bound_less() -> None:
    """The bound rises with what was seen, at every rate, and a thinner coin in use never makes it smaller."""
    known = rules()
    for at in range(len(known.shares)):
        last = 0
        for seen in range(40):
            strata = tuple(Stratum(1000, 0, seen * M) if each == at else Stratum() for each in range(len(known.shares)))
            value = account.bounds(known, strata, 0)[0]
            assert value >= last
            last = value
            assert all(account.bounds(known, strata, 0, also)[0] >= value for also in range(at, len(known.shares)))


def test_the_debit_never_passes_what_is_allowed() -> None:
    """Whatever is lost, an engine that serves no more frames than it was offered keeps the promise at every moment."""
    rng = np.random.default_rng(1)
    known = rules()
    for world in range(30):
        window, first, lost = opened(known), 0, 0
        chance = float(rng.choice([0.0, 0.003, 0.05, 1.0]))
        for _ in range(400):
            offer = account.offer(known, window, BAND, 20)
            frames = min(offer.frames, 15)
            if frames <= 0:
                window = booked(known, window, Stretch(BAND, "fp16", 0, 15, first=first, last=first + 14))
                first += 15
                continue
            coins, wrong = rng.random(frames) < offer.share_ppm / M, rng.random(frames) < chance
            lost += int((wrong & ~coins).sum())
            row = served(first, frames, offer.share_ppm, int(coins.sum()), int((coins & wrong).sum()))
            window = booked(known, window, row)
            first += frames
            one = of(window)
            assert one.debit_ppm <= account.credit_ppm(known, window, one), world
        assert lost * M <= account.credit_ppm(known, window, of(window))


@pytest.mark.parametrize(
    "row",
    [
        served(0, 10, 160_000, shadowed=11),
        served(0, 10, 160_000, shadowed=-1),
        served(0, -10, 160_000, last=5),
        served(0, 10, 160_000, shadowed=2, differed=3),
        served(0, 10, 160_000, shadowed=2, differed=1, loss_ppm=2 * M),
        served(0, 10, 160_000, shadowed=2, differed=1, late_ppm=2 * M),
        served(20, 10, 160_000, last=10),
    ],
)
def test_counts_that_cannot_be_close_the_account(row: Stretch) -> None:
    """More shadows than frames, negative counts, frames that run backwards: no credit, and nothing is served on them any more."""
    known = rules()
    before = credited(known, 100_000)
    row = replace(row, first=row.first + 100_000, last=row.last + 100_000)
    assert account.offer(known, before, BAND, 20).frames > 0
    after = booked(known, before, row)
    assert of(after).broken
    assert of(after).delivered == of(before).delivered
    assert account.offer(known, after, BAND, 20) == account.CLOSED


def test_a_frame_number_that_comes_again_is_no_credit() -> None:
    """A frame counter that goes backwards would throw a coin that has been seen: the account shuts."""
    known = rules()
    window = credited(known, 100_000)
    assert of(booked(known, window, served(99_999, 10, 160_000, 2))).broken == "frames_go_back"
    assert not of(booked(known, window, served(100_000, 10, 160_000, 2))).broken


def test_frames_under_no_known_coin_are_lost_in_full() -> None:
    """A share that the policy does not have proves nothing: every such frame counts as lost, now and later."""
    known = rules()
    window = booked(known, credited(known, 100_000), served(100_000, 50, 12_345, 5))
    assert of(window).debit_ppm == 50 * M
    assert of(booked(known, window, served(100_050, 1000, known.shares[0], 160))).debit_ppm >= 50 * M


def test_a_coin_that_was_not_tossed_closes_the_account() -> None:
    """Thousands of frames without one shadow are no luck: the account shuts."""
    known = rules()
    window = booked(known, credited(known, 100_000), served(100_000, 5000, known.shares[0], 0))
    assert of(window).broken == "coin_not_tossed"


def test_a_shadow_that_came_too_late_counts_in_full() -> None:
    """Where the efficient answer went out although its loss was seen, that loss is delivered and no bound takes it back."""
    known = rules()
    window = booked(known, credited(known, 100_000), served(100_000, 10, known.shares[0], 2, 1, late_ppm=M))
    assert of(window).whole_ppm == M


def test_the_loan_lets_it_start_and_is_paid_back_within_16_000_frames() -> None:
    """80 frames are lent: open from the first frame on; from 16,000 delivered frames on the credit is more than the loan."""
    known = rules(loan_frames=80)
    window = opened(known)
    assert account.offer(known, window, BAND, 23).frames == 80
    assert account.credit_ppm(known, window, of(credited(known, 15_999))) == 80 * M
    assert account.credit_ppm(known, window, of(credited(known, 16_001))) > 80 * M


def test_a_restart_goes_on_in_the_same_window_and_lends_nothing() -> None:
    """Counts, debit and loan stay; what was left of the window's time stays too, however long the device was off."""
    policy, profile, known = feeder(), board(), rules()
    state = tick.Brain(policy, profile, facts()).start(1, 0)
    window = booked(known, state.account, served(0, 60, known.shares[0], 10))
    state = replace(state, account=window, now_us=3_600_000_000)
    again = tick.Brain(policy, profile, facts()).resume(state, 2, 5_000_000_000)
    assert of(again.account)._replace() == of(window)
    assert again.account.number == window.number
    assert again.now_us - again.account.opened_us == state.now_us - window.opened_us


def test_a_crash_while_int8_served_is_lost_in_full() -> None:
    """What nobody recorded may have gone wrong: two seconds of frames are charged, and never credited."""
    policy, profile, known = feeder(), board(), rules()
    state = tick.Brain(policy, profile, facts()).start(1, 0)
    state = replace(state, account=credited(known, 100_000), band=BAND)
    told = (served(100_000, 15, known.shares[0], 2),)
    clean = tick.Brain(policy, profile, facts()).resume(state, 2, 10, told, clean=True)
    cut = tick.Brain(policy, profile, facts()).resume(state, 2, 10, told, clean=False)
    assert of(cut.account).debit_ppm - of(clean.account).debit_ppm == 31 * M
    assert of(cut.account).delivered == of(clean.account).delivered


@pytest.mark.parametrize(
    "change", [{"max_loss_ppm": 20_000}, {"alpha_ppm": 20_000}, {"window_us": 3_600_000_000}, {"miss_weight_ppm": 4_000_000}]
)
def test_a_reload_that_promises_something_else_opens_a_window_without_a_loan(change: dict[str, int]) -> None:
    """Reloading and restarting buy no credit: not the old frames under a new limit, and no second loan."""
    policy, profile = feeder(), board()
    state = replace(tick.Brain(policy, profile, facts()).start(1, 0), account=credited(rules(), 100_000))
    other = replace(policy, **change)  # type: ignore[arg-type]
    for after in (tick.Brain(other, profile, facts()).adopt(state), tick.Brain(other, profile, facts()).resume(state, 2, 10)):
        assert after.account.number == state.account.number + 1
        assert after.account.loan_ppm == 0
        assert of(after.account).delivered == 0
    same = tick.Brain(replace(policy, name="again"), profile, facts()).adopt(state)
    assert same.account == state.account


def test_frames_that_no_stretch_tells_of_are_lost_in_full() -> None:
    """A worker that says it served INT8, and not under which coin, draws on the account and earns nothing."""
    from tests.brain.decide.plant import Board

    second = next(one for one in Board().run(120) if one.verdict.point.variant == "int8" and one.at > 60)
    untold = replace(second.snapshot.worker, stretches=())
    frames = sum(one.frames for one in untold.served if one.variant == "int8")
    before = of(second.before.account)
    state, _ = tick.Brain(feeder(), board(), second.before.facts).step(second.before, replace(second.snapshot, worker=untold))
    assert frames > 0
    assert of(state.account).debit_ppm == before.debit_ppm + frames * M
    assert of(state.account).delivered == before.delivered


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("shadow_pct: 2", "window_h: 0\n  shadow_pct: 2", "window_h"),
        ("shadow_pct: 2", "window_h: 10000\n  shadow_pct: 2", "window_h"),
        ("max_loss_points: 0.5", "max_loss_points: 0", "max_loss_points"),
        ("shadow_pct: 2", "shadow_pct: 101", "shadow_pct"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused(old: str, new: str, field: str) -> None:
    """A window of nothing or of a year, a limit of 0, more shadows than frames: refused with the field's name."""
    text = (ROOT / "policies" / "feeder.yaml").read_text()
    assert old in text
    with pytest.raises(ConfigError, match=field):
        parse_policy(text.replace(old, new, 1))


def test_without_shadows_nothing_opens_and_with_all_of_them_half_is_the_most() -> None:
    """No shadow frames, no evidence: the account stays shut. A budget of all frames still tosses a coin, of a half at most."""
    none = rules(shadow_ppm=0)
    assert account.offer(none, credited(none, 100_000), BAND, 1) == account.CLOSED
    assert rules(shadow_ppm=M).shares[0] == 500_000


def test_where_the_budget_is_spoken_for_only_the_thinnest_coin_serves() -> None:
    """Lean: the thinnest rate where its bound fits, else nothing at all; never a thick coin that the budget does not hold."""
    known = rules()
    young, grown = credited(known, 30_000), credited(known, 400_000)
    assert account.offer(known, young, BAND, 23).share_ppm > known.shares[-1]
    assert account.offer(known, young, BAND, 23, lean=True) == account.CLOSED
    assert account.offer(known, grown, BAND, 23, lean=True).share_ppm == known.shares[-1]


def test_windows_follow_the_monotonic_clock_alone() -> None:
    """A window ends after its time on the monotonic clock; nothing else, such as a wall clock, enters."""
    known = rules()
    window = opened(known, 5)
    assert not account.due(known, window, known.window_us + 4)
    assert account.due(known, window, known.window_us + 5)


def test_the_numbers_of_the_account_are_those_of_the_page() -> None:
    """Rates of the coin, the loan and the reach of a tick as docs/control.md explains them, seen in what follows from them."""
    known = rules()
    assert known.shares == (160_000, 40_000, 10_000), "a burst, twice the share, half of it"
    assert account_table.shares_of(400_000) == (500_000, 200_000, 160_000), "never more than half"
    opening = min(row.base_ppm for row in known.grid)
    assert known.loan_ppm == (-(-opening // M) + 2 * 15) * M, "the bound at the opening and two seconds of frames"
    assert 40 <= opening / M <= 60
    frames = 100_000
    expected = frames * known.shares[-1] / M
    honest = int(expected - 7 * math.sqrt(expected))
    silent = int(expected - 9.5 * math.sqrt(expected))
    assert not of(booked(known, credited(known, frames), served(frames, frames, known.shares[-1], honest))).broken
    assert of(booked(known, credited(known, frames), served(frames, frames, known.shares[-1], silent))).broken
    assert tables.AHEAD_US == 1_500_000
    assert account.offer(known, credited(known, 100), BAND, 23).frames >= 23

"""INT8 is admitted only when it is proven, and sent back soon after it stops being good."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from adaptd.config.policy import Policy, parse_policy
from adaptd.vocabulary import Prior, Shadow, VariantFacts
from tests.brain.estimate import arrivals, streams
from tests.brain.estimate import old_admission as accuracy
from tests.brain.estimate.old_betting import M

LIMIT, ALPHA = 0.005, 0.01


@pytest.fixture
def policy(feeder_text: str) -> Policy:
    """The feeder with one band, so that the first attempt may spend a known share of alpha."""
    feeder = parse_policy(feeder_text)
    return replace(feeder, bands=(replace(feeder.bands[-1], down_at_mlx=None),))


def facts(*priors: Prior) -> tuple[VariantFacts, ...]:
    """A reference, and an efficient variant with what qualification says."""
    return VariantFacts("fp16", 36_200, 4430), VariantFacts("int8", 22_800, 3490, priors=priors)


def feed(table: accuracy.Rules, proofs: tuple[accuracy.Proof, ...], losses: list[int]) -> list[accuracy.Proof]:
    """The proof of bright light after each loss."""
    seen = []
    for at, loss in enumerate(losses):
        proofs = accuracy.absorb(table, proofs, (Shadow("bright", "int8", loss),), at)
        seen.append(proofs[-1])
    return seen


def first_alpha(table: accuracy.Rules) -> float:
    """What the first attempt may spend."""
    top, bottom = table.thresholds[0]
    return bottom / top


def test_all_attempts_in_all_bands_spend_at_most_alpha(feeder_text: str) -> None:
    """However often a variant comes back, the chance of any wrong admission stays below the policy's alpha."""
    feeder = parse_policy(feeder_text)
    table = accuracy.rules(feeder)
    spent = sum(Fraction(bottom, top) for top, bottom in table.thresholds) * len(feeder.bands) * len(feeder.efficient)
    assert Fraction(95, 100) * feeder.alpha_ppm / M <= spent <= Fraction(feeder.alpha_ppm, M)


def test_the_shares_of_capital_make_one_whole() -> None:
    """The mixtures start with a capital of exactly 1; more would admit too early, less too late."""
    assert sum(Fraction(*weight) for weight in accuracy.ADMIT_WEIGHTS) == 1
    assert Fraction(*accuracy.REVOKE_WEIGHT) * len(accuracy.REVOKE_BETS) == 1


def test_no_loss_is_admitted_within_a_tenth_of_the_information_bound() -> None:
    """A perfect variant waits at most 1.1 times ln(1/alpha) / KL(0 || limit) shadow frames, for every alpha up to 10 %."""
    for alpha in (0.1, 0.05, 0.01, 0.002):
        samples = streams.admitted_at(np.zeros((1, 2500), dtype=bool), LIMIT, alpha)[0]
        assert 0 < samples <= 1.1 * math.log(1 / alpha) / -math.log(1 - LIMIT)


def test_the_integers_admit_where_the_doubles_do(policy: Policy) -> None:
    """On random streams the exact capital crosses its threshold at the very sample at which the numpy oracle does."""
    table = accuracy.rules(policy)
    losses = streams.draw(np.random.default_rng(3), 0.001, 6, 3000)
    losses[0] = False
    expected = streams.admitted_at(losses, LIMIT, first_alpha(table))
    for stream, at in zip(losses, expected, strict=True):
        seen = feed(table, accuracy.start(table, policy, facts(), {}), [int(x) * M for x in stream])
        assert [proof.word.admitted for proof in seen].index(True) + 1 == at if at else not seen[-1].word.admitted


def test_a_variant_at_the_limit_is_admitted_no_more_often_than_stated() -> None:
    """Over 10,000 streams of 20,000 at the limit, wrong admissions stay below alpha plus three sigma, whenever one looks."""
    passes = arrivals.mixture(LIMIT, ALPHA)
    wrong = arrivals.wrong_share(np.random.default_rng(11), passes, LIMIT, 10_000, 20_000)
    assert wrong <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / 10_000)


def test_fractional_losses_count_for_what_they_are(policy: Policy) -> None:
    """A detector that loses 0.2 % on every frame is as provable as one that loses all on 0.2 % of them."""
    table = accuracy.rules(policy)
    seen = feed(table, accuracy.start(table, policy, facts(), {}), [2000] * 3000)
    admitted = [proof.word.admitted for proof in seen].index(True) + 1
    assert math.log(1 / first_alpha(table)) / 0.003 * 0.9 < admitted < 3000
    assert not feed(table, accuracy.start(table, policy, facts(), {}), [5000] * 3000)[-1].word.admitted


def test_two_per_cent_loss_is_found_within_a_thousand_shadow_frames() -> None:
    """After 50,000 good frames a jump to 2 % is revoked within 1,000 frames in the median."""
    rng = np.random.default_rng(2)
    good = 50_000
    losses = np.concatenate([streams.draw(rng, 0.001, 25, good), streams.draw(rng, 0.02, 25, 6000)], axis=1)
    found = streams.revoked_at(losses, LIMIT, accuracy.ALARM_RUN, good)
    assert (found > 0).all(), "a false alarm before the change, or no alarm after it"
    assert np.median(found - good) <= 1000


def test_false_alarms_are_rarer_than_the_stated_run() -> None:
    """At the limit itself the mean time between alarms is at least the threshold (E[R_n] = n), here for a threshold of 300."""
    rng = np.random.default_rng(4)
    found = streams.revoked_at(streams.draw(rng, LIMIT, 2000, 4000), LIMIT, 300)
    censored = np.where(found == 0, 4000, found)
    assert censored.mean() + 3 * censored.std() / math.sqrt(len(censored)) >= 300


def test_the_integers_revoke_where_the_doubles_do(policy: Policy) -> None:
    """The exact statistic raises its alarm at the very frame at which the numpy oracle does, and starts a new attempt."""
    table = accuracy.rules(policy)
    losses = streams.draw(np.random.default_rng(8), 0.03, 3, 1500)
    prior = facts(Prior("bright", 4000, 0))
    for stream, at in zip(losses, streams.revoked_at(losses, LIMIT, 1_000_000), strict=True):
        seen = feed(table, accuracy.start(table, policy, prior, {}), [int(x) * M for x in stream])
        assert [proof.attempt for proof in seen].index(1) + 1 == at
        assert [proof.word.admitted for proof in seen].index(False) + 1 == at
        revoked = seen[at - 1]
        assert (revoked.word.samples, revoked.word.bound_ppm, revoked.alarms) == (0, M, 1)


def test_a_second_attempt_needs_more_than_the_first(policy: Policy) -> None:
    """After a revocation the next admission may spend a quarter of the first's alpha, so it waits longer."""
    table = accuracy.rules(policy)
    needed = []
    for used in (0, 1, 2):
        start = accuracy.start(table, policy, facts(), {("bright", "int8"): used})
        seen = feed(table, start, [0] * 2500)
        needed.append([proof.word.admitted for proof in seen].index(True))
    assert needed[0] < needed[1] < needed[2]


def test_attempts_run_out(policy: Policy) -> None:
    """When every attempt is spent, the variant stays on the reference for good."""
    table = accuracy.rules(policy)
    start = accuracy.start(table, policy, facts(Prior("bright", 100_000, 0)), {("bright", "int8"): len(accuracy.SPEND_PPT)})
    assert not feed(table, start, [0] * 50)[-1].word.admitted


def test_a_good_qualification_starts_a_band_admitted(policy: Policy) -> None:
    """3,000 frames with 2 disagreements prove 0.5 points at 99 %; 3,000 with 30 do not, and 100 are too few."""
    table = accuracy.rules(policy)
    for prior, admitted in (
        (Prior("bright", 3000, 2), True),
        (Prior("bright", 3000, 30), False),
        (Prior("bright", 100, 0), False),
    ):
        word = accuracy.start(table, policy, facts(prior), {})[-1].word
        assert word.admitted is admitted
        assert word.samples == prior.n
        assert (word.bound_ppm <= policy.max_loss_ppm) is admitted


def test_a_prior_is_the_same_evidence_as_its_frames(policy: Policy) -> None:
    """Qualification enters the same process once: its capital is that of its frames, and frames on the device add to it."""
    table = accuracy.rules(policy)
    block = accuracy.start(table, policy, facts(Prior("bright", 400, 1)), {})[-1]
    frames = feed(table, accuracy.start(table, policy, facts(), {}), [0] * 399 + [M])[-1]
    for one, other in zip(block.capital, frames.capital, strict=True):
        assert one[0] * 2.0 ** one[1] == pytest.approx(other[0] * 2.0 ** other[1], rel=1e-12)
    assert (block.device_samples, frames.device_samples) == (0, 400)
    assert feed(table, (block,), [0])[-1].word.samples == 401


def test_a_wrong_qualification_is_found_on_the_device(policy: Policy) -> None:
    """A band that started admitted by its prior and really loses 5 % is revoked within 600 shadow frames."""
    table = accuracy.rules(policy)
    start = accuracy.start(table, policy, facts(Prior("bright", 5000, 1)), {})
    assert start[-1].word.admitted
    losses = streams.draw(np.random.default_rng(6), 0.05, 1, 600)[0]
    assert not feed(table, start, [int(x) * M for x in losses])[-1].word.admitted


def test_a_hopeless_attempt_gives_way_to_a_new_one(policy: Policy) -> None:
    """A variant that was bad for 20,000 frames can still be proven after it was repaired, at the price of a smaller alpha."""
    table = accuracy.rules(policy)
    proof = accuracy.start(table, policy, facts(Prior("bright", accuracy.HOPELESS_AFTER - 1, 900)), {})[-1]
    after = feed(table, (proof,), [M])[-1]
    assert (after.attempt, after.word.samples) == (1, 0)
    assert feed(table, (after,), [0] * 2500)[-1].word.admitted


def test_a_shadow_of_another_band_or_variant_proves_nothing_here(policy: Policy) -> None:
    """Evidence is never pooled: other bands and unknown variants leave a proof as it was."""
    table = accuracy.rules(policy)
    start = accuracy.start(table, policy, facts(), {})
    assert accuracy.absorb(table, start, (Shadow("night", "int8", 0), Shadow("bright", "fp8", 0)), 5) == start
    assert accuracy.absorb(table, start, (), 5) is start


def test_admitted_means_bound_at_or_below_the_limit(policy: Policy) -> None:
    """What is shown and what is done agree at every sample, and the bound never rises while an attempt lasts."""
    table = accuracy.rules(policy)
    losses = streams.draw(np.random.default_rng(9), 0.0008, 1, 4000)[0]
    seen = feed(table, accuracy.start(table, policy, facts(), {}), [int(x) * M for x in losses])
    bounds = [proof.word.bound_ppm for proof in seen]
    assert bounds == sorted(bounds, reverse=True)
    assert all((bound <= policy.max_loss_ppm) <= proof.word.admitted for bound, proof in zip(bounds, seen, strict=True))
    assert all(bound <= policy.max_loss_ppm for bound, proof in zip(bounds, seen, strict=True) if proof.word.admitted)


def growth(loss: float, bet: tuple[int, int]) -> float:
    """Expected log growth a frame of a bet, at a true mean loss."""
    part = bet[0] / bet[1]
    agree = (1 - loss) * math.log((1 - part * LIMIT) / (1 - LIMIT))
    if not loss:
        return agree
    return agree + loss * math.log(part) if part else -math.inf


def information(loss: float) -> float:
    """KL(loss || limit): no test against the limit can grow faster."""
    return (1 - loss) * math.log((1 - loss) / (1 - LIMIT)) + (loss * math.log(loss / LIMIT) if loss else 0.0)


def test_the_bets_are_the_best_for_their_losses_and_good_between_them() -> None:
    """At 0, 1/8, 1/4 and 1/2 of the limit, and at 1.5, 2, 4 and 10 times it, one bet grows as fast as any can."""
    for bets, parts in ((accuracy.ADMIT_BETS, (0, 1 / 8, 1 / 4, 1 / 2)), (accuracy.REVOKE_BETS, (1.5, 2, 4, 10))):
        assert len(bets) == len(parts)
        for part in parts:
            assert max(growth(part * LIMIT, bet) for bet in bets) >= 0.9999 * information(part * LIMIT)
    for step in range(13, 51):
        loss = step / 100 * LIMIT
        assert max(growth(loss, bet) for bet in accuracy.ADMIT_BETS) >= 0.9 * information(loss)


def test_most_of_the_capital_lies_on_no_loss_at_all() -> None:
    """A perfect variant pays ln(20/12) for not being alone, little beside the 4.6 that 1 % takes; the rest is spread evenly."""
    shares = [Fraction(*weight) for weight in accuracy.ADMIT_WEIGHTS]
    assert shares[0] * 20 == 12
    assert max(shares[1:]) <= Fraction(3, 2) * min(shares[1:])


@pytest.mark.parametrize(("used", "admitted"), [(63, True), (64, False)])
def test_a_variant_has_sixty_four_attempts(policy: Policy, used: int, admitted: bool) -> None:
    """One revocation a day for two months; after that a person should look at it."""
    table = accuracy.rules(policy)
    start = accuracy.start(table, policy, facts(Prior("bright", 100_000, 0)), {("bright", "int8"): used})
    assert start[-1].word.admitted is admitted


@pytest.mark.parametrize(
    ("samples", "exponent", "attempt"), [(19_999, -21, 1), (19_999, -20, 0), (14_999, -21, 0), (29_999, -21, 0), (39_999, -21, 1)]
)
def test_an_attempt_that_lost_a_million_to_one_in_20_000_frames_is_given_up(
    policy: Policy, samples: int, exponent: int, attempt: int
) -> None:
    """Below 2^-20 a repaired variant would wait longer for the old capital than for a new attempt; looked at once in 20,000."""
    table = accuracy.rules(policy)
    proof = accuracy.start(table, policy, facts(), {})[-1]
    word = replace(proof.word, samples=samples)
    poor = proof._replace(word=word, capital=((0, 0), (5 << 20, exponent - 22), (0, 0), (0, 0)), device_samples=samples)
    assert feed(table, (poor,), [0])[-1].attempt == attempt

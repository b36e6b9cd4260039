"""Accuracy evidence per light band and variant: admit by betting, revoke by an e-detector, always show a bound.

Admission is a mixture of constant bets against "the mean loss is at least the limit"; it admits when the capital reaches
1/alpha_k (Ville's inequality; I. Waudby-Smith and A. Ramdas, arXiv 2010.09686). Revocation is the e-Shiryaev-Roberts detector
R <- (R + w) f (J. Shin, A. Ramdas, A. Rinaldo, arXiv 2309.09111): alarm at R >= A, mean time to a false alarm at least A losses.
The chance of any wrong admission in a lifetime is at most the policy's alpha: it is split evenly over band x variant, and within
one of these over its attempts k = 1, 2, ... as 6/(pi k)^2, which sums to 1.
"""

from dataclasses import dataclass
from typing import NamedTuple

from adaptd.config.policy import Policy
from adaptd.vocabulary import BandEvidence, Prior, Shadow, VariantFacts
from tests.brain.estimate.old_betting import Capital, M, factor, plus_up, ratio_down, ratio_up, reaches, times_down, times_up
from tests.brain.estimate.old_bound import Rung, ladder, nanonats, upper_bound

# Bets on the mean, as parts of the limit, and the share of capital each starts with. Most lies on "no loss at all": a bet with
# share w pays ln(1/w) for not being alone, so a loss-free variant is admitted within 1 + ln(1/0.6)/ln(1/alpha) of the information
# bound, less what the other bets earn: 1.07 at alpha 1 %.
ADMIT_BETS = ((0, 1), (1, 8), (1, 4), (1, 2))
ADMIT_WEIGHTS = ((12, 20), (3, 20), (2, 20), (3, 20))
REVOKE_BETS = ((3, 2), (2, 1), (4, 1), (10, 1))
REVOKE_WEIGHT = (1, 4)
_WEIGHT = ratio_up(REVOKE_WEIGHT)
ALARM_RUN = 1_000_000  # shadow frames between two false alarms, at least, on average
# floor(10^12 * 6 / (pi k)^2): what attempt k may spend of its alpha. After the last attempt a variant stays refused.
SPEND_PPT = tuple(607_927_101_854 // (k * k) for k in range(1, 65))
TRILLION = 10**12
HOPELESS = (1, 1 << 20)  # a capital below 2^-20 ...
HOPELESS_AFTER = 20_000  # ... after this many losses starts a new attempt, at a smaller alpha


@dataclass(frozen=True, slots=True)
class Rules:
    """What a policy makes of the constants above, computed once: thresholds per attempt, factors of losses 0 and 1, ladder."""

    limit_ppm: int
    thresholds: tuple[tuple[int, int], ...]
    needs: tuple[int, ...]
    admit: tuple[tuple[Capital, Capital], ...]
    revoke: tuple[tuple[Capital, Capital], ...]
    first: tuple[Capital, ...]
    rungs: tuple[Rung, ...]


class Proof(NamedTuple):
    """What is known of one variant in one band. ``samples`` and ``loss_ppm`` count since ``attempt`` began, prior included;
    ``device_samples`` counts losses seen on this device, the last one at ``last_at_us``."""

    word: BandEvidence
    attempt: int
    capital: tuple[Capital, ...]
    alarm: tuple[Capital, ...]
    loss_ppm: int
    device_samples: int = 0
    last_at_us: int | None = None
    alarms: int = 0


def rules(policy: Policy) -> Rules:
    """The constants under a policy."""
    limit = policy.max_loss_ppm
    pairs = max(1, len(policy.bands) * len(policy.efficient))
    alphas = [policy.alpha_ppm * spend // (M * pairs) for spend in SPEND_PPT]
    thresholds = tuple((TRILLION, alpha) for alpha in alphas if alpha > 0)
    bets = tuple(bet for bet in REVOKE_BETS if bet[0] * limit < bet[1] * M)
    return Rules(
        limit_ppm=limit,
        thresholds=thresholds,
        needs=tuple(nanonats(*threshold) + 2 for threshold in thresholds),
        admit=tuple((ratio_down(factor(limit, bet, 0)), ratio_down(factor(limit, bet, M))) for bet in ADMIT_BETS),
        revoke=tuple((ratio_up(factor(limit, bet, 0)), ratio_up(factor(limit, bet, M))) for bet in bets),
        first=tuple(ratio_down(weight) for weight in ADMIT_WEIGHTS),
        rungs=ladder(limit, ADMIT_BETS, ADMIT_WEIGHTS),
    )


def start(
    table: Rules, policy: Policy, facts: tuple[VariantFacts, ...], attempts: dict[tuple[str, str], int]
) -> tuple[Proof, ...]:
    """Every band x efficient variant at its beginning, qualification's losses taken in; ``attempts`` counts those used up."""
    found = []
    for name in policy.efficient:
        fact = next((one for one in facts if one.name == name), None)
        for band in policy.bands:
            proof = fresh(table, band.name, name, attempts.get((band.name, name), 0))
            prior = next((one for one in fact.priors if one.band == band.name), None) if fact else None
            found.append(_with_prior(table, proof, prior) if prior else proof)
    return tuple(found)


def fresh(table: Rules, band: str, variant: str, attempt: int) -> Proof:
    """Nothing known."""
    return Proof(BandEvidence(band, variant, False, 0, M), attempt, table.first, ((0, 0),) * len(table.revoke), 0)


def _with_prior(table: Rules, proof: Proof, prior: Prior) -> Proof:
    """The qualification's losses as one block: agreements first, then disagreements, judged once at its end.

    Capital after a block does not depend on the order within it; judging only at the end is the order's worst case.
    """
    differed = max(0, min(prior.disagreed, prior.n))
    capital = proof.capital
    for loss, count in ((0, prior.n - differed), (1, differed)):
        capital = tuple(_power(one, pair[loss], count) for one, pair in zip(capital, table.admit, strict=True))
    word = BandEvidence(proof.word.band, proof.word.variant, False, prior.n, M)
    return _judge(table, Proof(word, proof.attempt, capital, proof.alarm, differed * M))


def _power(capital: Capital, ratio: Capital, count: int) -> Capital:
    """capital * ratio^count, by repeated squaring; each product is rounded down."""
    while count:
        if count & 1:
            capital = times_down(capital, ratio)
        ratio = times_down(ratio, ratio)
        count >>= 1
    return capital


def absorb(table: Rules, proofs: tuple[Proof, ...], shadows: tuple[Shadow, ...], now_us: int) -> tuple[Proof, ...]:
    """Take in the losses of an interval, in order."""
    if not shadows:
        return proofs
    after = list(proofs)
    index = {(proof.word.band, proof.word.variant): at for at, proof in enumerate(proofs)}
    touched = set()
    for shadow in shadows:
        at = index.get((shadow.band, shadow.variant))
        if at is None:
            continue
        touched.add(at)
        after[at] = _one(table, after[at], min(M, max(0, shadow.loss_ppm)), now_us)
    for at in touched:
        after[at] = _show(table, after[at])
    return tuple(after)


def _one(table: Rules, proof: Proof, loss: int, now_us: int) -> Proof:
    word = proof.word
    if loss in (0, M):
        admit, revoke = [pair[loss > 0] for pair in table.admit], [pair[loss > 0] for pair in table.revoke]
    else:
        admit = [ratio_down(factor(table.limit_ppm, bet, loss)) for bet in ADMIT_BETS]
        revoke = [ratio_up(factor(table.limit_ppm, bet, loss)) for bet, _ in zip(REVOKE_BETS, table.revoke, strict=False)]
    capital = tuple([times_down(one, ratio) for one, ratio in zip(proof.capital, admit, strict=True)])
    alarm = proof.alarm
    if word.admitted:
        alarm = tuple([times_up(plus_up(one, _WEIGHT), ratio) for one, ratio in zip(alarm, revoke, strict=True)])
        if reaches(alarm, (ALARM_RUN, 1)):
            return _again(table, proof, now_us)
    grown = Proof(
        BandEvidence(word.band, word.variant, word.admitted, word.samples + 1, word.bound_ppm),
        proof.attempt,
        capital,
        alarm,
        proof.loss_ppm + loss,
        proof.device_samples + 1,
        now_us,
        proof.alarms,
    )
    if word.admitted:
        return grown
    if grown.word.samples % HOPELESS_AFTER == 0 and not reaches(capital, HOPELESS):
        return _again(table, grown, now_us)
    return _judge(table, grown)


def _again(table: Rules, proof: Proof, now_us: int) -> Proof:
    """Revoked, or hopeless: a new attempt, which may spend less."""
    new = fresh(table, proof.word.band, proof.word.variant, proof.attempt + 1)
    return Proof(new.word, new.attempt, new.capital, new.alarm, 0, 0, now_us, proof.alarms + proof.word.admitted)


def _judge(table: Rules, proof: Proof) -> Proof:
    """Admit where the capital has reached the threshold of this attempt."""
    if proof.attempt >= len(table.thresholds) or not reaches(proof.capital, table.thresholds[proof.attempt]):
        return _show(table, proof) if not proof.device_samples else proof
    word = proof.word
    admitted = BandEvidence(word.band, word.variant, True, word.samples, min(word.bound_ppm, table.limit_ppm))
    return _show(
        table,
        Proof(
            admitted,
            proof.attempt,
            proof.capital,
            proof.alarm,
            proof.loss_ppm,
            proof.device_samples,
            proof.last_at_us,
            proof.alarms,
        ),
    )


def _show(table: Rules, proof: Proof) -> Proof:
    """Bring the bound up to date: it never rises within an attempt."""
    if proof.attempt >= len(table.needs):
        return proof
    word = proof.word
    bound = min(word.bound_ppm, upper_bound(table.rungs, word.samples, proof.loss_ppm, table.needs[proof.attempt]))
    if word.admitted:
        bound = min(bound, table.limit_ppm)
    shown = BandEvidence(word.band, word.variant, word.admitted, word.samples, bound)
    return Proof(
        shown, proof.attempt, proof.capital, proof.alarm, proof.loss_ppm, proof.device_samples, proof.last_at_us, proof.alarms
    )

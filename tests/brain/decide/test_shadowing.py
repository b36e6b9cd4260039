"""How many frames run on both engines: the budget of a day, the spacing, and who needs them."""

from dataclasses import replace

import pytest

from adaptd.brain import tick
from adaptd.brain.decide.shadowing import Spent, budget, left, share, spend
from adaptd.brain.estimate.betting import M
from tests.brain.decide.plant import Board, board, facts, feeder

HOUR_US = 3600 * 1_000_000
PLENTY = budget(20_000, 15_000)


def test_no_24_hours_hold_more_than_the_budget() -> None:
    """Frames of an hour count until 24 whole hours have passed after it; the hour after that they are forgotten."""
    assert PLENTY == 15 * 86_400 * 2 // 100
    spent = spend(Spent(), 100, HOUR_US // 2)
    for hours, counted in ((0.9, 100), (1.2, 100), (23.9, 100), (24.9, 100), (25.1, 0), (300, 0)):
        assert PLENTY - left(spend(spent, 0, int(hours * HOUR_US)), 20_000, 15_000) == counted
    for minute in range(0, 60 * 49, 7):
        spent = spend(spent, 1, minute * 60 * 1_000_000)
    assert 24 * 60 / 7 <= sum(spent.frames) <= 25 * 60 / 7 + 1


def test_a_clock_that_goes_back_loses_no_frame() -> None:
    """Frames booked at an earlier time count as spent now."""
    assert sum(spend(spend(Spent(), 5, 10 * HOUR_US), 7, HOUR_US).frames) == 12


@pytest.mark.parametrize(
    ("need", "rate_mfps", "draws_per_s"),
    [
        ("thin", 15_000, 4.0),  # spaced: a quarter of a second apart on average
        ("thin", 60_000, 4.0),
        ("thin", 5000, 2.5),  # never more than half of the frames
        ("young", 15_000, 0.3),  # the budgeted share
        ("strong", 15_000, 0.075),  # a quarter of it
        ("hopeless", 15_000, 0.0375),  # an eighth
        ("", 15_000, 0.0),
    ],
)
def test_a_proof_gets_what_it_needs(need: str, rate_mfps: int, draws_per_s: float) -> None:
    """Much while a proof is thin and may succeed, little when it is strong, a trickle when it is hopeless."""
    assert share(need, 20_000, rate_mfps, PLENTY * 4) * rate_mfps / 1e9 == pytest.approx(draws_per_s, rel=0.01)


@pytest.mark.parametrize(
    ("samples", "loss_ppm", "bursts"), [(290, 30_000, True), (310, 30_000, False), (1000, 9000, True), (1000, 11_000, False)]
)
def test_a_burst_is_not_wasted_on_what_cannot_succeed(samples: int, loss_ppm: int, bursts: bool) -> None:
    """Over twice the limit in 300 samples: one at the limit shows that in 7 % of tries, a good one (0.1 %) in 0.03 %."""
    one = Board(facts=facts(priors=())).last(30)
    proofs = tuple(
        proof._replace(word=replace(proof.word, samples=samples), loss_ppm=samples * loss_ppm, device_samples=samples)
        for proof in one.before.proofs
    )
    assert all(proof.loss_ppm <= samples * M for proof in proofs)
    quiet = replace(one.snapshot, worker=replace(one.snapshot.worker, shadows=()))
    verdict = tick.Brain(feeder(), board(), replace(one.before, proofs=proofs).facts).step(
        replace(one.before, proofs=proofs), quiet
    )[1]
    assert (verdict.shadow_ppm > 200_000) is bursts
    assert verdict.shadow_ppm >= feeder().shadow_ppm // 8

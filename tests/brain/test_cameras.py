"""Several cameras behind one device: a round of frames costs what they cost together, and each camera has its own evidence."""

from dataclasses import replace

from adaptd.brain import pricing
from adaptd.brain.decide.inputs import frame
from adaptd.brain.estimate import account, account_table, pace, power, scene_guard
from adaptd.brain.tick import Brain
from adaptd.vocabulary import OperatingPoint, Shadow, Stretch
from tests.brain.decide.plant import Board, board, facts, feeder

POLICY, PROFILE, FACTS = feeder(), board(), facts()
TWO = replace(POLICY, cameras=("front", "rear"))


def test_a_rate_costs_energy_and_time_for_every_camera() -> None:
    """15 fps of two cameras are 30 inferences a second: twice the joules a round, and the last frame waits for both."""
    one, two = pricing.book(POLICY, FACTS), pricing.book(TWO, FACTS)
    paces = (pace.Pace(),) * len(FACTS)
    point = OperatingPoint(POLICY.reference, POLICY.target_mfps)
    assert pricing.book_mw(two, paces, point) == 2 * pricing.book_mw(one, paces, point)
    _, draw = power.observe(power.start(PROFILE.idle_power_mw, len(FACTS)), [0.0] * len(FACTS), None, 1.0, meterless=False)
    singles = pricing.options(one, draw, paces, meterless=False)
    doubles = pricing.options(two, draw, paces, meterless=False)
    for single, double in zip(singles, doubles, strict=True):
        assert double.joules == 2 * single.joules
        assert double.latency_us == 2 * single.latency_us
    assert frame(TWO, 0, frozenset()).value_j == 2 * frame(POLICY, 0, frozenset()).value_j


def test_the_promise_is_shared_out_over_the_cameras_and_one_camera_is_as_before() -> None:
    """Two cameras have two accounts a band under half the chance of error each; without names nothing changes."""
    single, double = account_table.rules(POLICY), account_table.rules(TWO)
    assert all(two.base_ppm > one.base_ppm for one, two in zip(single.grid, double.grid, strict=True))
    assert double.loan_ppm > single.loan_ppm
    assert TWO.cells == tuple(f"{band.name}/{name}" for band in POLICY.bands for name in ("front", "rear"))
    assert POLICY.cells == tuple(band.name for band in POLICY.bands)


def test_an_efficient_variant_is_offered_what_the_account_with_the_least_credit_bears() -> None:
    """Nobody knows which camera the next frames come from, so the poorest account says how many there may be."""
    rules, band = account_table.rules(TWO), POLICY.bands[0].name
    window = account.start(rules, TWO.cells, 0)
    fresh = account.offer(rules, window, band, 10)
    assert fresh.frames > 0
    seen = Stretch(f"{band}/rear", "int8", rules.shares[0], 40, shadowed=8, differed=2, loss_ppm=2_000_000, first=0, last=39)
    poorer = account.offer(rules, account.observe(rules, window, (seen,), "fp16"), band, 10)
    assert poorer.frames < fresh.frames
    lost = account.unheard(window, band, 10_000)
    assert account.offer(rules, lost, band, 10) == account.CLOSED
    assert all(one.debit_ppm for one in lost.bands if one.band.startswith(f"{band}/"))


def test_a_scene_that_one_camera_cannot_bear_sends_all_to_the_reference() -> None:
    """One engine serves all: a difference seen on the rear camera ends INT8 on the front one too, and is told as the rear's."""
    before = Board().last(90)
    brain = Brain(TWO, PROFILE, FACTS)
    state = brain.adopt(before.before)
    band = before.verdict.band
    guards = tuple(one._replace(owed=0) for one in state.guards)
    hit = scene_guard.absorb(guards, (Shadow(f"{band}/rear", "int8", 1_000_000),), TWO.max_loss_ppm)
    window = account.start(account_table.rules(TWO), TWO.cells, state.now_us)
    quiet = replace(before.snapshot, worker=replace(before.snapshot.worker, served=(), shadows=(), stretches=()))
    _, free = brain.step(replace(state, guards=guards, account=window), quiet)
    _, held = brain.step(replace(state, guards=hit, account=window), quiet)
    assert free.point.variant == "int8"
    assert held.point.variant == "fp16"
    assert {one.band for one in held.evidence if not one.admitted} == {f"{band}/rear"}

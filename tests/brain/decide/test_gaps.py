"""Time that jumps, workers that die, reloads and restarts: nothing of it makes a lease, a budget or a chance of error longer."""

import random
from dataclasses import replace

import pytest

from adaptd.brain import tick
from adaptd.brain.decide import freshness, safety, shadowing
from adaptd.brain.estimate import accuracy
from adaptd.vocabulary import Measured, Mode, OperatingPoint, Prior, Served, Snapshot, Telemetry
from tests.brain.decide.missing import QUANTITIES, failing
from tests.brain.decide.plant import Board, Second, board, facts, feeder
from tests.brain.test_tick import MINUTE, hot_board, seconds

LEASE_US = feeder().efficient_lease_us


def blind(second: Second) -> Second:
    """The same second without shadow frames."""
    worker = replace(second.snapshot.worker, shadows=(), shadow_frames=0)
    return replace(second, snapshot=replace(second.snapshot, worker=worker))


def unseen(**changes: object) -> Board:
    """A proven board on which no shadow frame ever arrives."""
    return Board(change=lambda second, snapshot: blind(Second(0, 0, 0, None, snapshot, None, None)).snapshot, **changes)  # type: ignore[arg-type]


def test_a_tick_that_follows_at_once_changes_nothing() -> None:
    """Frames that were counted in no time at all are no sudden power: warm, but below the limit, the service goes on."""
    one = list(Board(ambient_c=lambda second: 70.0).run(5 * MINUTE))[-1]
    for later_us, frames in ((0, 15), (1000, 1), (5000, 1), (20_000, 1)):
        served = (Served(one.verdict.point.variant, frames, frames * 19_900, 19_900),)
        worker = replace(one.snapshot.worker, served=served, shadows=(), shadow_frames=0)
        snapshot = replace(one.snapshot, now_us=one.state.now_us + later_us, worker=worker)
        state, verdict = tick.step(one.state, snapshot, feeder(), board())
        assert verdict.point == one.verdict.point
        assert all(abs(a - b) < 0.02 * 2**40 for a, b in zip(state.split.mean, one.state.split.mean, strict=True))


def test_a_reading_far_above_the_prediction_is_not_planned_against() -> None:
    """After an hour without a tick the air is 25 K warmer: until the new level is believed, no more than the floor is served."""
    cold = list(Board(policy=replace(feeder(), efficient=()), ambient_c=lambda second: 52.0).run(5 * MINUTE))[-1].state
    late = 65 * MINUTE * 1_000_000
    world = Board(
        policy=replace(feeder(), efficient=()),
        ambient_c=lambda second: 86.0,
        change=lambda second, snapshot: replace(snapshot, now_us=snapshot.now_us + late),
    )
    run = list(world.run(10, cold))
    assert max(second.verdict.point.fps_mfps for second in run) <= 5000
    assert ("temperature_known", False) in run[0].verdict.conditions
    assert run[-1].verdict.mode is Mode.PROTECT


def test_a_daemon_that_slept_does_not_blame_the_worker() -> None:
    """A setpoint that nobody renewed has run out in the worker: that it serves another point then is no fault."""
    watch = safety.Watch(asked_at_us=0)
    seen = safety.Seen(3_600_000_000, True, False, None, None, 0)
    assert safety.verify(watch, seen).fault == "setpoint_not_taken"
    one = list(hot_board().run(MINUTE))[-1]
    state = replace(one.state, watch=one.state.watch._replace(asked_at_us=one.state.now_us))
    elsewhere = replace(one.snapshot.worker, point=OperatingPoint("fp16", 15_000), served=())
    state = replace(state, point=OperatingPoint("fp16", 10_000))
    slow = (safety.EFFECT_DEADLINE_US, "setpoint_not_taken")
    for gap_us, fault in ((safety.EFFECT_DEADLINE_US - 1, ""), slow, (feeder().reduced_lease_us, ""), (3_600_000_000, "")):
        snapshot = replace(one.snapshot, now_us=state.now_us + gap_us, worker=elsewhere)
        assert tick.step(state, snapshot, feeder(), board())[0].watch.fault == fault
    near = state
    for second in range(1, 12):
        snapshot = replace(one.snapshot, now_us=state.now_us + second * 1_000_000, worker=elsewhere)
        near = replace(tick.step(near, snapshot, feeder(), board())[0], point=state.point)
    assert near.watch.fault == "setpoint_not_taken"


def test_a_dead_worker_is_no_broken_power_sensor() -> None:
    """An action that nobody was there to carry out says nothing about the power sensor."""
    watch = safety.expect(safety.Watch(), 8000, 3000, 200, 0)
    gone = safety.Seen(safety.EFFECT_DEADLINE_US, False, True, 8000, None, 0)
    assert safety.verify(watch, gone).strikes == 0
    assert safety.verify(watch, gone).from_mw is None
    assert safety.verify(watch, replace(gone, alive=True)).strikes == 1


def test_a_lapsed_admission_stays_lapsed_through_a_reload_and_a_restart() -> None:
    """Only a new shadow frame restores it: neither a reload of the same policy nor a restart winds the clock up anew."""
    last = seconds(unseen(), 11 * MINUTE)[-1]
    assert last.verdict.point.variant == "fp16"
    told = (feeder(), board(), facts())
    for state in (
        tick.adopt(last.state, *told),
        tick.resume(last.state, *told, 1, 5_000_000),
        tick.resume(tick.adopt(last.state, *told), *told, 1, 9_000_000_000),
    ):
        later = replace(blind(last).snapshot, now_us=state.now_us + 1_000_000)
        verdict = tick.step(state, later, feeder(), board())[1]
        assert verdict.point.variant == "fp16"
        assert ("int8", "evidence_fresh") in {(one.point.variant, one.condition) for one in verdict.refused}
        seen = replace(last.snapshot, now_us=state.now_us + 1_000_000)
        shadowed = replace(seen, worker=replace(seen.worker, shadows=seen.worker.shadows or _agreed(verdict.band)))
        assert tick.step(state, shadowed, feeder(), board())[1].point.variant == "int8"


def _agreed(band: str) -> tuple[object, ...]:
    return (tick.accuracy.Shadow(band, "int8", 0),)


def test_being_granted_again_does_not_renew_a_lease_without_evidence() -> None:
    """Light that comes and goes every four minutes: a band that no shadow frame was seen in is not served for ever."""
    world = unseen(light_lux=lambda second: 500.0 if second % 480 < 240 else 1.0)
    run = seconds(world, 40 * MINUTE)
    served = [second.at for second in run if second.verdict.point.variant == "int8"]
    assert served
    assert max(served) <= LEASE_US / 1e6 + 2
    watched = seconds(Board(light_lux=lambda second: 500.0 if second % 480 < 240 else 1.0), 40 * MINUTE)
    assert [second.at for second in watched if second.verdict.point.variant == "int8"][-1] > 33 * MINUTE


def test_a_grant_that_saw_evidence_leaves_nothing_behind() -> None:
    """What is remembered of ended grants is only what no shadow frame has answered, so it cannot grow."""
    run = seconds(Board(light_lux=lambda second: 500.0 if second % 200 < 100 else 40.0), 20 * MINUTE)
    assert run[-1].state.held.lapsed == ()
    held = run[-1].state.held._replace(grant="bright/int8", granted_at_us=5, lapsed=(("dim/int8", 3),))
    proofs = tuple(proof._replace(last_at_us=4 if proof.word.band == "dim" else None) for proof in run[-1].state.proofs)
    assert freshness.ended(held, proofs, 10, LEASE_US) == (("bright/int8", 5),)


def test_a_restart_does_not_refill_the_shadow_budget() -> None:
    """The budget holds over any 24 hours, restarts included; nobody knows how long the device was off."""
    state = seconds(Board(facts=facts(priors=())), 5 * MINUTE)[-1].state
    spent = sum(state.spent.frames)
    assert spent > 100
    later = tick.resume(state, feeder(), board(), facts(priors=()), 1, 90 * shadowing.HOUR_US)
    assert sum(later.spent.frames) == spent
    assert later.spent.hour == 90


def test_new_names_for_bands_buy_no_fresh_chance_of_error() -> None:
    """Under new names every pair begins behind the most that any pair has used, so all attempts together spend alpha once."""
    state = seconds(Board(), 10)[-1].state
    used = tuple(proof._replace(attempt=at) for at, proof in enumerate(state.proofs))
    night, dim, bright = feeder().bands
    renamed = replace(feeder(), bands=(replace(night, name="dusk"), dim, bright))
    for other in (
        tick.adopt(replace(state, proofs=used), renamed, board(), facts()),
        tick.resume(replace(state, proofs=used), renamed, board(), facts(), 1, 0),
    ):
        assert {proof.attempt for proof in other.proofs} == {3}


def test_a_reload_does_not_forget_that_the_board_is_hot() -> None:
    """A board that passed the limit waits for resume_c, under the new policy as under the old one."""
    state = seconds(Board(), 10)[-1].state
    hot = replace(state, held=state.held._replace(hot=True))
    assert tick.adopt(hot, feeder(), board(), facts()).held.hot


def test_a_band_that_is_never_proven_does_not_blind_the_others() -> None:
    """Bursts stop while a quarter of the day's budget is left: that much watches over what serves for 24 hours."""
    whole = shadowing.budget(20_000, 15_000)
    assert whole == 25_920
    reserve = whole // shadowing.STRONG
    for need, above, below in (("thin", 266_666, 0), ("hopeless", 2500, 0), ("young", 20_000, 5000), ("strong", 5000, 5000)):
        assert shadowing.share(need, 20_000, 15_000, reserve + 1) == above
        assert shadowing.share(need, 20_000, 15_000, reserve) == below
        assert shadowing.share(need, 20_000, 15_000, 0) == 0
    assert 86_400 * 15 * shadowing.share("strong", 20_000, 15_000, reserve) // 1_000_000 <= reserve


def test_priors_of_another_claim_are_a_new_attempt_of_the_same_test() -> None:
    """A prior may be judged again under a new claim, because that is a further attempt with its own, smaller share of alpha."""
    state = seconds(Board(facts=facts(priors=(Prior("bright", 1500, 0),))), 3)[-1].state
    assert [proof.word.admitted for proof in state.proofs] == [False, False, True]
    other = tick.adopt(state, replace(feeder(), alpha_ppm=9999), board(), state.facts)
    assert [proof.word.admitted for proof in other.proofs] == [False, False, False]
    thresholds = accuracy.rules(feeder()).thresholds
    assert thresholds[1][1] * 4 <= thresholds[0][1] + 4


def test_a_worker_without_frames_is_no_reason_to_be_bold() -> None:
    """A worker that is gone leaves nothing to plan with: the reference, no shadow frame."""
    one = seconds(Board(), 90)[-1]
    gone = Telemetry(False, one.snapshot.worker.point)
    verdict = tick.step(one.before, replace(one.snapshot, worker=gone), feeder(), board())[1]
    assert (verdict.point.variant, verdict.shadow_ppm) == ("fp16", 0)


@pytest.mark.parametrize("seed", range(6))
def test_when_all_faults_have_ended_the_service_is_back(seed: int) -> None:
    """After minutes of missing, lying and failing sensors, log, engine and worker: the target rate, no fault, nothing latched."""
    draw, fails = random.Random(seed), failing(seed)

    def change(second: int, snapshot: Snapshot) -> Snapshot:
        if second > 400:
            return snapshot
        snapshot = fails(second, snapshot)
        if draw.random() < 0.02:
            lie = Measured(draw.choice((0, 1, 3000, 70_000, 90_000, 1_000_000)), 0, "lie")
            snapshot = replace(snapshot, **{draw.choice(QUANTITIES): lie})
        return snapshot

    conflict = ("protect_device", "protect_service", "stop")[seed % 3]
    world = Board(policy=replace(feeder(), on_conflict=conflict), ambient_c=lambda second: 50.0, change=change, seed=seed)  # type: ignore[arg-type]
    last = world.last(15 * MINUTE)
    assert (last.verdict.mode, last.verdict.point) == (Mode.EFFICIENT, OperatingPoint("int8", 15_000))
    assert not last.state.watch.fault

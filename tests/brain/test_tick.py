"""The brain as a whole, in closed loop with a small board: what a user sees over minutes."""

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from itertools import pairwise

import pytest

from adaptd.brain import tick
from adaptd.vocabulary import Mode, OperatingPoint, Prior, Snapshot, Telemetry
from tests.brain.decide.plant import Board, Second, board, facts, feeder
from tests.readings import told

MINUTE = 60
WARM = 84.0  # ambient-like offset at which the limit binds


def seconds(world: Board, count: int) -> list[Second]:
    """Every second of a run."""
    return list(world.run(count))


def hot_board(**changes: object) -> Board:
    """A board without an efficient variant whose limit binds: the full rate would settle about 2 K above it."""
    fixed = {
        "policy": replace(feeder(), efficient=()),
        "facts": facts(priors=()),
        "ambient_c": lambda second: 85.0 + 2.0 - 1.39 * (4.6 + 0.5 + 15 * 0.26),
    }
    return Board(**{**fixed, **changes})  # type: ignore[arg-type]


def test_the_same_arguments_give_the_same_state_and_verdict() -> None:
    """A decision can be re-run: nothing but its arguments enters it."""
    one = Board().last(90)
    for _ in range(2):
        assert tick.Brain(feeder(), board(), one.before.facts).step(one.before, one.snapshot) == (one.state, one.verdict)


def test_a_state_holds_only_what_a_log_can_carry() -> None:
    """Integers, words and tuples, all the way down: no float ever rests in a state or a verdict."""

    def check(value: object) -> None:
        if is_dataclass(value):
            for one in fields(value):
                check(getattr(value, one.name))
        elif isinstance(value, tuple):
            for item in value:
                check(item)
        else:
            assert value is None or isinstance(value, (int, str, bool, Enum)), value
            assert not isinstance(value, float)

    last = Board().last(30)
    check(last.state)
    check(last.verdict)


def test_a_proven_band_is_served_by_the_efficient_engine_within_seconds() -> None:
    """With a proof from qualification and one fresh shadow frame, INT8 serves, at the target rate, on a lease."""
    run = seconds(Board(), 60)
    assert run[-1].verdict.mode is Mode.EFFICIENT
    assert run[-1].verdict.point == OperatingPoint("int8", 15_000)
    assert run[-1].verdict.lease_us == feeder().efficient_lease_us
    assert next(second.at for second in run if second.verdict.point.variant == "int8") <= 30


def test_without_a_prior_int8_serves_within_a_minute_on_the_loan() -> None:
    """Nobody has qualified it: half a minute of clean shadows is asked for, then the loan lets it serve under a thick coin."""
    run = seconds(Board(facts=facts(priors=())), 10 * MINUTE)
    first = next(second.at for second in run if second.verdict.point.variant == "int8")
    assert 5 < first < MINUTE
    assert all(second.verdict.shadow_ppm > 100_000 for second in run[10 : first + MINUTE])


def test_a_bad_variant_costs_no_more_than_the_loan() -> None:
    """A variant that loses half of its frames is tried, if at all, for a few: far less than is allowed goes out."""
    run = seconds(Board(facts=facts(priors=()), loss=lambda band: 0.5), 15 * MINUTE)
    served = sum(one.frames for second in run for one in second.snapshot.worker.served if one.variant == "int8")
    assert served < 80
    assert run[-1].verdict.point.variant == "fp16"
    assert ("int8", "scene_clear") in {(one.point.variant, one.condition) for one in run[-1].verdict.refused}


def test_a_variant_that_turns_bad_is_sent_back() -> None:
    """A prior that lied is found on the device: the engine goes back to the reference and stays there."""
    run = seconds(Board(loss=lambda band: 0.2), 20 * MINUTE)
    served = [second.verdict.point.variant for second in run]
    assert served[0] == "int8"
    assert served[-1] == "fp16"
    assert sum(a != b for a, b in pairwise(served)) == 1


@pytest.mark.parametrize(("r_scale", "tau_scale"), [(1.0, 1.0), (1.3, 0.7), (0.7, 1.3), (1.3, 1.3), (0.7, 0.7)])
def test_it_slows_down_before_the_limit_and_stays_below_it(r_scale: float, tau_scale: float) -> None:
    """Heat binds, resistance and time constant are 30 % off: not one second above the limit, and within 0.8 K of it."""
    offset = 85.0 + 2.0 - 1.39 * r_scale * (4.6 + 0.5 + 15 * 0.26)
    run = seconds(hot_board(r_scale=r_scale, tau_scale=tau_scale, ambient_c=lambda second: offset), 20 * MINUTE)
    assert max(second.true_c for second in run) <= 85.0
    settled = [second.true_c for second in run[10 * MINUTE :]]
    assert sum(settled) / len(settled) > 84.2
    assert run[-1].verdict.mode is Mode.REDUCED


def test_it_comes_back_without_oscillating() -> None:
    """When the heat goes, the target rate comes back for good, with no return to less."""
    cool = hot_board().ambient_c(0) - 8.0
    world = hot_board(ambient_c=lambda second: hot_board().ambient_c(0) if second < 10 * MINUTE else cool)
    rates = [second.verdict.point.fps_mfps for second in seconds(world, 20 * MINUTE)[11 * MINUTE :]]
    assert set(rates[-8 * MINUTE :]) == {15_000}


def test_between_two_levels_they_are_served_in_turns() -> None:
    """Where a camera has only certain rates and the optimum lies between, neighbours alternate: never more than three of them."""
    levels = (5000, 8000, 10_000, 15_000)
    world = hot_board(policy=replace(feeder(), efficient=(), levels_mfps=levels))
    rates = [second.verdict.point.fps_mfps for second in seconds(world, 15 * MINUTE)[12 * MINUTE :]]
    assert len(set(rates)) > 1
    assert set(rates) <= set(levels)
    assert all(len(set(rates[at : at + 10])) <= 3 for at in range(len(rates) - 10))


def test_heat_moves_the_rate_by_tenths() -> None:
    """Where any rate can be served, the one that keeps the limit is held: no change that a person would notice, few at all."""
    rates = [second.verdict.point.fps_mfps for second in seconds(hot_board(), 20 * MINUTE)[8 * MINUTE :]]
    changes = [(a, b) for a, b in pairwise(rates) if a != b]
    assert 5000 < min(rates) <= max(rates) < 15_000
    assert all(abs(a - b) <= 0.1 * a for a, b in changes)
    assert len(changes) <= 60


def test_a_budget_holds_at_every_tick() -> None:
    """A power budget is kept whatever the noise of the sensor and the luck of shadow draws; levels are not mixed across it."""
    world = Board(policy=replace(feeder(), budget_mw=8000), facts=facts(priors=()))
    run = seconds(world, 5 * MINUTE)
    assert max(sum(second.power_w for second in run[at : at + 10]) / 10 for at in range(10, 290)) <= 8.0 * 1.005
    assert run[-1].verdict.rule == "power_budget"
    assert run[-1].verdict.point.fps_mfps >= 8000


def test_a_falling_budget_overrides_the_policys() -> None:
    """The budget of the snapshot counts while it is given; single seconds hold a whole frame more or less."""
    world = Board(change=lambda second, snapshot: replace(snapshot, budget_mw=7500 if second > 60 else None))
    run = seconds(world, 3 * MINUTE)
    powers = [second.power_w for second in run[61:]]
    assert max(sum(powers[at : at + 10]) / 10 for at in range(len(powers) - 10)) <= 7.5


def test_no_log_means_the_reference_within_one_decision() -> None:
    """No log, no optimisation: at once, at any time."""
    world = Board(change=lambda second, snapshot: replace(snapshot, log_ok=second < 100))
    run = seconds(world, 2 * MINUTE)
    assert run[97].verdict.point.variant == "int8"
    for second in run[99:]:
        assert second.verdict.point.variant == "fp16"
        assert second.verdict.shadow_ppm == 0
        assert ("log_ok", False) in second.verdict.conditions


@pytest.mark.parametrize(
    ("change", "condition"),
    [
        (lambda snapshot: told(snapshot, "light"), "light_known"),
        (lambda snapshot: told(snapshot, "light", 500_000, age_us=4_000_000), "light_known"),
        (lambda snapshot: replace(snapshot, worker=replace(snapshot.worker, alive=False)), "worker_alive"),
        (lambda snapshot: replace(snapshot, worker=replace(snapshot.worker, quarantined=("int8",))), "not_quarantined"),
    ],
)
def test_what_efficient_leans_on_is_gone_so_the_reference_serves(change: object, condition: str) -> None:
    """Light unknown or stale, worker dead, engine quarantined: the reference, at once, and the reason is named."""
    one = Board().last(90)
    assert one.verdict.point.variant == "int8"
    verdict = tick.Brain(feeder(), board(), one.before.facts).step(one.before, change(one.snapshot))[1]  # type: ignore[operator]
    assert verdict.point.variant == "fp16"
    assert condition in {refusal.condition for refusal in verdict.refused}


def test_darkness_has_an_account_and_a_guard_of_its_own() -> None:
    """When the light falls into a band that nobody qualified, the reference serves until that band's guard has seen it clean."""
    run = seconds(Board(light_lux=lambda second: 500.0 if second < 100 else 1.0), 2 * MINUTE)
    assert run[97].verdict.point.variant == "int8"
    assert {second.verdict.point.variant for second in run[99:105]} == {"fp16"}
    assert run[-1].verdict.band == "night"


def test_light_that_flickers_inside_the_overlap_changes_nothing() -> None:
    """Overlapping edges are the hysteresis: what lies between 150 and 250 lux, scatter and all, keeps its band."""
    run = seconds(Board(light_lux=lambda second: 500.0 if second < 60 else 190.0 + 30.0 * (second % 2)), 3 * MINUTE)
    assert {second.verdict.band for second in run[5:]} == {"bright"}


def test_flicker_across_an_edge_does_not_swap_at_every_turn() -> None:
    """Going back to the efficient engine waits for the dwell, so flicker costs at most one swap each way in it."""
    world = Board(light_lux=lambda second: 500.0 if second % 4 < 2 else 1.0)
    served = [second.verdict.point.variant for second in seconds(world, 5 * MINUTE)]
    assert sum(a != b for a, b in pairwise(served)) <= 2 * 5 * MINUTE // 19 + 2


def test_an_unknown_temperature_near_the_limit_counts_as_hot() -> None:
    """Without a temperature and without headroom no more than the floor is served, at once; with it the rate comes back."""
    gone = range(10 * MINUTE, 11 * MINUTE)
    lose = lambda second, snapshot: told(snapshot, "temperature") if second in gone else snapshot  # noqa: E731
    run = seconds(hot_board(change=lose), 14 * MINUTE)
    assert run[10 * MINUTE - 3].verdict.point.fps_mfps > 8000
    assert all(second.verdict.point.fps_mfps <= 5000 for second in run[10 * MINUTE - 1 : 11 * MINUTE - 1])
    assert run[-1].verdict.point.fps_mfps > 8000
    assert max(second.true_c for second in run) <= 85.0


def test_an_unknown_temperature_far_from_the_limit_costs_what_the_doubt_costs() -> None:
    """With tens of kelvin of room the rate is held; the doubt grows by a kelvin a minute, and in the end the floor is served."""
    lost = lambda second, snapshot: told(snapshot, "temperature") if second > 100 else snapshot  # noqa: E731
    run = seconds(Board(policy=replace(feeder(), efficient=()), ambient_c=lambda second: 50.0, change=lost), 45 * MINUTE)
    rates = [second.verdict.point.fps_mfps for second in run[100:]]
    assert rates[5 * MINUTE] == 15_000
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 5000
    assert all(("temperature_known", False) in second.verdict.conditions for second in run[101:])


@pytest.mark.parametrize("kind", ["zero", "frozen", "spike"])
def test_a_lying_thermometer_is_not_believed(kind: str) -> None:
    """Zero, a frozen value and a tenfold value are lies: the rate never rises on them, and the belief stays within 2 K."""

    def lie(second: int, snapshot: Snapshot) -> Snapshot:
        if second < 200:
            return snapshot
        value = {"zero": 0, "frozen": 62_700, "spike": 600_000}[kind]
        return told(snapshot, "temperature", value)

    world = Board(change=lie, ambient_c=lambda second: 53.0)
    run = seconds(world, 260)
    rates = [second.verdict.point.fps_mfps for second in run[232:]]
    assert rates == sorted(rates, reverse=True)
    assert all(("temperature_known", False) in second.verdict.conditions for second in run[232:])
    assert abs(tick.believed(run[-1].state)[0] / 1000 - run[-1].true_c) < 2.0


def test_an_unknown_power_never_raises_the_rate() -> None:
    """While power is unknown the rate never rises, and the engine does not become a hungrier one."""
    world = Board(
        policy=replace(feeder(), budget_mw=8000),
        facts=facts(priors=()),
        change=lambda second, snapshot: told(snapshot, "power") if second > 60 else snapshot,
    )
    rates = [second.verdict.point.fps_mfps for second in seconds(world, 3 * MINUTE)[60:]]
    assert rates == sorted(rates, reverse=True)


def inferno(**changes: object) -> Board:
    """Not even idle keeps the limit."""
    return Board(ambient_c=lambda second: 72.0 + min(second, 400) / 40, **changes)  # type: ignore[arg-type]


def test_protect_device_pauses_below_the_floor_as_far_as_needed() -> None:
    """Nothing keeps every limit: frames are shed down to none, and the verdict says why."""
    last = inferno().last(10 * MINUTE)
    assert (last.verdict.mode, last.verdict.rule, last.verdict.point.fps_mfps) == (Mode.PROTECT, "protect_device", 0)
    assert ("floor_fits", False) in last.verdict.conditions


def test_protect_service_holds_the_floor_up_to_critical() -> None:
    """The floor is held above the limit, on the proven variant that draws least, and nothing is served at critical."""
    run = seconds(inferno(policy=replace(feeder(), on_conflict="protect_service", critical_mc=90_000)), 10 * MINUTE)
    held = [second for second in run if second.verdict.rule == "protect_service"]
    assert held
    assert {second.verdict.point for second in held[30:]} == {OperatingPoint("int8", 5000)}
    assert max(second.true_c for second in run) < 90.0
    assert max(second.true_c for second in held) > 86.0


def test_stop_stops_and_says_so_and_returns_through_the_reference() -> None:
    """The stop holds until the board has cooled to resume_c; the first point after it is the reference at the floor."""
    policy = replace(feeder(), on_conflict="stop")
    world = Board(policy=policy, ambient_c=lambda second: 86.0 if 100 < second < 400 else 50.0)
    run = seconds(world, 15 * MINUTE)
    modes = [second.verdict.mode for second in run]
    assert Mode.STOPPED in modes
    stopped = [at for at, mode in enumerate(modes) if mode is Mode.STOPPED]
    assert stopped == list(range(stopped[0], stopped[-1] + 1))
    assert all(run[at].verdict.point.fps_mfps == 0 for at in stopped)
    assert "stop" in {run[at].verdict.rule for at in stopped}
    back = run[stopped[-1] + 1]
    assert (back.verdict.mode, back.verdict.point) == (Mode.REFERENCE, OperatingPoint("fp16", 5000))
    assert back.true_c <= 80.6


def trusting(state: tick.State, temperature_mc: int) -> tick.State:
    """The state in which the thermometer was last believed at this temperature."""
    traces = tuple(
        trace._replace(value=temperature_mc) if trace.quantity == "temperature" else trace for trace in state.senses.traces
    )
    return replace(state, senses=state.senses._replace(traces=traces))


def test_over_critical_nothing_is_served_whatever_the_plan_says() -> None:
    """The veto looks at the reading itself."""
    one = Board().last(90)
    before = trusting(one.before, 90_000)
    verdict = tick.Brain(feeder(), board(), before.facts).step(before, told(one.snapshot, "temperature", 96_000))[1]
    assert (verdict.point.fps_mfps, verdict.rule, verdict.mode) == (0, "veto_over_critical", Mode.PROTECT)


def test_an_engine_that_does_not_obey_latches_a_fault() -> None:
    """A worker that does not take its setpoint is a fault: the reference at the floor, until a person reloads."""
    stuck = OperatingPoint("fp16", 15_000)
    world = hot_board(obeys=lambda point: stuck)
    run = seconds(world, 10 * MINUTE)
    assert run[-1].verdict.mode is Mode.FAULT
    assert run[-1].state.watch.fault == "setpoint_not_taken"
    assert run[-1].verdict.point.fps_mfps <= 5000
    fresh = tick.Brain(feeder(), board(), world.facts).adopt(run[-1].state)
    assert fresh.mode is Mode.REFERENCE
    assert not fresh.watch.fault


def test_a_power_sensor_that_shows_no_action_latches_a_fault() -> None:
    """A sensor that says the same whatever is done is none: after a minute of actions without effect the fault is latched."""
    world = hot_board(change=lambda second, snapshot: told(snapshot, "power", 8000 + second % 2))
    run = seconds(world, 10 * MINUTE)
    assert run[-1].state.watch.fault == "power_no_effect"
    assert run[-1].verdict.mode is Mode.FAULT
    first = next(second.at for second in run if second.state.watch.fault)
    assert first > MINUTE


def test_a_thermometer_that_follows_no_heat_latches_a_fault() -> None:
    """Three long swings of heat that the thermometer does not follow latch a fault."""
    world = Board(
        policy=replace(feeder(), budget_mw=None),
        other_w=lambda second: 0.5 + 8 * ((second // 120) % 2),
        change=lambda second, snapshot: told(snapshot, "temperature", 55_000 + second % 2),
    )
    run = seconds(world, 20 * MINUTE)
    assert run[-1].state.watch.fault == "temperature_no_effect"


def test_air_that_drifts_for_a_day_is_no_broken_thermometer() -> None:
    """While the limit is held against warmer and warmer air, stored heat falls and the chip does not: nothing is wrong."""
    cold = hot_board().ambient_c(0) - 3
    world = hot_board(ambient_c=lambda second: cold + 4.0 * second / (100 * MINUTE))
    run = seconds(world, 100 * MINUTE)
    assert not any(second.state.watch.fault or second.state.watch.heat_strikes for second in run)
    assert run[-1].verdict.point.fps_mfps < 0.8 * run[10 * MINUTE].verdict.point.fps_mfps


def test_other_programs_do_not_look_like_a_fault() -> None:
    """Load and contention that come and go at the very moments of our own actions latch nothing."""
    busy = lambda second: (second // 40) % 2  # noqa: E731
    world = hot_board(
        other_w=lambda second: 0.5 + 3.0 * busy(second) * min(1.0, (second % 40) / 5),
        slow_down=lambda second: 1.0 + 0.6 * busy(second),
        ambient_c=lambda second: 70.0,
        policy=replace(feeder(), efficient=(), budget_mw=10_500),
    )
    run = seconds(world, 30 * MINUTE)
    assert not run[-1].state.watch.fault
    assert len({second.verdict.point.fps_mfps for second in run}) > 2


def test_a_useless_swap_is_refused_and_named() -> None:
    """A variant that saves nothing is not used and not shadowed for long: the reason is no_gain."""
    flagged = (facts()[0], replace(facts()[1], no_gain=True))
    last = Board(facts=flagged).last(60)
    assert last.verdict.point.variant == "fp16"
    assert last.verdict.shadow_ppm == 0
    same = Board(facts=facts(efficient_mj=260)).last(3 * MINUTE)
    assert same.verdict.point.variant == "fp16"
    assert "no_gain" in {refusal.condition for refusal in same.verdict.refused}


def test_contention_past_the_deadline_changes_the_engine_not_the_rate() -> None:
    """When contention makes the slow engine late, the fast one serves; both are predicted from what one of them shows."""
    world = Board(slow_down=lambda second: 1.0 if second < 60 else 2.5, facts=facts(reference_mj=100, efficient_mj=99))
    run = seconds(world, 2 * MINUTE)
    assert run[-1].verdict.point == OperatingPoint("int8", 15_000)
    assert run[-1].snapshot.worker.missed == 0


def test_a_coin_that_is_not_tossed_ends_the_service() -> None:
    """Frames that the worker serves without ever comparing one are no luck: the account shuts, and the reference serves."""
    world = Board(change=lambda second, snapshot: replace(snapshot, worker=_without_shadows(snapshot.worker, second > 60)))
    run = seconds(world, 30 * MINUTE)
    assert run[80].verdict.point.variant == "int8"
    assert run[-1].verdict.point.variant == "fp16"
    assert ("account_open", False) in run[-1].verdict.conditions


def _without_shadows(worker: Telemetry, taken: bool) -> Telemetry:
    blind = tuple(replace(one, shadowed=0, differed=0, loss_ppm=0) for one in worker.stretches)
    return replace(worker, shadows=(), shadow_frames=0, stretches=blind) if taken else worker


def test_a_reload_keeps_what_stays_true() -> None:
    """Guards and account survive a reload that promises the same; under another promise both begin anew, without a loan."""
    state = Board().last(5 * MINUTE).state
    louder = tick.Brain(replace(feeder(), frame_value_uj=600_000), board(), state.facts).adopt(state)
    assert (louder.guards, louder.account) == (state.guards, state.account)
    assert louder.heat == state.heat
    stricter = tick.Brain(replace(feeder(), max_loss_ppm=4000), board(), state.facts).adopt(state)
    assert (stricter.account.number, stricter.account.loan_ppm) == (state.account.number + 1, 0)
    rebuilt = tick.Brain(feeder(), board(), facts(efficient_mj=150)).adopt(state)
    assert {guard.samples for guard in rebuilt.guards} == {0}
    assert rebuilt.account == state.account


def test_a_bundle_without_the_reference_is_refused_at_start() -> None:
    """Without facts of the reference nothing can be compared."""
    with pytest.raises(ValueError, match="no facts of the reference 'fp16'"):
        tick.Brain(feeder(), board(), facts()[1:]).start(1, 0)


def test_a_clock_that_stands_still_or_jumps_does_not_break_a_decision() -> None:
    """Two snapshots at the same time, or a day apart, still give a verdict."""
    one = Board().last(30)
    for now_us in (one.state.now_us, one.state.now_us + 86_400_000_000):
        state, verdict = tick.Brain(feeder(), board(), one.state.facts).step(one.state, replace(one.snapshot, now_us=now_us))
        assert verdict.point.fps_mfps <= feeder().target_mfps
        assert state.now_us == now_us


def test_the_verdict_explains_itself() -> None:
    """`adaptd why` names the engine, the rate, the light, the rule, and what was refused by which condition."""
    text = tick.explain(Board(facts=facts(priors=(Prior("bright", 10, 0),))).last(10).verdict)
    for word in ("reference", "fp16 at 15 fps", "bright light", "worth most", "int8 at 15 fps", "W", "degC"):
        assert word in text
    assert "nothing is served" in tick.explain(inferno().last(10 * MINUTE).verdict)


def test_a_budget_over_a_window_is_an_average_with_a_peak() -> None:
    """With 8 W over a minute and 10 W at most the mean of every minute keeps the one, and every second the other."""
    policy = replace(feeder(), budget_mw=8000, budget_window_us=60_000_000, peak_mw=10_000, efficient=())
    world = Board(policy=policy, facts=facts(priors=()), other_w=lambda second: 0.5 if (second // 90) % 2 else 2.0)
    powers = [second.power_w for second in seconds(world, 12 * MINUTE)]
    assert max(sum(powers[at : at + 60]) / 60 for at in range(len(powers) - 60)) <= 8.0 * 1.01
    assert max(powers[60:]) <= 10.0 + 0.26
    cap = seconds(replace(world, policy=replace(policy, budget_window_us=0, peak_mw=None)), 12 * MINUTE)
    assert sum(powers) > sum(second.power_w for second in cap)


def test_a_budget_that_no_pause_keeps_is_no_reason_to_stop() -> None:
    """A board that draws 5.1 W without a frame under 4 W: the floor is served, and the rule says what to change."""
    last = Board(policy=replace(feeder(), budget_mw=4000)).last(3 * MINUTE)
    assert (last.verdict.rule, last.verdict.point.fps_mfps) == ("budget_unreachable", 5000)
    assert "raise the budget" in tick.explain(last.verdict)


def test_without_a_meter_power_is_priced_and_nothing_stops() -> None:
    """No meter at all: the rate that the bundle's energies and the profile leave, and at least the floor."""
    never = lambda second, snapshot: replace(snapshot, raw=tuple(one for one in snapshot.raw if one.quantity != "power"))  # noqa: E731
    policy = replace(feeder(), budget_mw=7000, efficient=())
    priced = Board(policy=policy, facts=facts(priors=()), change=never).last(3 * MINUTE)
    assert priced.verdict.point.fps_mfps / 1000 == pytest.approx((7.0 - 4.6) / 0.26, rel=0.05)
    poor = Board(policy=replace(policy, budget_mw=4700), facts=facts(priors=()), change=never).last(3 * MINUTE)
    assert poor.verdict.point.fps_mfps == 5000

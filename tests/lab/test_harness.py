"""The score is kept honestly: energy, worth, misses, violations and evidence against closed forms."""

import json
from dataclasses import replace
from math import erf, sqrt
from typing import Any

import pytest

from adaptd.lab.controllers import ONLINE, make
from adaptd.lab.controllers.baselines import LabSetpoint
from adaptd.lab.episode import Episode
from adaptd.lab.harness import simulate
from adaptd.lab.score import Result
from adaptd.vocabulary import LIGHT, OperatingPoint, Snapshot
from tests.readings import value
from tests.twin.worlds import EFFICIENT, FULL, PAUSE, TEXT, Script, episode, policy, profile

KEYS = (
    "controller scenario cost_mj energy_mj frames_target frames_delivered deadline_misses over_limit_s over_critical_s "
    "budget_over_s unproven_frames swaps rate_changes rate_changes_felt "
    "shadow_frames efficient_share statements statements_broken realised_loss_ppm decisions "
    "step_p50_us step_p99_us"
).split()


def _run(world: Episode, controller: Any) -> Result:
    return simulate(world.scenario, world.policy, world.profile, world.facts, controller)


def test_energy_and_cost_add_up() -> None:
    """600 s at 15 fps: idle plus 9,000 frames of 200 mJ, and each is worth 500 mJ."""
    result = _run(episode(), Script(FULL))
    idle_uj = profile().idle_power_mw * 600 * 1000
    assert result.energy_uj == pytest.approx(idle_uj + 9000 * 200_000)
    assert result.cost_uj == pytest.approx(idle_uj - 9000 * 300_000)
    assert (result.frames_delivered, result.frames_target) == (pytest.approx(9000), 9000)


def test_the_printed_object_has_the_documented_keys_in_their_units() -> None:
    """`adaptd simulate --json` prints these keys and no others; costs in millijoules."""
    result = _run(episode(), Script(FULL))
    plain = result.to_plain()
    assert list(plain) == KEYS
    assert plain["cost_mj"] == pytest.approx(result.cost_uj / 1000, abs=1e-3)
    json.dumps(plain)


def test_contention_multiplies_latency_and_active_energy() -> None:
    """Under a slow-down of 2.5 a frame costs 2.5 times its energy and takes 2.5 times as long."""
    script = Script(FULL)
    world = episode(slow_down_ppm=((0, 2_500_000),), duration_us=100_000_000)
    result = _run(world, script)
    assert result.energy_uj == pytest.approx(profile().idle_power_mw * 100_000 + 1500 * 500_000)
    assert script.seen[10].worker.served[0].latency_max_us == 50_000


def test_a_frame_after_the_deadline_costs_energy_and_earns_nothing() -> None:
    """At 80 ms a frame, past 66 ms, 12.5 of 15 fps are computed, all of them too late."""
    result = _run(episode(slow_down_ppm=((0, 4_000_000),), duration_us=80_000_000), Script(FULL))
    assert result.frames_delivered == 0
    assert result.deadline_misses == pytest.approx(12.5 * 80)
    assert result.worth_uj == 0


def test_the_share_of_late_frames_is_that_of_the_normal_law() -> None:
    """Mean latency 60 ms with 10 % deviation: 1 - Phi(1) of the frames miss 66 ms."""
    world = episode(slow_down_ppm=((0, 3_000_000),), noise_latency_ppm=100_000, duration_us=100_000_000)
    result = _run(world, Script(FULL))
    late = 0.5 * (1 - erf(1.0 / sqrt(2)))
    assert result.deadline_misses / (result.deadline_misses + result.frames_delivered) == pytest.approx(late)


def test_frames_that_do_not_fit_are_dropped_and_cost_nothing() -> None:
    """A 20 ms engine at a slow-down of 5 computes 10 of 15 fps; telemetry says that five were dropped."""
    script = Script(FULL)
    result = _run(episode(slow_down_ppm=((0, 5_000_000),), duration_us=20_000_000), script)
    assert result.energy_uj == pytest.approx(profile().idle_power_mw * 20_000 + 10 * 20 * 1_000_000)
    assert script.seen[5].worker.dropped == 5


def test_a_rate_above_the_target_earns_no_more() -> None:
    """Frames beyond target_fps are worth nothing."""
    rules = policy(levels_mfps=(5_000, 15_000, 30_000))
    fast = _run(episode(rules=rules), Script(OperatingPoint("fp16", 30_000)))
    assert fast.worth_uj == pytest.approx(9000 * 500_000)


def test_telemetry_counts_whole_frames_that_never_drift_from_the_truth() -> None:
    """7.5 fps is 7 and 8 in turn, and the sum is right to one frame."""
    rules = policy(levels_mfps=(5_000, 7_500, 15_000))
    script = Script(OperatingPoint("fp16", 7_500))
    result = _run(episode(rules=rules), script)
    counted = [snapshot.worker.delivered for snapshot in script.seen[1:]]
    assert set(counted) == {7, 8}
    assert abs(sum(counted) + 7.5 - result.frames_delivered) <= 1


def test_a_shadow_frame_costs_what_the_engine_beside_costs() -> None:
    """A tenth of INT8's frames run on the reference too, and of the reference's on INT8."""
    plain, shadowed = _run(episode(), Script(EFFICIENT)), _run(episode(), Script(EFFICIENT, shadow_ppm=100_000))
    assert shadowed.energy_uj - plain.energy_uj == pytest.approx(900 * 200_000)
    assert shadowed.shadow_frames == pytest.approx(900)
    other = _run(episode(), Script(FULL, shadow_ppm=100_000))
    assert other.energy_uj - _run(episode(), Script(FULL)).energy_uj == pytest.approx(900 * 100_000)


def test_shadow_losses_are_drawn_from_the_truth_of_the_light() -> None:
    """At night 3 % of the shadow frames differ, in the light none do, and each names its band."""
    script = Script(FULL, shadow_ppm=1_000_000)
    _run(episode(light_mlx=((0, 1_000), (300_000_000, 1_000), (301_000_000, 500_000))), script)
    losses = [shadow for snapshot in script.seen for shadow in snapshot.worker.shadows]
    night = [shadow.loss_ppm for shadow in losses if shadow.band == "night"]
    bright = [shadow.loss_ppm for shadow in losses if shadow.band == "bright"]
    assert sum(night) / len(night) == pytest.approx(30_000, rel=0.3)
    assert len(bright) > 4000
    assert sum(bright) == 0


def test_time_over_limit_and_critical_is_counted_by_the_tick() -> None:
    """Air of 90 degC is over the limit of 85 all the time, and over 95 once idle power has warmed the board."""
    result = _run(episode(ambient_mc=((0, 90_000),)), Script(PAUSE))
    assert result.over_limit_us == 600_000_000
    assert result.over_critical_us == 600_000_000
    assert _run(episode(), Script(PAUSE)).over_limit_us == 0


def test_time_over_the_budget_in_force_is_counted() -> None:
    """An outside budget of 6 W holds for 100 s; 7.6 W break it for exactly that long."""
    curve = ((0, None), (100_000_000, 6_000), (200_000_000, None))
    assert _run(episode(budget_mw=curve), Script(FULL)).budget_over_us == 100_000_000
    assert _run(episode(budget_mw=curve), Script(PAUSE)).budget_over_us == 0


def test_frames_without_a_coin_are_beyond_the_account() -> None:
    """A controller that serves INT8 and tosses no coin proves nothing: all of its frames beyond the loan are counted."""
    frames = _run(episode(), Script(EFFICIENT)).unproven_frames
    assert 8_700 < frames < 9_000
    assert _run(episode(), Script(FULL)).unproven_frames == 0


def test_a_window_that_lost_more_than_it_may_is_a_broken_statement() -> None:
    """INT8 truly loses 3 % at night: served there all the time, the window ends with a broken statement; by day it does not."""
    dark = _run(episode(light_mlx=((0, 1_000),)), Script(EFFICIENT))
    assert (dark.statements, dark.statements_broken) == (1, 1)
    assert 20_000 < dark.realised_loss_ppm["night"] < 40_000
    assert _run(episode(light_mlx=((0, 500_000),)), Script(EFFICIENT)).statements_broken == 0


def test_swaps_are_changes_of_the_engine_that_serves() -> None:
    """Two engines in turn are a swap a tick; rates alone are none."""
    assert _run(episode(duration_us=20_000_000), Script(EFFICIENT, FULL)).swaps == 20
    assert _run(episode(), Script(FULL, OperatingPoint("fp16", 5_000))).swaps == 0


@pytest.mark.parametrize("name", ONLINE)
def test_the_same_seed_gives_the_same_result(name: str) -> None:
    """Every online controller repeats itself to the last digit; only the step times differ."""
    text = TEXT.replace("truth:", "truth:\n  noise: {temperature_c: 0.3, power_w: 0.2, light_pct: 5, latency_pct: 3}")
    found = []
    for _ in range(2):
        world = episode(text, duration_us=120_000_000)
        result = _run(world, make(name, world.scenario, world.policy, world.profile, world.facts))
        found.append(replace(result, step_p50_us=None, step_p99_us=None))
    assert found[0] == found[1]


def test_controllers_meet_the_same_noise() -> None:
    """What one controller does never changes the noise on the light that another one reads."""
    text = TEXT.replace("truth:", "truth:\n  noise: {temperature_c: 0.3, power_w: 0.2, light_pct: 5, latency_pct: 3}")
    first, second = Script(FULL, shadow_ppm=500_000), Script(PAUSE)
    for script in (first, second):
        _run(episode(text, duration_us=60_000_000), script)
    assert [value(one, "light") for one in first.seen] == [value(two, "light") for two in second.seen]


def test_a_rate_that_the_policy_does_not_list_is_refused() -> None:
    """Where a policy lists levels the operating points are the same for everyone: these and a pause; else any rate is served."""
    with pytest.raises(ValueError, match="no level of policy feeder"):
        _run(episode(rules=policy(levels_mfps=(5_000, 8_000, 10_000, 15_000))), Script(OperatingPoint("fp16", 14_000)))
    assert _run(episode(), Script(OperatingPoint("fp16", 14_000))).frames_delivered == pytest.approx(14 * 600)


class _Brighter:
    """adaptd behind a light sensor that shows four times as much as there is: it serves under the account of a brighter band."""

    name = "brighter"

    def __init__(self, world: Episode) -> None:
        self._inner = make("adaptd", world.scenario, world.policy, world.profile, world.facts)

    def decide(self, snapshot: Snapshot) -> Any:
        """What adaptd does in the light that it sees."""
        raw = [replace(one, value=one.value * 4) if one.quantity == LIGHT else one for one in snapshot.raw]
        return self._inner.decide(replace(snapshot, raw=tuple(raw)))

    def restart(self, now_us: int) -> None:
        """As adaptd."""
        self._inner.restart(now_us)


def test_frames_under_the_account_of_a_band_that_does_not_hold_the_light_are_unproven() -> None:
    """In 100 lux, which is no bright light, every frame served as if it were bright counts against the controller."""
    world = episode(light_mlx=((0, 100_000),), duration_us=120_000_000)
    result = _run(world, _Brighter(world))
    assert result.unproven_frames >= 0.99 * result.efficient_frames > 1000


def test_where_two_bands_overlap_the_account_of_either_will_do() -> None:
    """200 lux lie in dim and in bright light: a controller that takes them for bright serves what is proven there."""
    world = episode(light_mlx=((0, 200_000),), duration_us=120_000_000)
    result = _run(world, _Brighter(world))
    assert result.unproven_frames == 0
    assert result.efficient_frames > 1000


def test_an_interval_that_two_engines_shared_counts_for_both() -> None:
    """Where INT8 may serve five of fifteen frames, a third of the frames is efficient, not all that were asked of it."""
    five = LabSetpoint(EFFICIENT, 0, most_frames=5)

    class Few(Script):
        def decide(self, snapshot: Any) -> Any:
            """The same each time."""
            return five

    assert _run(episode(), Few(EFFICIENT)).to_plain()["efficient_share"] == pytest.approx(1 / 3, abs=1e-3)

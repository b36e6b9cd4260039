"""The baselines do what their papers and their scripts say, told what everyone is told."""

from dataclasses import replace
from math import erf, sqrt
from statistics import mean

import pytest

from adaptd.lab.best_static import best_static, try_all
from adaptd.lab.controllers import make
from adaptd.lab.controllers.alert import Alert, Configuration, IdleRatio, SlowDown, pooled_quality
from adaptd.lab.controllers.baselines import Threshold, static_efficient, static_reference
from adaptd.lab.controllers.guarded import GuardedAlert, band_of
from adaptd.lab.harness import simulate
from adaptd.vocabulary import Measured, Missing, MissingReason, OperatingPoint, Prior, Served, Snapshot, Telemetry, VariantFacts
from tests.readings import Said, sensed, told
from tests.twin.worlds import episode, policy, profile

FACTS = (
    VariantFacts("fp16", 200_000, 20_000),
    VariantFacts("int8", 100_000, 10_000, False, (Prior("bright", 3000, 3), Prior("dim", 1000, 5))),
)


def _snapshot(
    temperature: Said, served: tuple[Served, ...] = (), power_mw: int | None = None, budget_mw: int | None = None
) -> Snapshot:
    point = OperatingPoint(served[0].variant if served else "fp16", 15_000)
    frames = sum(one.frames for one in served)
    power = MissingReason.GONE if power_mw is None else power_mw
    worker = Telemetry(True, point, frames, served=served)
    return sensed(0, temperature, power, 500_000, worker, budget_mw)


def _celsius(value: float) -> int:
    return round(value * 1000)


def test_the_threshold_script_steps_up_at_once_and_back_below_resume() -> None:
    """85: the efficient variant; 90: half the rate; in between nothing changes; below 80 all is forgiven."""
    script = Threshold(policy(levels_mfps=(5_000, 8_000, 10_000, 15_000)), FACTS)
    path = [
        (84, "fp16", 15),
        (85, "int8", 15),
        (84, "int8", 15),
        (90, "int8", 5),
        (86, "int8", 5),
        (80, "int8", 5),
        (79, "fp16", 15),
    ]
    for celsius, variant, fps in path:
        assert script.decide(_snapshot(_celsius(celsius))).point == OperatingPoint(variant, fps * 1000)


def test_the_threshold_script_ignores_a_missing_temperature() -> None:
    """No reading, no change: what such scripts do."""
    script = Threshold(policy(), FACTS)
    script.decide(_snapshot(_celsius(86)))
    assert script.decide(_snapshot(MissingReason.GONE)).point.variant == "int8"
    script.restart(0)
    assert script.decide(_snapshot(MissingReason.GONE)).point.variant == "fp16"


def test_the_static_baselines_are_the_two_ends() -> None:
    """Reference and efficient variant at the target rate, whatever happens."""
    hot = _snapshot(_celsius(120))
    assert static_reference(policy()).decide(hot).point == OperatingPoint("fp16", 15_000)
    assert static_efficient(policy(), FACTS).decide(hot).point == OperatingPoint("int8", 15_000)


def test_the_slow_down_filter_follows_the_published_update() -> None:
    """Two updates by hand: s = (1 - K) var + Q, K = s / (s + R), mu += K y, Q = max(0.1, 0.3 Q + 0.7 (K y)^2)."""
    slow = SlowDown()
    slow.update(2.0)
    s = 0.5 * 0.1 + 0.1
    gain = s / (s + 0.001)
    assert slow.var == pytest.approx(s)
    assert slow.mu == pytest.approx(1 + gain * 1.0)
    before = slow.mu
    slow.update(2.0)
    process = max(0.1, 0.3 * 0.1 + 0.7 * (gain * 1.0) ** 2)
    s = (1 - gain) * s + process
    assert slow.mu == pytest.approx(before + s / (s + 0.001) * (2.0 - before))


def test_the_slow_down_filter_converges_to_a_constant_factor() -> None:
    """A device that is 1.7 times slower is known to be after a few frames."""
    slow = SlowDown()
    for _ in range(20):
        slow.update(1.7)
    assert slow.mu == pytest.approx(1.7, abs=1e-6)


def test_a_deadline_probability_is_the_normal_law_at_the_slowed_latency() -> None:
    """Pr = Phi((goal - mu t) / (sqrt(var) t))."""
    slow = SlowDown()
    slow.mu, slow.var = 1.5, 0.04
    one = Configuration(FACTS[0], 15_000, 4_600, 1.0)
    z = (33_000 - 30_000) / (0.2 * 20_000)
    assert one.in_time(slow, 33_000) == pytest.approx(0.5 * (1 + erf(z / sqrt(2))))


def test_power_is_computing_and_idling_by_turns() -> None:
    """E = p mu t + phi p (T - mu t) over a period T is idle plus rate times marginal energy when phi is idle over active."""
    one = Configuration(FACTS[0], 15_000, 4_600, 1.0)
    slow = SlowDown()
    assert one.power_mw(slow, 4_600 / one.active_mw) == pytest.approx(4_600 + 15 * 200)


def test_the_idle_ratio_filter_converges() -> None:
    """Other load shows up as a higher idle ratio."""
    ratio = IdleRatio(0.3)
    for _ in range(200):
        ratio.update(0.5)
    assert ratio.phi == pytest.approx(0.5, abs=1e-3)


def test_accuracy_is_pooled_over_light_because_alert_has_no_light_input() -> None:
    """8 of 4,000 frames disagreed; a variant that nobody qualified has no accuracy at all."""
    assert pooled_quality(FACTS[0], policy()) == 1.0
    assert pooled_quality(FACTS[1], policy()) == pytest.approx(1 - 8 / 4000)
    assert pooled_quality(VariantFacts("int8", 1, 1), policy()) == 0.0


def test_alert_takes_the_variant_that_is_worth_most_and_keeps_the_budget() -> None:
    """With room INT8 at full rate; under a budget of 5.3 W the highest rate that it expects to fit."""
    alert = Alert(policy(levels_mfps=(5_000, 8_000, 10_000, 15_000)), profile(), FACTS)
    assert alert.decide(_snapshot(_celsius(50))).point == OperatingPoint("int8", 15_000)
    served = (Served("int8", 15, 150_000, 10_000),)
    for _ in range(50):
        choice = alert.decide(_snapshot(_celsius(50), served, power_mw=6_100, budget_mw=5_500))
    assert choice.point == OperatingPoint("int8", 8_000)


def test_alert_keeps_its_accuracy_goal_on_average_over_its_window() -> None:
    """Pooled over light 2 % disagree, the goal is half a point: at most a quarter of the window can be INT8's."""
    bad = (FACTS[0], VariantFacts("int8", 100_000, 10_000, False, (Prior("bright", 1000, 20),)))
    alert = Alert(policy(), profile(), bad)
    variant, efficient = "fp16", 0
    for _ in range(100):
        latency = 20_000 if variant == "fp16" else 10_000
        variant = alert.decide(_snapshot(_celsius(50), (Served(variant, 15, 15 * latency, latency),))).point.variant
        efficient += variant == "int8"
    assert 15 <= efficient <= 26


def test_alert_knows_neither_heat_nor_light() -> None:
    """Its choice is the same at 40 and at 120 degC: what it is judged on, not blamed for."""
    choices = {Alert(policy(), profile(), FACTS).decide(_snapshot(_celsius(c))).point for c in (40, 120)}
    assert len(choices) == 1


def _guarded_in(celsius: float, lux: float, seconds: int, **changes: int) -> OperatingPoint:
    """What the guarded ALERT chooses after so many seconds of the same weather."""
    proven = (FACTS[0], replace(FACTS[1], priors=(Prior("bright", 3000, 0), Prior("dim", 200, 0))))
    guarded = GuardedAlert(policy(), profile(), proven)
    point = OperatingPoint("fp16", 15_000)
    for second in range(seconds):
        reading = _snapshot(_celsius(celsius), **changes)
        light = told(reading, "light", round(lux * 1000))
        point = guarded.decide(replace(light, now_us=second * 1_000_000)).point
    return point


def test_a_guarded_alert_serves_only_what_qualification_speaks_for_in_the_light_of_now() -> None:
    """3,000 frames without a difference speak for INT8 in bright light, 200 are too few in dim; in unknown light nothing does."""
    assert _guarded_in(50, 500, 3).variant == "int8"
    assert _guarded_in(50, 100, 3).variant == "fp16"
    bands = policy().bands
    assert band_of(bands, "bright", Missing(MissingReason.GONE)) == ""
    assert [band_of(bands, held, Measured(200_000, 0, "test")) for held in ("dim", "bright")] == ["dim", "bright"]


def test_a_guarded_alert_slows_down_at_the_limit_and_comes_back_below_it() -> None:
    """At the limit it goes down level by level to the pause; cooler, it is back; without a temperature it pauses."""
    assert _guarded_in(85, 500, 60).fps_mfps == 0
    assert _guarded_in(80, 500, 60).fps_mfps == 15_000
    guarded = GuardedAlert(policy(), profile(), FACTS)
    for second in range(60):
        point = guarded.decide(replace(_snapshot(MissingReason.GONE), now_us=second * 1_000_000)).point
    assert point.fps_mfps == 0


def test_a_guarded_alert_slows_down_while_the_board_draws_more_than_its_budget() -> None:
    """8 W measured of 7 W allowed: down at once, whatever its own model says."""
    assert _guarded_in(50, 500, 60, power_mw=8_000, budget_mw=7_000).fps_mfps == 0
    assert _guarded_in(50, 500, 60, power_mw=5_000, budget_mw=9_000).fps_mfps == 15_000


def test_best_static_is_the_cheapest_point_that_breaks_nothing() -> None:
    """In a warm room only 5 and 8 fps of INT8 keep the limit: hindsight takes 8."""
    world = episode(ambient_mc=((0, 77_300),), duration_us=900_000_000)
    words = (world.scenario, world.policy, world.profile, world.facts)
    sound = [trial for trial in try_all(*words) if trial.broken == 0]
    best = best_static(*words)
    assert best.over_limit_us == 0
    assert best.cost_uj / 1e6 == pytest.approx(min(trial.cost_j for trial in sound), rel=1e-9)


def test_best_static_agrees_with_the_harness_on_every_point() -> None:
    """The vectorised trial of each point and the harness's run of it give the same cost."""
    from adaptd.lab.controllers.baselines import Static

    world = episode(slow_down_ppm=((0, 1_000_000), (300_000_000, 3_000_000)), noise_latency_ppm=50_000)
    words = (world.scenario, world.policy, world.profile, world.facts)
    for trial in try_all(*words):
        result = simulate(*words, Static("one", trial.point))
        assert result.cost_uj / 1e6 == pytest.approx(trial.cost_j, rel=1e-9)


def test_every_controller_is_told_the_same() -> None:
    """An online controller gets policy, profile and qualification, and an unknown name is refused."""
    world = episode()
    assert make("alert", world.scenario, world.policy, world.profile, world.facts).name == "alert"
    with pytest.raises(ValueError, match="no such online controller"):
        make("oracle", world.scenario, world.policy, world.profile, world.facts)
    assert mean(fact.energy_uj for fact in world.facts) == 150_000

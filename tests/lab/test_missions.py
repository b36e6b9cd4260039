"""Missions on a battery: the best plan in hindsight is what can be counted by hand, and a short mission ends near its reserve."""

from dataclasses import replace

import pytest

from adaptd.config.endurance import Endurance
from adaptd.lab.episode import run
from adaptd.lab.missions import Watcher, best_frames
from adaptd.twin.words import BatteryTruth
from tests.twin.worlds import episode, policy, profile

HOUR_S = 3600
GOAL = Endurance(100_000, lasts_us=HOUR_S * 1_000_000)


def test_the_best_plan_in_hindsight_is_the_one_that_can_be_counted() -> None:
    """One hour in the dark, where only frames of 200 mJ may be served: the energy above idle and reserve over 0.2 J.

    Who went below the reserve is held against a plan that may as well, and who kept more is not.
    """
    idle_j = profile().idle_power_mw / 1000 * HOUR_S
    full_uj = round((idle_j + 10 * HOUR_S * 0.2) / 0.9 * 1e6)
    rules = replace(policy(), budget_mw=None, endurance=GOAL)
    world = episode(rules=rules, light_mlx=((0, 1000),), duration_us=HOUR_S * 1_000_000, battery=BatteryTruth(full_uj))
    assert best_frames(world) == pytest.approx(10 * HOUR_S, rel=1e-3)
    more = 0.02 * full_uj / 1e6 / 0.2
    assert best_frames(world, None, 80_000) == pytest.approx(10 * HOUR_S + more, rel=1e-3)
    assert best_frames(world, None, 120_000) == best_frames(world)


def test_a_plan_that_must_prove_pays_for_its_shadows_and_serves_only_what_was_proven() -> None:
    """In bright light INT8 at 100 mJ is twice as many frames; not proven it is none, and half of them shadowed cost a fifth."""
    idle_j = profile().idle_power_mw / 1000 * HOUR_S
    full_uj = round((idle_j + 10 * HOUR_S * 0.2) / 0.9 * 1e6)
    rules = replace(policy(), budget_mw=None, target_mfps=30_000, floor_mfps=5_000, levels_mfps=(), endurance=GOAL)
    world = episode(rules=rules, light_mlx=((0, 500_000),), duration_us=HOUR_S * 1_000_000, battery=BatteryTruth(full_uj))
    unproven = Watcher()
    unproven.allowed, unproven.shares = [False] * world.scenario.ticks, [0.5] * world.scenario.ticks
    assert best_frames(world) == pytest.approx(20 * HOUR_S, rel=1e-3)
    assert best_frames(world, unproven.unshadowed()) == pytest.approx(10 * HOUR_S, rel=1e-3)
    assert best_frames(world, unproven) == pytest.approx(8 * HOUR_S, rel=1e-3)


def test_a_mission_ends_near_its_reserve_although_the_label_lies() -> None:
    """An hour on a battery that holds four fifths of its label: it ends within three per cent of the reserve, and lasts."""
    idle_j = profile().idle_power_mw / 1000 * HOUR_S
    true_uj = (idle_j + 10 * HOUR_S * 0.2) / 0.9 * 1e6
    battery = BatteryTruth(round(true_uj / 0.8), capacity_scale_ppm=800_000, noise_ppm=2_000)
    rules = replace(policy(), budget_mw=None, endurance=GOAL)
    light, air, hour_us = ((0, 1000),), ((0, 15_000),), HOUR_S * 1_000_000
    world = episode(rules=rules, light_mlx=light, ambient_mc=air, duration_us=hour_us, tick_us=4_000_000, battery=battery)
    result = run(world, "adaptd")
    assert result.lasted_us == hour_us
    assert result.battery_end_ppm == pytest.approx(100_000, abs=30_000)
    assert result.frames_delivered > 0.95 * best_frames(world)

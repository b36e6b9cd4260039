"""A policy that can oscillate, has a state without a safe exit, or holds for too short is refused before it runs."""

from dataclasses import replace

import pytest

from adaptd.brain.decide.analysis import against, findings, seconds_to_fall, settled_mc
from adaptd.brain.decide.inputs import dwell_us
from adaptd.config.policy import Policy, load_policy
from adaptd.config.profile import HardwareProfile, Pole, load_profile
from tests.brain.decide.plant import board, facts, feeder
from tests.conftest import ROOT

SHIPPED = sorted((ROOT / "policies").glob("*.yaml"))


def wrong(policy: Policy, profile: HardwareProfile | None = None) -> list[str]:
    """Every finding."""
    profile = profile or board()
    return [*findings(policy), *against(policy, profile, facts(), dwell_us(profile))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_policies_are_sound(path: object) -> None:
    """What ships neither oscillates nor traps, on the boards it is meant for."""
    policy = load_policy(path)  # type: ignore[arg-type]
    for name in ("orin-nx-16gb", "orin-nano-super"):
        profile = load_profile(ROOT / "hw_profiles" / f"{name}.yaml")
        assert findings(policy) == []
        assert against(policy, profile, facts(60, 40), dwell_us(profile)) == []


def test_light_bands_that_noise_can_cross_are_refused() -> None:
    """An overlap of 5 % is no hysteresis for a sensor with 5 % of noise."""
    night, dim, bright = feeder().bands
    narrow = replace(feeder(), bands=(replace(night, up_at_mlx=8400), dim, bright))
    assert ["can oscillate" in line and "night and dim" in line for line in findings(narrow)] == [True]
    assert findings(replace(feeder(), bands=(replace(night, up_at_mlx=10_000), dim, bright))) == []


def test_a_resume_within_the_noise_of_the_limit_is_refused() -> None:
    """Two kelvin of hysteresis is what a 0.3 K sensor shows by itself."""
    assert any("thermal.resume_c" in line for line in findings(replace(feeder(), resume_mc=83_000)))
    assert findings(replace(feeder(), resume_mc=82_000)) == []


@pytest.mark.parametrize(("resume_mc", "sound"), [(82_550, True), (82_650, False)])
def test_a_hysteresis_is_wider_than_four_sigma_each_way(resume_mc: int, sound: bool) -> None:
    """With 0.3 K of noise that is 2.4 K: both ends of it are crossed by noise alone once in 30,000 readings."""
    assert (findings(replace(feeder(), resume_mc=resume_mc)) == []) is sound


def test_a_resume_that_is_reached_before_the_dwell_is_refused() -> None:
    """When shedding load cools the board through the hysteresis in seconds, the state flips faster than the board can tell."""
    quick = replace(board(), poles=(Pole(1500, 2000), Pole(1600, 60_000)))
    line = next(line for line in wrong(replace(feeder(), resume_mc=82_500), quick) if "can oscillate" in line)
    assert "before the dwell of 30 s" in line
    assert not [line for line in wrong(feeder()) if "oscillate" in line]


@pytest.mark.parametrize(
    ("policy", "profile", "words"),
    [
        (feeder(), replace(board(), passive_mc=85_000), "passive trip"),
        (feeder(), replace(board(), ambient_mc=75_000), "idle alone settles"),
        (
            replace(feeder(), floor_mfps=15_000, resume_mc=84_000),
            replace(board(), ambient_mc=74_000),
            "falling back to it is no safe",
        ),
        (replace(feeder(), budget_mw=5500), board(), "power.budget_w"),
        (replace(feeder(), critical_mc=110_000), board(), "switches itself off"),
        (replace(feeder(), efficient_lease_us=5_000_000), board(), "lease_s.efficient: 5 s is shorter than the dwell of 19 s"),
        (replace(feeder(), reduced_lease_us=5_000_000), board(), "lease_s.reduced_rate"),
    ],
)
def test_a_trap_is_named_with_its_remedy(policy: Policy, profile: HardwareProfile, words: str) -> None:
    """Each refusal is one line: the key, what is wrong in numbers, and what to change."""
    lines = [line for line in wrong(policy, profile) if words.partition(":")[0] in line or words in line]
    assert any(words in line for line in lines), lines
    assert all("\n" not in line and (", " in line) for line in lines)


def test_the_plant_of_the_check_is_the_closed_form() -> None:
    """It settles at ambient + R P, and a single pole falls by R dP (1 - 1/e) in one time constant."""
    single = replace(board(), poles=(Pole(2000, 40_000),), ambient_mc=30_000)
    assert settled_mc(single, 5000) == 40_000
    assert seconds_to_fall(single, 5000, 6321) == pytest.approx(40.0, rel=0.002)
    assert seconds_to_fall(single, 5000, 10_001) is None


def test_the_dwell_follows_the_dominant_pole() -> None:
    """Half of the time constant of the strongest pole, within 10 s and a minute."""
    assert dwell_us(board()) == 19_000_000
    assert dwell_us(replace(board(), poles=(Pole(1000, 4000),))) == 10_000_000
    assert dwell_us(replace(board(), poles=(Pole(1000, 900_000), Pole(250, 1000)))) == 60_000_000

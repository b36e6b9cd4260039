"""Policies: every shipped one loads, every contradiction is refused, and human units become integers once."""

import random
from pathlib import Path

import pytest

from adaptd.config.endurance import Endurance
from adaptd.config.errors import ConfigError
from adaptd.config.policy import load_policy, parse_policy
from tests.conftest import ROOT

REFUSED = [
    ("max_loss_points: 0.5", "max_loss_points: .nan", "accuracy.max_loss_points"),
    ("max_loss_points: 0.5", "max_loss_points: 0.5%", "accuracy.max_loss_points"),
    ("max_loss_points: 0.5", "max_loss_points: -1", "accuracy.max_loss_points"),
    ("max_loss_points: 0.5", "max_loss_points: true", "accuracy.max_loss_points"),
    ("max_loss_points: 0.5", "max_loss_pct: 0.5", "accuracy.max_loss_pct"),
    ("confidence_pct: 99", "confidence_pct: 100", "accuracy.confidence_pct"),
    ("confidence_pct: 99", "confidence_pct: 99\n  miss_weight: 0", "accuracy.miss_weight"),
    ("confidence_pct: 99", "confidence_pct: 99.99999999", "accuracy.confidence_pct"),
    ("confidence_pct: 99", "confidence_pct: 99\n  expected_h: {noon: 3}", "accuracy.expected_h.noon"),
    ("confidence_pct: 99", "confidence_pct: 99\n  expected_h: {dim: 25}", "accuracy.expected_h.dim"),
    ("confidence_pct: 99", "confidence_pct: 99\n  expected_h: {dim: -1}", "accuracy.expected_h.dim"),
    ("confidence_pct: 99", "confidence_pct: 99\n  expected_h: {dim: 13, bright: 12}", "accuracy.expected_h"),
    ("resume_c: 80", "resume_c: 85", "thermal.resume_c"),
    ("critical_c: 95", "critical_c: 85", "thermal.limit_c"),
    ("floor_fps: 5}", "floor_fps: 5, levels_fps: [5, 8, 14]}", "frame_rate.target_fps"),
    ("floor_fps: 5}", "floor_fps: 5, levels_fps: [6, 8, 15]}", "frame_rate.floor_fps"),
    ("floor_fps: 5}", "floor_fps: 5, levels_fps: [5, 8, 15, 20]}", "frame_rate.levels_fps"),
    ("floor_fps: 5}", "floor_fps: 5, levels_fps: [2, 5, 8, 15]}", "frame_rate.levels_fps"),
    ("budget_w: 12", "budget_w: 12, window_s: 0", "power.window_s"),
    ("deadline_ms: 66", "deadline_ms: 66\nlate_pct: 0", "late_pct"),
    ("deadline_ms: 66", "deadline_ms: 66\nlate_pct: .nan", "late_pct"),
    ("deadline_ms: 66", "deadline_ms: 66\nmodes: [15W, 15W]", "modes"),
    ("deadline_ms: 66", "deadline_ms: 66\nmodes: [../15W]", "modes.0"),
    ("budget_w: 12", "budget_w: 12, window_s: 604800", "power.window_s"),
    ("budget_w: 12", "budget_w: 12, peak_w: 11", "power.peak_w"),
    ("target_fps: 15, floor_fps: 5", "target_fps: 5, floor_fps: 15", "frame_rate.target_fps"),
    ("floor_fps: 5}", "floor_fps: 5, levels_fps: [5, 8, 8, 15]}", "frame_rate.levels_fps"),
    ("efficient: [int8]", "efficient: [fp16]", "efficient"),
    ("efficient: [int8]", "efficient: int8", "efficient"),
    ("reference: fp16", "reference: ../fp16", "reference"),
    ("schema: 1", "schema: 2", "schema"),
    ("on_conflict: protect_device", "on_conflict: hope", "on_conflict"),
    ("down_at_lux: 8", "down_at_lux: 15", "light.bands.1.down_at_lux"),
    ("down_at_lux: 8", "down_at_lux: 300", "light.bands.1"),
    ("{name: dim, down_at_lux: 8,", "{name: dim,", "light.bands.1"),
    ("name: dim,", "name: night,", "light.bands.1.name"),
    ("{name: night, up_at_lux: 15}", "{name: night, down_at_lux: 1, up_at_lux: 15}", "light.bands.0.down_at_lux"),
    ("stale_after_s: 3", "stale_after_s: 0", "sensors.stale_after_s"),
    ("light:", "endurance: {}\nlight:", "endurance"),
    ("light:", "endurance: {hours: 9, until: '18:00'}\nlight:", "endurance"),
    ("light:", "endurance: {hours: 0}\nlight:", "endurance.hours"),
    ("light:", "endurance: {hours: 9h}\nlight:", "endurance.hours"),
    ("light:", "endurance: {hours: 200}\nlight:", "endurance.hours"),
    ("light:", "endurance: {until: 1800}\nlight:", "endurance.until"),
    ("light:", "endurance: {until: '24:00'}\nlight:", "endurance.until"),
    ("light:", "endurance: {hours: 9, reserve_pct: 100}\nlight:", "endurance.reserve_pct"),
    ("light:", "endurance: {hour: 9}\nlight:", "endurance.hour"),
    ("policy: feeder", "polcy: feeder", "polcy"),
]


@pytest.mark.parametrize("path", sorted((ROOT / "policies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_policy_loads(path: Path) -> None:
    """A policy that ships is a policy that runs."""
    assert load_policy(path).name == path.stem


def test_a_goal_for_the_battery_is_hours_or_a_time_of_day(feeder_text: str) -> None:
    """9.2 hours and 18:05 arrive as integers, the reserve as a part of a full one; without the key there is no goal."""
    hours = parse_policy(feeder_text.replace("light:", "endurance: {hours: 9.2, reserve_pct: 15}\nlight:", 1)).endurance
    until = parse_policy(feeder_text.replace("light:", 'endurance: {until: "18:05"}\nlight:', 1)).endurance
    assert hours == Endurance(150_000, lasts_us=33_120_000_000)
    assert until == Endurance(100_000, until_minute=1085)
    assert parse_policy(feeder_text).endurance is None


def test_human_units_become_integers_once(feeder_text: str) -> None:
    """85 degC, 12 W, 0.5 points and 66 ms arrive as the integers that the control loop compares."""
    policy = parse_policy(feeder_text)
    assert (policy.limit_mc, policy.budget_mw, policy.max_loss_ppm, policy.deadline_us) == (85_000, 12_000, 5_000, 66_000)
    assert (policy.alpha_ppm, policy.shadow_ppm, policy.frame_value_uj) == (10_000, 20_000, 500_000)
    assert policy.levels_mfps == ()
    assert policy.grid_mfps == (5_000, 7_000, 9_000, 11_000, 13_000, 15_000)
    both = parse_policy(feeder_text.replace("budget_w: 12", "budget_w: 12, window_s: 60, peak_w: 15"))
    assert (both.budget_window_us, both.peak_mw) == (60_000_000, 15_000)
    assert (policy.budget_window_us, policy.peak_mw) == (0, None)
    assert [band.name for band in policy.bands] == ["night", "dim", "bright"]


@pytest.mark.parametrize(("before", "after", "key"), REFUSED, ids=[f"{key}-{index}" for index, (_, _, key) in enumerate(REFUSED)])
def test_a_contradiction_is_refused_with_file_line_and_key(feeder_text: str, before: str, after: str, key: str) -> None:
    """A value that cannot be meant is refused with file, line, column, key and remedy, one line a fault."""
    assert before in feeder_text
    with pytest.raises(ConfigError) as caught:
        parse_policy(feeder_text.replace(before, after, 1), "p.yaml")
    for line in caught.value.lines:
        name, row, column, rest = line.split(":", 3)
        assert (name, row.isdigit(), column.isdigit()) == ("p.yaml", True, True)
        assert ", " in rest, "the remedy follows the finding"
    assert any(f": {key}: " in line for line in caught.value.lines), str(caught.value)


def test_all_faults_are_named_at_once(feeder_text: str) -> None:
    """A user mends a file once, not fault by fault."""
    text = feeder_text.replace("deadline_ms: 66", "deadline_ms: soon").replace("shadow_pct: 2", "shadow_pct: 200")
    with pytest.raises(ConfigError) as caught:
        parse_policy(text, "p.yaml")
    assert len(caught.value.lines) == 2


def faults(text: str) -> tuple[str, ...]:
    """The fault lines of a policy text; anything but a ConfigError is an error of the test."""
    try:
        parse_policy(text, "p.yaml")
    except ConfigError as error:
        return error.lines
    return ()


def test_a_damaged_policy_is_refused_or_means_the_same_kind_of_thing(feeder_text: str) -> None:
    """Random damage never raises anything but ConfigError: 2,000 mutations of the shipped file."""
    rng = random.Random(7)
    alphabet = "abz019.:-{}[],&*!|>'\"%@`#\n\t \x00é"
    for _ in range(2000):
        text = list(feeder_text)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(text))
            if rng.random() < 0.5:
                text[place] = rng.choice(alphabet)
            else:
                del text[place : place + rng.randint(1, 8)]
        assert all(line.startswith("p.yaml:") for line in faults("".join(text)))


def test_a_missing_policy_file_is_one_line(tmp_path: Path) -> None:
    """A file that is not there is one line with its name."""
    with pytest.raises(ConfigError, match=r"nowhere.yaml:1:1: file: cannot be read \(No such file or directory\)"):
        load_policy(tmp_path / "nowhere.yaml")


FEEDER = (ROOT / "policies" / "feeder.yaml").read_text()


@pytest.mark.parametrize("name", ["feeder", "кормушка", "猫の餌場", "مطعم-القط", "बिल्ली", "Küche_2.1", "می‌خورد"])
def test_a_policys_name_may_be_in_any_script(name: str) -> None:
    """Letters, digits and marks of any script, with the joiners that some need."""
    assert parse_policy(FEEDER.replace("policy: feeder", f"policy: {name}", 1)).name == name


@pytest.mark.parametrize("name", ["a b", "a/b", "a\u202eb", "a\u00a0b", "<b>", "a\ufeff", "$HOME", "a;b", "-x", "..", "-" * 65])
def test_a_name_that_a_shell_a_path_or_a_reader_would_misread_is_refused(name: str) -> None:
    """Blanks, direction characters, markup, paths: one line with the place."""
    with pytest.raises(ConfigError, match=r":\d+:\d+: ") as refused:
        parse_policy(FEEDER.replace("policy: feeder", f'policy: "{name}"', 1))
    assert "\n" not in str(refused.value)

"""The table of a vehicle's shift, in short form: the same code on some minutes of the shipped scenario."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.cli import agv_table
from adaptd.cli.main import main
from adaptd.lab.agv_table import findings, heavy, run_table
from adaptd.lab.episode import Episode, load_episode
from adaptd.twin.scenario import scenarios_dir

QUALITY = {band: {"fp16": 980_000, "int8": 975_000} for band in ("dark", "hall", "daylight")}


@pytest.fixture(scope="module")
def shift() -> Episode:
    """Ten minutes of the shipped shift, with a battery of that size."""
    episode = load_episode(scenarios_dir() / "agv-shift.yaml")
    assert episode.scenario.battery is not None
    battery = replace(episode.scenario.battery, capacity_uj=episode.scenario.battery.capacity_uj // 50)
    return replace(episode, scenario=replace(episode.scenario, duration_us=600_000_000, battery=battery))


def test_every_claim_is_answered_and_every_row_is_simulated(shift: Episode) -> None:
    """Each claimed figure gets a line that says whether it holds, with the numbers; nothing passes for a measurement."""
    shifts = run_table({"orin-nx-16gb": shift}, QUALITY)
    assert [one.workload for one in shifts] == ["the scenario's model", "12 fps in FP16"]
    assert all(one.to_plain()["simulated"] is True for one in shifts)
    lines = findings(shifts)
    assert len(lines) == 5
    assert all(line.startswith(("holds: ", "does not hold: ", "cannot tell: ")) for line in lines)
    assert not any(one.after.broken for one in shifts)


def test_the_quality_is_that_of_the_engines_that_served(shift: Episode) -> None:
    """Before, all frames are FP16's; after, the mAP lies between the engines'; without a qualification nobody can tell."""
    found = run_table({"orin-nx-16gb": shift}, QUALITY)[0]
    assert found.before.map_at_50 == pytest.approx(0.98)
    assert found.after.map_at_50 is not None
    assert 0.975 <= found.after.map_at_50 <= 0.98
    blind = run_table({"orin-nx-16gb": shift}, {})[0]
    assert blind.before.map_at_50 is None
    assert any(line.startswith("cannot tell: mAP") for line in findings([blind, blind]))


def test_the_large_model_gives_twelve_frames_in_fp16(shift: Episode) -> None:
    """The claim's starting point is built from the scenario: 12 frames a second at the same watts, with no hours to last."""
    large = heavy(shift)
    assert large.facts[0].latency_us == round(1e6 / 12)
    assert large.facts[0].energy_uj / large.facts[0].latency_us == pytest.approx(
        shift.facts[0].energy_uj / shift.facts[0].latency_us, rel=1e-3
    )
    assert large.policy.endurance is None


def test_the_command_prints_the_table_and_one_object(
    shift: Episode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`adaptd agv table` says SIMULATED, shows the claim beside the figures, and with --json prints one object."""
    monkeypatch.setattr(
        "adaptd.lab.episode.load_episode", lambda *_: replace(shift, scenario=replace(shift.scenario, duration_us=60_000_000))
    )
    assert main(["agv", "table", "--profile", "orin-nx-16gb"]) == 0
    shown = capsys.readouterr().out
    assert "SIMULATED" in shown
    assert "26.3" in shown
    assert main(["agv", "table", "--profile", "orin-nx-16gb", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["simulated"], found["claimed"]["hours"]) == (True, [4.0, 9.2])
    assert len(found["shifts"]) == 2


def test_a_profile_that_does_not_exist_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """One line names the profile and where to look."""
    assert main(["agv", "table", "--profile", "no-such-board"]) != 0
    assert "no-such-board" in capsys.readouterr().err


def test_the_shipped_profiles_of_the_table_exist() -> None:
    """The boards that the table names ship with adaptd."""
    from adaptd.cli.profile import find_profile

    assert all(isinstance(find_profile(name), Path) for name in agv_table.PROFILES)

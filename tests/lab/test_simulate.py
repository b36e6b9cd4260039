"""`adaptd simulate`: one JSON object for any controller, one line for any mistake."""

import json
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.twin.words import CONTROLLERS
from tests.lab.test_harness import KEYS
from tests.twin.worlds import TEXT


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A scenario of two minutes."""
    path = tmp_path / "small.yaml"
    path.write_text(TEXT.replace("duration_s: 600", "duration_s: 120"))
    return path


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_every_controller_prints_the_documented_object(
    file: Path, root: Path, controller: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scenario, policy and controller on the command line; one object with the documented keys on stdout."""
    policy = str(root / "policies" / "feeder.yaml")
    assert main(["simulate", "--scenario", str(file), "--policy", policy, "--controller", controller, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert list(plain) == KEYS
    assert plain["controller"] == controller


def test_people_get_a_list(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json each figure has a line of its own."""
    assert main(["simulate", "--scenario", str(file), "--controller", "static-REF", "--profile", "orin-nano-super"]) == 0
    printed = capsys.readouterr().out
    assert "energy_mj" in printed
    assert printed.count("\n") == len(KEYS)


def test_a_shipped_scenario_is_found_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    """`--scenario demo` needs no path."""
    assert main(["simulate", "--scenario", "demo", "--controller", "threshold", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scenario"] == "demo"


def test_an_unknown_scenario_is_one_line_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage: code 2, and the names that would be right."""
    assert main(["simulate", "--scenario", "nosuch"]) == 2
    printed = capsys.readouterr().err
    assert "calm-day" in printed
    assert printed.count("\n") == 1


def test_a_bad_scenario_is_refused_by_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault in the file: code 1 and FILE:LINE:COL."""
    file.write_text(file.read_text().replace("seed: 5", "seed: five"))
    assert main(["simulate", "--scenario", str(file)]) == 1
    assert f"{file}:4:1: seed:" in capsys.readouterr().err

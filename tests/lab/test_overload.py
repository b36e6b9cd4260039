"""A program that overloads the machine for minutes and ends: power is believed again, on record, and the record is replayed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.log.verify.decided import decisions
from tests.conftest import ROOT

SECONDS = 240
POLICY = str(ROOT / "policies" / "default.yaml")
SCENARIO = """\
scenario: overload
schema: 1
seed: 7
duration_s: {seconds}
tick_s: 1
profile: generic-x86
bundle: null
variants:
  fp16: {{energy_mj: 200, latency_ms: 15}}
  int8:
    energy_mj: 120
    latency_ms: 9
    qualified: {{bright: {{n: 3000, disagreed: 2}}, dim: {{n: 3000, disagreed: 5}}}}
truth: {{}}
signals:
  ambient_c: [[0, 25]]
  light_lux: [[0, 500]]
  other_load_w: {load}
"""
Logged = Callable[[str], list[tuple[int, str]]]


@pytest.fixture
def logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Logged:
    """Simulates a load in watts and gives, second by second from its verified log, why power was missing ("" where believed)."""

    def run(load: str) -> list[tuple[int, str]]:
        file, log = tmp_path / "overload.yaml", tmp_path / "log"
        file.write_text(SCENARIO.format(seconds=SECONDS, load=load))
        assert main(["simulate", "--scenario", str(file), "--policy", POLICY, "--audit", str(log), "--json"]) == 0
        assert main(["audit", "verify", str(log)]) == 0
        assert "valid" in capsys.readouterr().out
        return [
            (at, one.verdict.judged[1].reason.value if one.verdict.judged[1].reason else "")
            for at, one in enumerate(decisions(log))
        ]

    return run


def missing(seconds: list[tuple[int, str]]) -> list[int]:
    """The seconds without a believed power."""
    return [at for at, reason in seconds if reason]


def test_power_is_believed_again_a_second_after_an_overload(logged: Logged) -> None:
    """30 W beside 3 W of frames, two minutes long: each edge costs the one second that a jump waits for its second answer."""
    assert missing(logged("[[0, 1], [59, 1], [60, 30], [180, 30], [181, 1]]")) == [61, 182]


def test_an_overload_from_the_start_costs_a_minute(logged: Logged) -> None:
    """Nothing else was ever seen of this machine, whose idle power is assumed: the expectation lets go after a minute."""
    gone = missing(logged("[[0, 40], [120, 40], [121, 0]]"))
    assert 122 in gone
    assert gone[-1] < 121 + 70

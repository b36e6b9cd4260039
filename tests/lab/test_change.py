"""What would change it: the smallest change of a knob that alters the decision really alters it, and a hair less does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.brain.estimate.account import Stratum
from adaptd.cli.main import main
from adaptd.config.policy import load_policy
from adaptd.lab.whatif.change import changes, decide, situation, turns
from adaptd.lab.whatif.decisions import like
from adaptd.log.verify.decided import decisions
from adaptd.log.verify.reader import last
from tests.conftest import ROOT

FEEDER = load_policy(ROOT / "policies" / "feeder.yaml")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of a box."""
    folder = tmp_path_factory.mktemp("room") / "log"
    assert main(["simulate", "--scenario", "room", "--audit", str(folder), "--json"]) == 0
    return folder


def test_the_decision_is_the_one_on_record(log: Path) -> None:
    """Under the logged policy the last decision is made again exactly."""
    record = last(log, "config")
    assert record is not None
    (log.parent / "logged.yaml").write_text(record["policy"]["text"])
    *_, recorded = decisions(log)
    assert decide(load_policy(log.parent / "logged.yaml"), situation(log)) == recorded.verdict


def test_the_smallest_change_alters_the_decision_and_less_does_not(log: Path) -> None:
    """At the value that is told the choice is another one, one unit nearer to today's it is the same."""
    at = situation(log)
    now = decide(FEEDER, at).point
    told = {(one.key, (one.value or 0) > one.now): one for one in changes(FEEDER, at) if one.value is not None}
    assert told
    for turn in turns(FEEDER):
        for more in (True, False):
            one = told.get((turn.key, more))
            if one is None or one.value is None:
                continue
            units = round(one.value * turn.scale)
            assert not like(decide(turn.put(units), at).point, now)
            assert like(decide(turn.put(units + (-1 if more else 1)), at).point, now)


def test_a_budget_under_what_is_drawn_is_named(log: Path) -> None:
    """A lower power budget is among what would change it, with the condition that then speaks."""
    found = next(one for one in changes(FEEDER, situation(log)) if one.key == "power.budget_w" and one.value is not None)
    assert found.value is not None
    assert found.value < 12
    assert found.rule == "power_budget"


def test_explain_prints_it_for_a_log(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`policy explain --audit` ends with the decision now and the knobs, nearest first."""
    assert main(["policy", "explain", str(ROOT / "policies" / "feeder.yaml"), "--audit", str(log)]) == 0
    said = capsys.readouterr().out
    assert "What would change it:" in said
    assert "power.budget_w" in said


def test_a_folder_without_a_decision_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No log, no answer: one line and exit 1."""
    assert main(["policy", "explain", str(ROOT / "policies" / "feeder.yaml"), "--audit", str(tmp_path)]) == 1
    assert "holds no decision that can be made again" in capsys.readouterr().err


def test_other_shadow_rates_open_the_account_anew(log: Path) -> None:
    """What was counted at other rates of shadow frames says nothing under the new ones: no proof, no INT8."""
    at = situation(log)
    account = at.state.account
    used = tuple(one._replace(strata=(Stratum(100, 90),) * len(at.shares_ppm)) for one in account.bands)
    full = replace(at, state=replace(at.state, account=account._replace(bands=used)))
    more = replace(FEEDER, shadow_ppm=FEEDER.shadow_ppm * 4)
    assert len(at.box.brain(more).tables.rules.shares) < len(at.shares_ppm)
    assert decide(more, full).point.variant == FEEDER.reference
    assert {one.key for one in changes(FEEDER, full)} >= {"accuracy.shadow_pct", "accuracy.max_loss_points"}

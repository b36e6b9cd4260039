"""The assistant: goals are read or told by column, picks meet them, patches keep comments, a killed search goes on."""

import json
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.config.errors import ConfigError
from adaptd.config.policy import parse_policy
from adaptd.lab.tune.goals import Aim, Goals, parse_goals
from adaptd.lab.tune.knobs import knobs_of, patch, put
from adaptd.lab.tune.picks import front_of, knee, meets, pick
from adaptd.lab.tune.search import Found, search, simplify
from adaptd.lab.tune.trials import Lab, Trial, scenario_worlds
from adaptd.lab.whatif.figures import Figures
from tests.conftest import ROOT

FEEDER = ROOT / "policies" / "feeder.yaml"
WORLD = """
scenario: ten-minutes
schema: 1
seed: 3
duration_s: 600
tick_s: 10
profile: orin-nano-super
policy: feeder
variants:
  fp16: {energy_mj: 110, latency_ms: 13.5}
  int8: {energy_mj: 59.5, latency_ms: 9.12, qualified: {bright: {n: 6000, disagreed: 3}, dim: {n: 6000, disagreed: 8}}}
truth: {disagreement_pct: {bright: {int8: 0.05}, dim: {int8: 0.1}, night: {int8: 2.5}}}
signals: {ambient_c: [[0, 44]], light_lux: [[0, 600]]}
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Ten minutes in the light."""
    path = tmp_path / "ten-minutes.yaml"
    path.write_text(WORLD)
    return path


def lab_of(world: Path, store: Path | None = None, knobs: tuple[str, ...] = ("target_fps=5..15:2.5", "shadow_pct=2..4:1")) -> Lab:
    """Where the tests' candidates are played."""
    worlds, text, name = scenario_worlds([world])
    assert text is not None
    return Lab(worlds, text, name, knobs_of(text, parse_policy(text), parse_goals("", ""), list(knobs)), None, store, jobs=1)


def test_goals_in_words_and_signs_are_the_same() -> None:
    """`loss at most 0.5` is `loss<=0.5`; a share of the best and an aim are read beside them."""
    words = parse_goals("efficiency 0.85 of the best, max fps", "loss at most 0.5")
    signs = parse_goals("efficiency 0.85 of the best,max fps", "loss<=0.5")
    assert [(one.figure, one.least, one.value) for one in words.bounds] == [("loss", False, 0.5)]
    assert (words.aims, words.shares) == (signs.aims, signs.shares) == ((Aim("fps", True),), (("efficiency", 0.85),))


@pytest.mark.parametrize(
    ("goal", "keep", "said"),
    [
        ("hours>=9, speed>=3", "", "--goal:1:11: 'speed': is no figure, one of power, energy, hours"),
        ("", "fps>=12,\nloss<0.5", "--keep:2:1: 'loss<0.5': is no goal, write for example"),
        ("fps>=12", "fps<=10", "'fps>=12' and 'fps<=10': contradict one another"),
        ("efficiency 1.2 of the best", "", "a share of the best is over 0 and at most 1"),
    ],
)
def test_a_goal_that_cannot_be_is_told_with_its_place(goal: str, keep: str, said: str) -> None:
    """Unknown words, bad forms and contradictions are named by text, line and column."""
    with pytest.raises(ConfigError, match=None) as caught:
        parse_goals(goal, keep)
    assert said in str(caught.value)


def test_a_value_goes_into_the_file_and_every_comment_stays() -> None:
    """Only the numbers change, also inside a mapping on one line."""
    old = FEEDER.read_text()
    new = put(old, {("frame_rate", "target_fps"): 12.5, ("accuracy", "shadow_pct"): 3})
    assert new.replace("12.5", "15").replace("shadow_pct: 3", "shadow_pct: 2") == old
    assert parse_policy(new).target_mfps == 12_500
    assert patch(old, new, "feeder.yaml").count("\n-") == 2


def test_what_protects_is_never_loosened() -> None:
    """Budget, loss and temperature are only ever tightened unless a range is given."""
    text = FEEDER.read_text()
    found = knobs_of(text, parse_policy(text), parse_goals("", ""), ["budget_w", "max_loss_points", "limit_c"])
    assert all(max(knob.values) == knob.today for knob in found)


@pytest.mark.parametrize(
    ("knob", "said"), [("speed", "is no knob"), ("target_fps=9..x", "is no range"), ("target_fps=9..3", "is no range")]
)
def test_a_knob_that_is_none_is_refused(knob: str, said: str) -> None:
    """Unknown knobs and ranges that are none are one line each."""
    text = FEEDER.read_text()
    with pytest.raises(ConfigError, match=said):
        knobs_of(text, parse_policy(text), parse_goals("", ""), [knob])


def test_picks_meet_the_goal_and_name_what_breaks_first(world: Path) -> None:
    """Every pick keeps every bound; the thriftiest takes the least power of all that do; each says which limit is nearest."""
    goals = parse_goals("", "fps>=9")
    found = search(lab_of(world), goals, trials=100, seed=1)
    picked = pick(found, goals)
    assert found.exhaustive
    assert {one.name for one in picked.picks} == {"safest", "knee", "thriftiest"}
    assert all(meets(one.trial, bound) for one in picked.picks for bound in picked.bounds)
    thriftiest = next(one for one in picked.picks if one.name == "thriftiest")
    assert thriftiest.trial.value("power") == min(trial.value("power") for trial in picked.met)
    assert thriftiest.first.words == "fps>=9"


def test_a_share_of_the_best_becomes_a_bound(world: Path) -> None:
    """`efficiency 0.9 of the best` is held against the best that was measured, and everyone picked reaches it."""
    goals = parse_goals("efficiency 0.9 of the best", "loss at most 0.5")
    found = search(lab_of(world), goals, trials=100, seed=1)
    best = max(trial.value("efficiency") for trial in found.trials)
    picked = pick(found, goals)
    assert picked.picks
    assert all(one.trial.value("efficiency") >= 0.9 * best - 1e-9 for one in picked.picks)


def test_a_goal_out_of_reach_shows_the_nearest(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is picked and nothing written into a policy: the nearest is shown with what it misses, exit 1."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(FEEDER.read_text())
    words = ["tune", str(world), "--goal", "power<=2", "--policy", str(policy), "--apply", "knee", "--trials", "8", "--jobs", "1"]
    assert main([*words, "--knob", "target_fps=5..15:5", "--knob", "shadow_pct=2..4:2", "-o", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "nothing that was measured meets what was asked" in said
    assert "missed: power<=2" in said
    assert policy.read_text() == FEEDER.read_text()


def test_apply_writes_checks_and_keeps_the_old_file(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The pick stands in the file, comments and all; the old bytes lie beside it; page, patches and figures are written."""
    policy, out = tmp_path / "policy.yaml", tmp_path / "out"
    policy.write_text(FEEDER.read_text())
    words = ["tune", str(world), "--keep", "fps>=9", "--policy", str(policy), "--apply", "thriftiest", "--jobs", "1"]
    assert main([*words, "--knob", "target_fps=5..15:5", "-o", str(out)]) == 0
    assert (tmp_path / "policy.yaml.old-1").read_text() == FEEDER.read_text()
    assert parse_policy(policy.read_text()).target_mfps == 10_000
    assert "darkest first; overlapping edges are the hysteresis" in policy.read_text()
    page = (out / "tune.html").read_text()
    assert page.count("<svg") == 2
    assert "thriftiest" in page
    assert json.loads((out / "tune.json").read_text())["measured"] == 3
    assert "is now the thriftiest pick, checked" in capsys.readouterr().out


def test_a_killed_search_goes_on_the_same_way(world: Path, tmp_path: Path) -> None:
    """What was measured before the kill is taken from the file, a torn line left out; the same candidates come next."""
    pytest.importorskip("optuna")
    goals, knobs = parse_goals("", "fps>=9"), ("target_fps", "budget_w", "shadow_pct")
    whole = lab_of(world, tmp_path / "a.jsonl", knobs)
    through = search(whole, goals, trials=12, seed=5)
    lines = (tmp_path / "a.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "b.jsonl").write_text("".join(lines[:9]) + lines[9][:40])
    resumed = lab_of(world, tmp_path / "b.jsonl", knobs)
    assert resumed.load() == 9
    again = search(resumed, goals, trials=12, seed=5)
    assert [trial.setting for trial in again.trials] == [trial.setting for trial in through.trials]
    assert resumed.runs == whole.runs - 9


def test_a_knob_that_brings_nothing_goes_back(world: Path) -> None:
    """A budget that never binds does not stand in a patch."""
    lab = lab_of(world, knobs=("target_fps=10..15:5", "budget_w=11..12:0.5"))
    goals = parse_goals("", "")
    found = search(lab, goals, trials=100, seed=1)
    loose = next(t for t in found.trials if 10 < dict(t.setting)["budget_w"] < 12)
    assert dict(simplify(lab, found, loose).setting)["budget_w"] == 12


def test_front_and_knee_are_what_they_say() -> None:
    """Nobody on the front is beaten in both aims, and the knee is the one that bulges most."""
    points = [(1, 1), (2, 8), (3, 9), (4, 10), (4, 5)]
    trials = [Trial((("n", float(n)),), "", Figures({"power": p, "fps": f})) for n, (p, f) in enumerate(points)]
    aims = (Aim("power", False), Aim("fps", True))
    front = front_of(trials, aims)
    assert front == trials[:4]
    assert knee(front, aims) is trials[1]


def test_hours_without_a_battery_are_refused(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody guesses a capacity."""
    assert main(["tune", str(world), "--goal", "hours>=9", "-o", str(tmp_path / "out")]) == 2
    assert "give its capacity with --battery-wh" in capsys.readouterr().err


def test_a_goal_that_nobody_understands_is_wrong_usage(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and one line with the place, before anything is measured."""
    assert main(["tune", str(world), "--goal", "hours>=9, speed>=3"]) == 2
    assert capsys.readouterr().err.startswith("--goal:1:11: 'speed': is no figure")


def test_no_goal_still_has_aims(world: Path) -> None:
    """Without a goal the search follows less power and more frames, and touches limits no longer than today."""
    found = search(lab_of(world, knobs=("shadow_pct",)), Goals((), (), ()), trials=50, seed=1)
    assert isinstance(found, Found)
    assert [aim.figure for aim in found.aims] == ["power", "fps"]
    assert {bound.figure for bound in found.bounds} == {"over_limit", "over_budget"}

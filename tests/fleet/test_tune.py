"""Tuning a fleet: clusters, priors and proposals from fitted twins, and what keeps a box's numbers out."""

import json
import shutil
from dataclasses import replace
from math import exp, log
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adaptd.cli.main import main
from adaptd.config.policy import load_policy, parse_policy
from adaptd.config.profile import load_profile
from adaptd.daemon.offers import loosened
from adaptd.fleet.clusters import clusters
from adaptd.fleet.shrink import Rate, prior_for, priors, rate
from adaptd.fleet.statistics import BoxStatistics, Known, StatisticsError, load
from adaptd.lab.controllers.adaptd import Adaptd
from adaptd.lab.episode import load_episode
from adaptd.lab.fit.backtest import FIGURES
from adaptd.lab.fit.saved import band_hours
from adaptd.lab.fit.saved import load as load_twin
from adaptd.lab.fleet.priors import with_day
from adaptd.lab.fleet.spreading import local
from adaptd.lab.fleet.sweep import hotter, plain, propose, sweep, worlds_of
from adaptd.lab.harness import simulate
from adaptd.lab.tune.goals import parse_goals
from adaptd.twin.words import PPM
from tests.conftest import ROOT
from tests.lab.boxes import POLICY

ENCLOSURES = {"open-air": (1.0, 1.0), "fanless-box": (1.7, 1.5), "sealed": (2.3, 2.0)}


SHARES = {"bright": 0.0005, "dim": 0.004, "night": 0.025}  # of INT8's answers that differ, the same for every enclosure


HOURS = {"bright": 12.0, "dim": 2.2, "night": 9.8}  # of an ordinary day


def crowd(seed: int, each: int, board: str = "orin-nx-16gb", error: float = 0.08) -> list[BoxStatistics]:
    """Boxes of three enclosures: factors scatter by a tenth around their enclosure's, and are known to ``error``."""
    draw, day, found = Random(seed), Random(f"{seed}/day"), []
    for enclosure, factors in ENCLOSURES.items():
        for number in range(each):
            r, tau = (log(one) + draw.gauss(0, 0.1) + draw.gauss(0, error) for one in factors)
            counts = {}
            for band, mean in SHARES.items():
                share = max(0.0, draw.gauss(mean, mean / 8))
                counts[band, "int8"] = 4000, sum(draw.random() < share for _ in range(4000))
            found.append(
                BoxStatistics(
                    f"{enclosure}-{number}", board, enclosure, Known(r, error), Known(tau, error),
                    counts, {"log_r": r, "log_tau": tau, "log_base_w": log(5 + draw.gauss(0, 0.1))},
                    {band: max(0.0, day.gauss(hours, 0.7)) for band, hours in HOURS.items()},
                )
            )  # fmt: skip
    return found


def test_a_new_box_is_expected_where_its_like_are() -> None:
    """Nearer to the truth than the profile alone, with an honest doubt; a wrong enclosure is no help."""
    boxes = crowd(1, 8)
    for enclosure, (r, tau) in ENCLOSURES.items():
        found = prior_for(boxes, "orin-nx-16gb", enclosure)
        assert found.r.factor == pytest.approx(r, rel=0.15)
        assert found.tau.factor == pytest.approx(tau, rel=0.15)
        assert 0.05 < found.r.sd < 0.25
    wrong = prior_for(boxes, "orin-nx-16gb", "open-air")
    assert abs(log(wrong.r.factor / ENCLOSURES["sealed"][0])) > 0.5, "negative control"


def test_few_boxes_lean_on_board_and_profile() -> None:
    """One box does not decide; an enclosure nobody has is the board's with its wider doubt; without boxes it is the profile."""
    boxes = [one for one in crowd(2, 8) if one.enclosure == "open-air"]
    odd = BoxStatistics("x", "orin-nx-16gb", "sealed", Known(log(3.0), 0.5), Known(0.0, 0.5), {}, {})
    leaning = prior_for([*boxes, odd], "orin-nx-16gb", "sealed")
    assert 1.1 < leaning.r.factor < 2.5, "between three times the profile and what its board does"
    unseen = prior_for(boxes, "orin-nx-16gb", "wall")
    assert unseen.boxes == 0
    assert unseen.r.sd > prior_for(boxes, "orin-nx-16gb", "open-air").r.sd
    none = prior_for(boxes, "jetson-thor", "wall")
    assert (none.r.factor, none.boxes) == (1.0, 0)
    assert none.r.sd >= 0.3


def test_rates_that_differ_from_box_to_box_are_worth_little() -> None:
    """Like boxes make a prior of many frames, unlike ones of few; without a frame there is none."""
    alike, apart = rate([(4000, 16), (4000, 17), (4000, 15)]), rate([(4000, 0), (4000, 200), (4000, 3)])
    assert alike is not None
    assert apart is not None
    assert alike.frames > 5000
    assert apart.frames < 300, "below what the scene guard takes for a prior"
    assert rate([(0, 0)]) is None
    assert rate([(50, 1)]) == Rate(50, 1)


def test_clusters_are_the_planted_ones_at_every_run() -> None:
    """Three enclosures far apart are three groups, whatever the order of the boxes; one board's never hold another's."""
    boxes = crowd(3, 10, error=0.01) + crowd(4, 2, "jetson-thor")
    found = clusters(boxes, 8)
    own = [one for one in found if one.board == "orin-nx-16gb"]
    assert {frozenset(box.rpartition("-")[0] for box in one.boxes) for one in own} == {frozenset({name}) for name in ENCLOSURES}
    assert found == clusters(boxes[::-1], 8)
    assert {one.board for one in found} == {"orin-nx-16gb", "jetson-thor"}
    assert len(clusters(boxes[:1])) == 1


def written(folder: Path, r: float, enclosure: str) -> Path:
    """A fitted twin as `adaptd twin fit` writes it, of half an hour instead of a day, with errors of one in a thousand."""
    folder.mkdir(parents=True)
    day = (ROOT / "policies" / "scenarios" / "calm-day.yaml").read_text()
    day = day.replace("duration_s: 86400", "duration_s: 1800").replace("tick_s: 2", "tick_s: 10")
    profile = (ROOT / "hw_profiles" / "orin-nano-super.yaml").read_text()
    for name, text in (
        ("day-1.yaml", day),
        ("typical.yaml", day),
        ("policy.yaml", POLICY.read_text()),
        ("profile.yaml", profile),
    ):
        (folder / name).write_text(text)
    errors = {name: [0.001, -0.001, 0.0, 0.001] for name in FIGURES}
    known = {"fp16": {"value": 110, "sd": 1}, "int8": {"value": 60, "sd": 1}}
    words = {
        "schema": 1, "profile": "orin-nano-super", "policy": "feeder", "enclosure": enclosure, "tried": [],
        "measured_engines": [], "logged_fps": {}, "backtest": {"errors_again": errors, "errors_unseen": errors},
        "estimates": {"ambient_c": {"mean": 42}, "base_w": {"least": 6.0}, "energy_mj": known, "latency_ms": known,
                      "r_scale": {"value": r, "sd": 0.05}, "tau_scale": {"value": 1.1, "sd": 0.05},
                      "differs": [{"band": "dim", "variant": "int8", "compared": 900, "differed": 3},
                              {"band": "night", "variant": "int8", "compared": 900, "differed": 20}],
                  "band_h": {"bright": 11.96, "dim": 2.04, "night": 10}},
    }  # fmt: skip
    (folder / "twin.json").write_text(json.dumps(words))
    return folder


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six boxes in two enclosures."""
    place = tmp_path_factory.mktemp("twins")
    for number in range(6):
        written(place / f"box-{number}", (1.0, 1.6)[number % 2] * exp(0.02 * number), ("open-air", "fanless-box")[number % 2])
    return place


def slower(folder: Path) -> Path:
    """A policy of six frames a second."""
    file = folder / "slow.yaml"
    file.write_text(POLICY.read_text().replace("target_fps: 15", "target_fps: 6"))
    return file


def test_a_person_gets_priors_profiles_and_a_policy_for_each_cluster(
    twins: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The thriftier policy is proposed where power is the goal, and the profiles for new boxes can be run as they are."""
    out = tmp_path / "tuned"
    words = ["fleet", "tune", str(twins), "--policy", str(slower(tmp_path)), "--goal", "min power", "--clusters", "1"]
    assert main([*words, "--jobs", "1", "-o", str(out)]) == 0
    assert "a new one is expected to differ from its profile" in capsys.readouterr().out
    found: dict[str, Any] = json.loads((out / "fleet.json").read_text())
    assert sorted(box for one in found["clusters"] for box in one["boxes"]) == sorted(one.name for one in twins.iterdir())
    assert {one["policy"] for one in found["proposals"]} == {"slow"}
    factors = {one["enclosure"]: one["r"]["factor"] for one in found["priors"]}
    assert factors["fanless-box"] > 1.2 * factors["open-air"]
    made, own = load_profile(out / "profile-orin-nano-super-fanless-box.yaml"), load_profile(twins / "box-1" / "profile.yaml")
    policy = load_policy(out / "policy-orin-nano-super-fanless-box.yaml")
    assert policy.expected_s == (("dim", 7200),), "at night INT8 does not keep the limit, in bright light nobody has compared"
    assert replace(policy, expected_s=(), sha256="") == replace(load_policy(twins / "box-1" / "policy.yaml"), sha256="")
    assert made.poles[-1].r_uk_per_mw == pytest.approx(own.poles[-1].r_uk_per_mw * factors["fanless-box"], rel=0.01)


def test_a_bound_is_kept_and_numbers_do_not_depend_on_who_played(twins: Path, tmp_path: Path) -> None:
    """The same rows from one process and from two; a hot day is hotter; a policy that breaks a bound is not proposed."""
    twin = load_twin(twins / "box-0")
    assert hotter("  ambient_c: [[0, 41], [60, -3.5]]", 5) == "  ambient_c: [[0, 46], [60, 1.5]]"
    worlds, slow = worlds_of("c", {"box-0": twin}), {"slow": slower(tmp_path).read_text()}
    rows = sweep(worlds, slow, local, 1)
    assert plain(rows) == plain(sweep(worlds, slow, local, 2))
    assert rows[2].figures.values["hottest"] > rows[0].figures.values["hottest"] + 3
    assert propose("c", rows, parse_goals("min power", ""), twin).policy == "slow"
    kept = propose("c", rows, parse_goals("min power", "fps>=12"), twin)
    assert kept.policy == "today's"
    assert "none of 1" in kept.why


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"enclosure": "../up"}, "is no name"),
        ({"profile": 3}, "is no name"),
        ({"estimates": {}}, "damaged"),
        ({"band_h": {"dim": 25}}, "24 hours"),
    ],
)
def test_a_bad_twin_is_refused_in_one_line(twins: Path, tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """A name that would leave the folder, a wrong type, a hole: said with the remedy."""
    folder = tmp_path / "bad"
    shutil.copytree(twins / "box-0", folder)
    file = folder / "twin.json"
    plain = json.loads(file.read_text())
    plain["estimates"] |= {key: change[key] for key in change.keys() & {"band_h"}}
    file.write_text(json.dumps({**plain, **change}))
    with pytest.raises(StatisticsError, match=words):
        load(folder)


def test_a_box_that_knows_its_day_keeps_shadow_frames_and_says_why_it_waits() -> None:
    """In its first bright hour it serves INT8 until what is left is needed later, then waits on the reference; one that does not
    know goes on, and has spent them."""
    base = load_episode(ROOT / "policies" / "scenarios" / "calm-day.yaml")
    scenario = replace(base.scenario, light_mlx=((0, 900_000),), tick_us=5_000_000, duration_us=2_700_000_000)
    policy, kept = base.policy, 9213  # what both bands will need of the middle coin
    told = replace(policy, expected_s=(("bright", 43_200), ("dim", 43_200)))
    spent, waited = {}, {}
    for name, one in (("plain", policy), ("told", told)):
        refused: list[str] = []

        def watch(device: Any, snapshot: Any, choice: Any, tick: Any, refused: list[str] = refused) -> None:
            refused += [each.condition for each in choice.refused if each.point.variant == "int8"]

        found = simulate(scenario, policy, base.profile, base.facts, Adaptd(one, base.profile, base.facts, 1), watch)
        assert not found.statements_broken
        spent[name], waited[name] = found.shadow_frames, refused.count("account_open")
    assert waited["plain"] == 0
    assert waited["told"] > 100
    thin = policy.target_mfps * 86_400 // 1000 // 100
    assert spent["told"] == pytest.approx(policy.target_mfps * 86_400 // 1000 * policy.shadow_ppm // PPM - thin - kept, rel=0.03)
    assert spent["plain"] > 1.5 * spent["told"]


def test_a_day_is_told_in_hours_of_each_light_band() -> None:
    """Ten dark hours, two of twilight and twelve of day add up to a day; a band that never came has none."""
    bands = parse_policy(POLICY.read_text()).bands
    assert band_hours(bands, [1.0] * 120 + [100.0] * 24 + [900.0] * 144) == {"night": 10, "dim": 2, "bright": 12}
    assert band_hours(bands, [900.0] * 288) == {"night": 0, "dim": 0, "bright": 24}


@pytest.mark.parametrize("accuracy", ["accuracy: {max_loss_points: 0.5,", "accuracy:\n  max_loss_points: 0.5  # half a point\n"])
def test_a_policy_is_told_the_days_of_its_like_and_nothing_else_changes(accuracy: str) -> None:
    """In both forms of YAML, once more over what was told before, comments kept."""
    text = POLICY.read_text()
    if "{" in accuracy:
        lines = text.split("accuracy:")[1].split("thermal:")[0]
        text = text.replace(f"accuracy:{lines}", f"{accuracy} confidence_pct: 99, shadow_pct: 2}}\n")
    again = with_day(with_day(text, {"dim": 3}), {"bright": 11.5, "dim": 2})
    assert parse_policy(again).expected_s == (("bright", 41_400), ("dim", 7200))
    assert loosened(parse_policy(text), parse_policy(again)) == "", "a box takes it from above"
    assert again.replace("expected_h: {bright: 11.5, dim: 2}" + (", " if "{" in accuracy else "\n  "), "") == text


def test_priors_name_every_board_and_enclosure() -> None:
    """One prior for each that was heard of."""
    assert [(one.board, one.enclosure) for one in priors(crowd(5, 2))] == [("orin-nx-16gb", name) for name in sorted(ENCLOSURES)]

"""What if: figures with intervals, ties within the error, bounds where nothing was tried, decisions held side by side."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from adaptd.cli.main import main
from adaptd.lab.fit.backtest import predicted
from adaptd.lab.fit.saved import Twin, load
from adaptd.lab.whatif.compare import BETTER, TIE, UNTOLD, WORSE, Comparison, Line, compare
from adaptd.lab.whatif.decisions import like
from adaptd.log.verify.reader import iter_records
from adaptd.vocabulary import OperatingPoint
from tests.conftest import ROOT

EXAMPLE = ROOT / "docs" / "tuning" / "three-days.twin"
FEEDER = (ROOT / "policies" / "feeder.yaml").read_text()


@pytest.fixture(scope="module")
def twin() -> Twin:
    """The shipped example, one day of it in coarse steps."""
    whole = load(EXAMPLE)
    return replace(whole, days={"day-1": whole.days["day-1"].replace("tick_s: 30", "tick_s: 60")})


@pytest.fixture(scope="module")
def halved(twin: Twin) -> Comparison:
    """Half the frames against all of them, with a battery."""
    slower = FEEDER.replace("target_fps: 15", "target_fps: 7.5")
    return compare(twin, [("slower", slower)], ("feeder", FEEDER), battery_wh=90, jobs=1)[0]


def line(found: Comparison, figure: str) -> Line:
    """One figure's line."""
    return next(one for one in found.lines if one.figure == figure)


def test_fewer_frames_are_fewer_frames(halved: Comparison) -> None:
    """Half the target rate delivers half the frames, draws less, and lasts longer; the loss of frames is no tie."""
    assert line(halved, "fps").new == pytest.approx(7.5, rel=0.01)
    assert line(halved, "fps").verdict == WORSE
    assert line(halved, "power").new < line(halved, "power").old
    assert line(halved, "hours").new > line(halved, "hours").old


def test_the_interval_of_what_was_never_tried_is_wider(halved: Comparison) -> None:
    """The log never saw that rate: no hour counts as tried, its interval has bounds; better is what even these cannot turn."""
    assert halved.new.tried_pct == 0
    assert halved.new.untried
    width = {side: side_.high["power"] - side_.low["power"] for side, side_ in (("old", halved.old), ("new", halved.new))}
    assert width["new"] > width["old"]
    power = line(halved, "power")
    assert power.verdict == BETTER
    assert halved.new.high["power"] < power.old - power.error


def test_the_same_policy_is_a_tie_in_everything(twin: Twin) -> None:
    """A policy against itself differs in nothing, and its choices were tried in most hours."""
    (same,) = compare(twin, [("feeder", FEEDER)], jobs=1)
    assert {one.verdict for one in same.lines} == {TIE}
    assert all(one.old == one.new for one in same.lines)
    assert same.new.tried_pct > 60


def test_a_difference_beyond_the_error_has_a_side(twin: Twin) -> None:
    """With a twin that was never wrong and engines known exactly, half the frames draw less; unseen engines leave it untold."""
    plain = json.loads(json.dumps(twin.plain))
    plain["backtest"]["errors_again"] = {name: [0.0, 0.0, 0.0] for name in plain["backtest"]["errors_again"]}
    for one in plain["estimates"]["energy_mj"].values():
        one["sd"] = 0.0
    sure = replace(twin, plain=plain)
    (found,) = compare(sure, [("slower", FEEDER.replace("target_fps: 15", "target_fps: 7.5"))], ("feeder", FEEDER), jobs=1)
    assert line(found, "power").verdict == BETTER
    unseen = replace(sure, measured_engines=())
    (near,) = compare(unseen, [("near", FEEDER.replace("target_fps: 15", "target_fps: 12.5"))], ("feeder", FEEDER), jobs=1)
    assert line(near, "power").verdict == UNTOLD


def test_an_error_in_common_moves_the_interval_and_does_not_widen_it() -> None:
    """What every day left out shows is the middle of the interval; only what differs from day to day makes it wide."""
    middle, half = predicted([0.02, 0.02, 0.02], 7)
    assert (middle, half) == (pytest.approx(0.02), pytest.approx(0))
    assert predicted([0.01, -0.01, 0.01, -0.01], 4)[1] < predicted([0.01, -0.01, 0.01, -0.01], 1)[1]


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_intervals_hold_what_they_say(level: float) -> None:
    """Days drawn from one bell curve, four of them known: the mean of these misses the fifth by no more than it says, so often.

    What is left out is missed as an unseen day is: by the mean of the other three, and by a fault that all days share.
    """
    random, held = Random("days"), 0
    for _ in range(4000):
        *known, coming = (random.gauss(8, 0.1) for _ in range(5))
        errors = [0.3 + (sum(known) - one) / 3 - one for one in known]
        middle, half = predicted(errors, unseen=True, level=level)
        held += abs(0.3 + sum(known) / 4 - coming - middle) <= half
    assert held / 4000 == pytest.approx(level, abs=0.02)


def test_like_choices_are_the_same_engine_at_nearly_the_same_rate() -> None:
    """A twentieth of the rate is no other decision; another engine, or a pause, is."""
    point = OperatingPoint("int8", 15_000)
    assert like(point, OperatingPoint("int8", 14_500))
    assert not like(point, OperatingPoint("fp16", 15_000))
    assert not like(point, OperatingPoint("int8", 0))
    assert like(OperatingPoint("fp16", 0), OperatingPoint("int8", 0))


def test_decisions_are_listed_without_a_twin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Under its own policy a log's decisions are as recorded; under another target every one of them is told."""
    folder = tmp_path / "log"
    assert main(["simulate", "--scenario", "room", "--audit", str(folder), "--json"]) == 0
    capsys.readouterr()
    policy = next(record_policy(folder))
    (tmp_path / "same.yaml").write_text(policy)
    assert main(["whatif", str(folder), "--policy", str(tmp_path / "same.yaml"), "--decisions"]) == 0
    assert capsys.readouterr().out.startswith("0 of 60 recorded decisions")
    (tmp_path / "other.yaml").write_text(policy.replace("target_fps: 15", "target_fps: 10"))
    assert main(["whatif", str(folder), "--policy", str(tmp_path / "other.yaml"), "--decisions"]) == 0
    assert "at 10 fps instead of served" in capsys.readouterr().out


def record_policy(folder: Path) -> Iterator[str]:
    """The policy's text as it stands in the log."""
    for record in iter_records(folder):
        if record["kind"] == "config":
            yield record["policy"]["text"]


def test_a_folder_that_is_neither_log_nor_twin_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is one line and exit 2."""
    assert main(["whatif", str(tmp_path), "--policy", str(ROOT / "policies" / "feeder.yaml")]) == 2
    assert "holds neither a log nor a fitted twin" in capsys.readouterr().err


def test_the_table_says_simulated_and_how_wrong_it_may_be(halved: Comparison) -> None:
    """Every answer carries the word simulated, the support, and the error of the backtest."""
    from adaptd.cli.whatif import words

    text = "\n".join(words(halved))
    assert text.startswith("simulated: 1 days")
    assert "were really tried in like conditions" in text
    assert "a smaller difference is a tie" in text


def test_the_stated_error_is_one_number_with_two_parts(halved: Comparison) -> None:
    """What a difference must exceed is backtest and untried hours together, in the text and for machines alike."""
    from adaptd.cli.whatif import words

    power = line(halved, "power")
    assert power.error > 0
    assert power.bounds > 0
    plain = halved.to_plain()["differences"]["power"]
    assert plain["stated_error"] == pytest.approx(plain["error"] + plain["bounds"], abs=2e-5)
    said = f"stated error {power.stated:.3g} W = backtest {power.error:.3g} + untried hours {power.bounds:.3g}"
    assert said in "\n".join(words(halved))

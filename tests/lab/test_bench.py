"""The bench: regret and violations per cell, scenarios that tell controllers apart, a picture, a random sweep."""

import json
import os
import signal
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adaptd.cli import bench_control
from adaptd.cli.errors import CommandError
from adaptd.cli.main import build_parser, main
from adaptd.lab.bench import BenchRow, Ground, Matrix, ground_of, run_matrix, spread
from adaptd.lab.causes import Evidence
from adaptd.lab.controllers.baselines import LabSetpoint
from adaptd.lab.episode import load_episode
from adaptd.lab.oracle import Oracle, OracleError, solve
from adaptd.lab.picture import draw
from adaptd.lab.randomised import random_episode
from adaptd.lab.score import Result
from adaptd.lab.sweep import run_sweep
from adaptd.twin.device import TwinDevice
from adaptd.twin.worker import TwinWorker
from adaptd.twin.world import TrueLight
from adaptd.vocabulary import OperatingPoint, Snapshot
from tests.twin.worlds import TEXT, episode

CONTROLLERS = ("adaptd", "best-static", "static-REF", "static-EFF", "threshold", "alert")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short scenarios."""
    path = tmp_path_factory.mktemp("scenarios")
    short = TEXT.replace("duration_s: 600", "duration_s: 300")
    (path / "small.yaml").write_text(short)
    (path / "hot.yaml").write_text(short.replace("scenario: small", "scenario: hot").replace("[[0, 50]]", "[[0, 78]]"))
    return path


@pytest.fixture(scope="module")
def matrix(folder: Path) -> Matrix:
    """Everyone on both."""
    return run_matrix(sorted(folder.glob("*.yaml")), ("oracle", *CONTROLLERS), jobs=1)


def _row(**broken: float) -> BenchRow:
    oracle = _oracle()
    return BenchRow(Result("x", "s", energy_uj=110e6, worth_uj=20e6, **broken), oracle, 1000.0)  # type: ignore[arg-type]


def _oracle() -> Oracle:
    world = episode(duration_us=10_000_000)
    found = solve(world.scenario, world.policy, world.profile, world.facts)
    return replace(found, cost_j=80.0, energy_j=100.0, over_limit_s=5.0)


def test_regret_is_cost_over_the_oracles_per_joule_of_its_energy() -> None:
    """(90 - 80) / 100 J."""
    assert _row().regret == pytest.approx(0.1)


def test_what_nobody_could_keep_is_not_held_against_anyone() -> None:
    """The oracle's own five seconds over the limit are taken off."""
    assert _row(over_limit_us=6_000_000).violations["over_limit_s"] == pytest.approx(1.0)
    assert _row(over_limit_us=4_000_000).violations["over_limit_s"] == 0


def test_a_reaction_of_a_tick_is_clean_and_a_broken_promise_is_not() -> None:
    """A thousandth of the time over limit or budget is a tick's reaction; one unproven frame is not."""
    assert _row(budget_over_us=1_000_000).clean
    assert not _row(budget_over_us=2_000_000).clean
    assert not _row(unproven_frames=1.0).clean
    assert not _row(statements_broken=1).clean
    assert not _row(over_critical_us=1_000_000).clean


def test_the_matrix_has_a_cell_for_every_pair(matrix: Matrix) -> None:
    """Two scenarios, six controllers and the oracle, whose regret is nothing."""
    assert len(matrix.rows) == 14
    assert matrix.row("small", "oracle").regret == 0
    assert matrix.row("small", "static-EFF").regret == pytest.approx(0, abs=1e-9)
    assert matrix.row("hot", "static-REF").violations["over_limit_s"] > 100
    plain = json.loads(json.dumps(matrix.to_plain()))
    assert {row["controller"] for row in plain["results"]} == {"oracle", *CONTROLLERS}
    assert all({"regret", "violations", "cost_mj"} <= set(row) for row in plain["results"])


def test_work_spread_over_processes_comes_back_in_order() -> None:
    """The answers are those of one process, in the order of the questions."""
    assert spread(divmod, [(n, 3) for n in range(7)], 2, None) == [divmod(n, 3) for n in range(7)]


def test_the_picture_shows_every_scenario_and_controller(matrix: Matrix) -> None:
    """It is well-formed SVG and names every scenario and every controller, and nothing runs out of its frame."""
    text = draw(matrix)
    tree = ET.fromstring(text)
    words = [element.text or "" for element in tree.iter() if element.tag.endswith("text")]
    assert {"small", "hot", *CONTROLLERS} <= set(words)
    width = float(tree.attrib["viewBox"].split()[2])
    for element in tree.iter():
        x = element.attrib.get("x")
        assert x is None or 0 <= float(x) <= width


@pytest.fixture(scope="module")
def shipped() -> Matrix:
    """The grounds of all shipped scenarios, looked at every ten seconds."""
    grounds = []
    for path in bench_control.scenario_files(None):
        world = load_episode(path)
        grounds.append(ground_of(replace(world, scenario=replace(world.scenario, tick_us=10_000_000))))
    return Matrix(grounds, [])


def test_the_shipped_scenarios_tell_controllers_apart(shipped: Matrix) -> None:
    """At least 12; without the efficient variant 15 % dearer on average; heat or power binds in half; two swaps are useless."""
    found = shipped.discrimination()
    assert found["scenarios"] >= 12
    assert found["mean_reference_only_excess"] >= 0.15
    assert 2 * found["heat_or_power_binds"] >= found["scenarios"]
    assert found["swap_useless"] >= 2


def test_the_bound_is_sharp_on_every_shipped_scenario(shipped: Matrix) -> None:
    """Bound and reachable cost differ by less than a thousandth of the energy, and so do a grid and its half."""
    for ground in shipped.grounds:
        assert ground.oracle.gap < 0.001, ground.name
        assert ground.oracle.grid_gap < 0.001, ground.name


def test_scenarios_in_which_the_limit_can_be_kept_lose_no_second_to_it(shipped: Matrix) -> None:
    """Only the box that starts too hot is over its limit, for the seconds that nobody can take off."""
    over = {ground.name: ground.oracle.over_limit_s for ground in shipped.grounds if ground.oracle.over_limit_s > 0}
    assert set(over) <= {"hot-restart"}


def test_a_random_hour_is_always_the_same_and_its_limit_can_be_kept() -> None:
    """Number 3 of seed 1 is a fixed world; over 15 hours the oracle is never over the limit, and heat binds in some."""
    assert random_episode(1, 3) == random_episode(1, 3)
    assert random_episode(1, 3) != random_episode(2, 3)
    binds = 0
    for number in range(15):
        world = random_episode(1, number)
        world = replace(world, scenario=replace(world.scenario, tick_us=10_000_000))
        oracle = solve(world.scenario, world.policy, world.profile, world.facts, grid=100)
        binds += oracle.heat_binds
        assert oracle.over_limit_s == 0
    assert binds >= 3


def test_random_truths_stay_within_thirty_per_cent() -> None:
    """Resistance and time constants are off by up to 30 %, both ways."""
    scales = [random_episode(9, number).scenario.truth for number in range(40)]
    for values in ([truth.r_scale_ppm for truth in scales], [truth.tau_scale_ppm for truth in scales]):
        assert min(values) >= 700_000
        assert max(values) <= 1_300_000
        assert min(values) < 850_000
        assert max(values) > 1_150_000


def test_the_sweep_adds_up_every_promise() -> None:
    """Totals over hours for each controller."""
    plain = run_sweep(1, 7, ("static-REF",), 1, None).to_plain()
    totals = plain["controllers"]["static-REF"]
    assert plain["random_hours"] == 1
    assert {"over_critical_s", "over_limit_share", "statements_broken", "mean_regret"} <= set(totals)


def test_bench_control_prints_a_table_and_draws(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`adaptd bench control --scenarios DIR -o P` prints every scenario with its controllers and writes the picture."""
    picture = tmp_path / "p.svg"
    words = [
        "bench",
        "control",
        "--scenarios",
        str(folder),
        "--controllers",
        "static-REF,threshold",
        "--jobs",
        "1",
        "-o",
        str(picture),
    ]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("small", "hot", "threshold", "static-REF", "mean", "violations"))
    assert picture.read_text().startswith("<svg")


def test_bench_control_prints_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints one object and nothing else."""
    assert (
        main(["bench", "control", "--scenarios", str(folder), "--controllers", "oracle,static-EFF", "--jobs", "1", "--json"]) == 0
    )
    plain = json.loads(capsys.readouterr().out)
    assert {row["controller"] for row in plain["results"]} == {"oracle", "static-EFF"}


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["--scenarios", "nowhere"], "nowhere: holds no scenario"),
        (["--controllers", "magic"], "--controllers magic"),
    ],
)
def test_wrong_words_are_one_line_with_the_remedy(words: list[str], remedy: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage ends with code 2 and one line."""
    assert main(["bench", "control", *words]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(remedy)
    assert printed.count("\n") == 1


def test_no_random_hours_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """A number that cannot be meant is refused before anything runs, and the line says what may stand there."""
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "control", "--random", "0"])
    assert "'0' is no whole number of at least 1" in capsys.readouterr().err


def test_the_demonstration_is_not_judged() -> None:
    """What `adaptd run` plays is left out of the bench, every other shipped scenario is in it."""
    names = {path.stem for path in bench_control.scenario_files(None)}
    assert not names & {"demo", "room"}
    assert len(names) >= 12
    with pytest.raises(CommandError):
        bench_control.scenario_files(Path("/nonexistent"))


def test_a_measurement_that_is_not_here_says_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The other benches are part of a clone; without one the command says so."""
    from adaptd.cli import bench

    monkeypatch.setattr(bench, "policies_dir", lambda: tmp_path / "policies")
    assert main(["bench", "swap"]) == 1


def test_the_words_of_another_measurement_are_left_alone() -> None:
    """Every word after `adaptd bench NAME`, dashes included, is for benchmarks.NAME.main."""
    arguments = build_parser().parse_args(["bench", "swap", "--swaps", "10", "-x", "--help"])
    assert arguments.rest == ["--swaps", "10", "-x", "--help"]


def test_ground_names_what_the_reference_alone_costs() -> None:
    """Ground.reference_excess compares the best schedule with and without the efficient variant."""
    world = episode(duration_us=60_000_000)
    ground: Ground = ground_of(world)
    spared = 15 * 0.1 * 60
    assert ground.reference_excess == pytest.approx(spared / ground.oracle.energy_j)


def _crash_once(folder: Path, number: int) -> int:
    """Answers, but for the first call with 3, which ends its process as a fault of memory does."""
    mark = folder / "crashed"
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    return number * number


def _crash(number: int) -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return number


def test_a_solver_that_crashes_its_process_costs_no_answer(tmp_path: Path) -> None:
    """One crash among eight items: the rest goes to new processes, and every answer is there, in order."""
    told: list[tuple[int, int]] = []
    found = spread(_crash_once, [(tmp_path, n) for n in range(8)], 2, lambda done, total: told.append((done, total)))
    assert found == [n * n for n in range(8)]
    assert told[-1] == (8, 8)


def test_a_solver_that_always_crashes_is_one_line() -> None:
    """Where nothing is ever answered nobody waits for ever."""
    with pytest.raises(OracleError, match="crashed"):
        spread(_crash, [(1,), (2,)], 2, None)


def test_the_report_splits_the_regret_by_cause(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`bench control --causes`: proof, shadows, budget, heat and faults add up to the regret of every scenario."""
    assert main(["bench", "control", "--scenarios", str(folder), "--causes", "--jobs", "1", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    for row in (*plain["each"], plain["mean"]):
        assert sum(row[key] for key in ("proof", "shadows", "budget", "heat", "faults")) == pytest.approx(row["regret"], abs=1e-5)
    assert len(plain["each"]) == 2


def test_the_coin_of_every_tick_falls_on_who_must_prove() -> None:
    """Every frame costs what its engine's coin makes run beside it; the coin of INT8 stays what it was while the reference
    serves, and the reference has one only in a tick in which it serves."""
    world = episode()
    seen = Evidence(world)
    device, worker = TwinDevice(world.scenario, world.profile), TwinWorker(world.scenario, world.policy, world.facts)
    light = TrueLight(world.scenario, world.policy)
    light.follow(device.world.light_mlx(0))
    for variant, share_ppm in (("int8", 100_000), ("fp16", 20_000), ("int8", 50_000)):
        point = OperatingPoint(variant, 10_000)
        tick = worker.serve(point, share_ppm, 1e6, light, device.t_us, 1_000_000, 100)
        seen(device, Snapshot(device.t_us, device.read(device.t_us), tick.telemetry), LabSetpoint(point, share_ppm), tick)
    work = {fact.name: fact.energy_uj / 1e6 for fact in world.facts}
    expected = [[0.0, 0.1 * work["fp16"]], [0.02 * work["int8"], 0.1 * work["fp16"]], [0.0, 0.05 * work["fp16"]]]
    assert seen.beside_j == pytest.approx(np.array(expected))

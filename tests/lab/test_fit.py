"""A box's own twin: what the log says of the board is found, errors are stated on days left out, bad logs are refused."""

import json
import shutil
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.lab.fit.least_squares import prior_rows, solve
from adaptd.lab.fit.model import Fitted, fit
from adaptd.lab.fit.readings import Collector, FitError, Grid, read_grid
from adaptd.lab.fit.saved import load, make
from adaptd.log.verify.reader import iter_records
from adaptd.twin.scenario import parse_scenario
from tests.lab.boxes import Box, log_of

BOX = Box(seed=3, days=2, tick_s=30, r=1.3, tau=0.8, idle=1.1, fp16=0.95, int8=1.1)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of a box that differs from its profile."""
    return log_of(BOX, tmp_path_factory.mktemp("box") / "log")


@pytest.fixture(scope="module")
def grid(log: Path) -> Grid:
    """Its log as arrays."""
    return read_grid(log)


@pytest.fixture(scope="module")
def fitted(grid: Grid) -> Fitted:
    """What both days say."""
    return fit(grid, (0, 1))


def test_the_board_behind_the_log_is_found(fitted: Fitted) -> None:
    """A resistance 30 % off is found within 10 %, a time constant 20 % off within 25 % at a decision every 30 s.

    Energies a frame come within three standard deviations of 10 % at most: intervals that two engines shared tell them apart.
    """
    assert fitted.r_scale.value == pytest.approx(BOX.r, rel=0.10)
    assert fitted.tau_scale.value == pytest.approx(BOX.tau, rel=0.25)
    for name, truth_j in (("fp16", 0.110 * BOX.fp16), ("int8", 0.0595 * BOX.int8)):
        found = fitted.energy_j[name]
        assert abs(found.value - truth_j) < 3 * found.sd
        assert found.sd < 0.1 * truth_j


def test_pace_and_noise_are_those_of_the_log(fitted: Fitted) -> None:
    """Latencies come within a hundredth, the noise of the readings within a tenth of what was staged."""
    assert fitted.latency_us["fp16"].value == pytest.approx(13_500, rel=0.01)
    assert fitted.noise_temperature_c == pytest.approx(0.25, rel=0.1)
    assert fitted.noise_light_pct == pytest.approx(5, rel=0.15)


def test_a_fitted_twin_is_tested_on_days_left_out_and_read_back(grid: Grid, tmp_path: Path) -> None:
    """The folder holds scenario files that the software device runs, and errors of days that were not fitted on."""
    twin = make(grid, tmp_path / "twin", jobs=1)
    again = load(tmp_path / "twin")
    assert again.days.keys() == {"day-1", "day-2"} == twin.days.keys()
    assert parse_scenario(again.typical).duration_us == 86_400_000_000
    assert again.plain["backtest"]["days_left_out"] == [1, 2]
    assert 0 < again.error("power_w") < 0.3
    assert again.cells == twin.cells


def test_a_twin_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A file that a newer adaptd wrote is not guessed at."""
    (tmp_path / "twin.json").write_text('{"schema": 2}')
    with pytest.raises(FitError, match="has schema 2, this adaptd reads 1"):
        load(tmp_path)


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of one minute."""
    folder = tmp_path_factory.mktemp("minute") / "log"
    assert main(["simulate", "--scenario", "room", "--audit", str(folder), "--json"]) == 0
    return folder


def test_a_log_too_short_is_refused(minute: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Less than two days cannot be fitted and tested: one line says how much there is and how much is needed."""
    assert main(["twin", "fit", str(minute)]) == 1
    assert "holds 0.0 days, 2 whole ones are needed" in capsys.readouterr().err


def test_a_damaged_log_is_used_up_to_the_damage_and_says_so(log: Path, tmp_path: Path) -> None:
    """Bytes behind a changed one are not believed, those before it are."""
    copy = Path(shutil.copytree(log, tmp_path / "copy"))
    segment = copy / "00000000.log"
    data = bytearray(segment.read_bytes())
    at = data.index(b'"value":', len(data) * 3 // 4) + 8
    data[at] = ord("1") if data[at] != ord("1") else ord("2")
    segment.write_bytes(bytes(data))
    found = read_grid(copy)
    assert any("is damaged at record" in note for note in found.notes)
    assert 1.3 * found.day_ticks < found.ticks < 1.6 * found.day_ticks


def test_a_forged_log_is_refused(log: Path, minute: Path, tmp_path: Path) -> None:
    """A log under another key than its own is nobody's."""
    copy = Path(shutil.copytree(log, tmp_path / "copy"))
    shutil.copy(minute / "log.pub", copy / "log.pub")
    with pytest.raises(FitError, match=r"forged|damaged"):
        read_grid(copy)


def test_no_log_is_one_line_and_exit_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without a log is named with the remedy."""
    assert main(["twin", "fit", str(tmp_path)]) == 1
    assert "holds no log, name the folder that" in capsys.readouterr().err


def test_a_simulated_run_leaves_a_log_that_verifies(minute: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`simulate --audit` writes what `audit verify` calls valid, every decision run again."""
    assert main(["audit", "verify", str(minute), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["replayed"]) == ("valid", 60)


def test_a_log_of_two_devices_is_refused(minute: Path) -> None:
    """A log whose profile changes is of two devices, and no twin is made of it."""
    records = list(iter_records(minute))
    collector = Collector(minute)
    for record in records:
        collector.feed(record)
    config = next(record for record in records if record["kind"] == "config")
    other = {**config, "profile": {**config["profile"], "name": "other.yaml", "sha256": "0" * 64}}
    with pytest.raises(FitError, match="is of two devices"):
        collector.feed(other)


def test_a_prior_is_kept_where_the_data_say_nothing() -> None:
    """An unknown that no measurement touches keeps its prior and its width; one that is measured leaves it."""
    import numpy as np

    rng = np.random.default_rng(1)
    x = np.zeros((500, 2))
    x[:, 0] = rng.normal(size=500)
    y = 3 * x[:, 0] + rng.normal(0, 0.1, 500)
    found = solve(x, y, *prior_rows(2, [(0, 1.0, 1.0), (1, 5.0, 0.5)]))
    assert found.theta[0] == pytest.approx(3, abs=0.05)
    assert found.theta[1] == pytest.approx(5)
    assert found.sd(1) == pytest.approx(0.5)

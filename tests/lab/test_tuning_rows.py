"""The figures of tuning rest on runs without a log between: that makes no difference, and a stopped run goes on."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from adaptd.lab.fit.backtest import FIGURES
from adaptd.lab.fit.readings import read_grid
from tests.lab.boxes import Box, log_of
from tests.lab.kept import Kept
from tests.lab.tuning_figures import make_rows, summary
from tests.lab.tuning_rows import Seen

BOX = Box(seed=5, days=1, tick_s=300, r=1.2)


def test_a_run_without_a_log_gives_the_arrays_of_its_log(tmp_path: Path) -> None:
    """What the observer collects is what verifying and reading the log of the same box gives."""
    live, read = Seen(BOX).run(), read_grid(log_of(BOX, tmp_path / "log"))
    for name in ("temperature_c", "power_w", "light_lux", "rate_fps", "choice", "delivered", "frames", "beside", "busy_us"):
        np.testing.assert_array_equal(getattr(live, name), getattr(read, name), err_msg=name)
    assert (live.shadows.keys(), live.tick_s, live.policy) == (read.shadows.keys(), read.tick_s, read.policy)
    for key, minutes in live.shadows.items():
        np.testing.assert_array_equal(minutes, read.shadows[key])


def test_rows_that_are_kept_are_not_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run whose time is over leaves what it made; the next one makes the rest, and a row that fails costs itself alone."""
    off = {figure: [0.001, -0.04] for figure in FIGURES}
    left_out = {kind: {figure: [0.01, -0.01, 0.0, 0.0] for figure in FIGURES} for kind in ("unseen", "again")}
    path, make = tmp_path / "rows.jsonl", partial(dict, unseen=off, again=off, left_out=left_out)
    Kept(path).row("box 1", make)
    wanted = {"box 1": make, "box 2": make, "box 3": partial(int, "no number")}

    def made(box_s: float) -> int:
        kept = Kept(path)
        missing = {name: make for name, make in wanted.items() if name not in kept.rows}
        return make_rows(missing, kept, jobs=2, box_s=box_s)  # type: ignore[arg-type]

    assert made(0) == 2
    assert list(Kept(path).rows) == ["box 1"]
    assert made(120) == 0
    assert list(Kept(path).rows) == ["box 1", "box 2"]
    assert "box 3: ended with exit status 1, its row is missing" in capsys.readouterr().err
    found = summary(Kept(path).rows)["twin"]
    assert (found["boxes"], found["days"], found["power_within_3_pct"]) == (2, 4, 2)
    assert found["coverage_unseen"]["95 %"]["power_w"].startswith("2 of 4 = 50.0 % (binomial 15.0 to 85.0")

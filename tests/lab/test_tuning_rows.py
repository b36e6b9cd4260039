"""The figures of tuning rest on runs without a log between: that makes no difference, and a stopped run goes on."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

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
    assert (live.day_shadows, live.tick_s, live.policy) == (read.day_shadows, read.tick_s, read.policy)


def test_rows_that_are_kept_are_not_made_again(tmp_path: Path) -> None:
    """A run whose time is over leaves what it made; the next one makes the rest with two processes, the summary counts all."""
    path, make = tmp_path / "rows.jsonl", partial(dict, off=[0.01, -0.04], stated=0.03)
    Kept(path).row("box 1", make)

    def made(box_s: float) -> int:
        kept = Kept(path)
        return make_rows({f"box {at}": make for at in (1, 2, 3) if f"box {at}" not in kept.rows}, kept, jobs=2, box_s=box_s)

    assert made(0) == 2
    assert list(Kept(path).rows) == ["box 1"]
    assert made(60) == 0
    assert sorted(Kept(path).rows) == ["box 1", "box 2", "box 3"]
    found = summary(Kept(path).rows)["twin"]
    assert (found["boxes"], found["days"], found["power_within_3_pct"], found["coverage_pct"]) == (3, 6, 3, pytest.approx(50))


def test_a_row_that_fails_is_named_and_the_others_are_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A process that ends badly costs its own row only, and it is said which."""
    path = tmp_path / "rows.jsonl"
    assert make_rows({"bad": partial(int, "no number"), "good": dict}, Kept(path), jobs=2, box_s=60) == 0  # type: ignore[dict-item]
    assert list(Kept(path).rows) == ["good"]
    assert "bad: ended with exit status 1, its row is missing" in capsys.readouterr().err

"""The figures of tuning rest on runs without a log between: that makes no difference, and a stopped run goes on."""

from pathlib import Path

import numpy as np
import pytest

from adaptd.lab.fit.readings import read_grid
from tests.lab.boxes import Box, log_of
from tests.lab.tuning_figures import Kept, summary
from tests.lab.tuning_rows import Seen

BOX = Box(seed=5, days=1, tick_s=300, r=1.2)


def test_a_run_without_a_log_gives_the_arrays_of_its_log(tmp_path: Path) -> None:
    """What the observer collects is what verifying and reading the log of the same box gives."""
    live, read = Seen(BOX).run(), read_grid(log_of(BOX, tmp_path / "log"))
    for name in ("temperature_c", "power_w", "light_lux", "rate_fps", "choice", "delivered", "frames", "beside", "busy_us"):
        np.testing.assert_array_equal(getattr(live, name), getattr(read, name), err_msg=name)
    assert (live.day_shadows, live.tick_s, live.policy) == (read.day_shadows, read.tick_s, read.policy)


def test_rows_that_are_kept_are_not_made_again(tmp_path: Path) -> None:
    """A second run takes what the first one left, and the summary counts both."""
    made: list[str] = []

    def row(name: str) -> dict[str, object]:
        made.append(name)
        return {"off": [0.01, -0.04], "stated": 0.03}

    for names in (["box 1"], ["box 1", "box 2"]):
        kept = Kept(tmp_path / "rows.jsonl")
        for name in names:
            kept.row(name, lambda name=name: row(name))  # type: ignore[misc]
    assert made == ["box 1", "box 2"]
    found = summary(Kept(tmp_path / "rows.jsonl").rows)["twin"]
    assert (found["boxes"], found["days"], found["power_within_3_pct"], found["coverage_pct"]) == (2, 4, 2, pytest.approx(50))

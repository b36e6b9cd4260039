"""Nothing that a log folder holds can hang, break or deceive the programs that read it."""

from pathlib import Path

from adaptd.log.verify.verify import verify
from tests.log.hostile import attempts, read_by_all
from tests.log.workload import make_log


def test_no_hostile_log_hangs_breaks_or_passes(tmp_path: Path) -> None:
    """40 harmed folders: each is judged in time, with no exception, and none is valid."""
    found, _ = attempts(40, 3, tmp_path)
    assert sum(found.values()) == 40
    assert found["valid"] == 0


def test_the_log_that_is_harmed_was_valid(tmp_path: Path) -> None:
    """The control: unharmed, it passes and is read by everything."""
    make_log(tmp_path / "good", 120)
    assert read_by_all(tmp_path / "good") == verify(tmp_path / "good").verdict.value == "valid"

"""What long work says of the time left."""

import pytest

from adaptd.cli.progress import Lines


def test_the_time_left_counts_only_steps_whose_time_was_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten seconds a step leave 30 s for three; nobody saw how long the first took."""
    now = {"s": 100.0}
    monkeypatch.setattr("time.monotonic", lambda: now["s"])
    lines = Lines(interval_s=0.0)
    for done in (1, 2):
        lines.stage("building", done, 5)
        now["s"] += 10.0
    assert capsys.readouterr().err.splitlines() == ["building: 1 of 5", "building: 2 of 5, 30 s left"]

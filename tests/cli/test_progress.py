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


def test_what_an_earlier_run_left_says_nothing_of_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that goes on takes 40 of 60 from its file at once: the rest costs what the first new ones cost, not nothing."""
    now = {"s": 100.0}
    monkeypatch.setattr("time.monotonic", lambda: now["s"])
    lines = Lines(interval_s=0.0)
    for done in (4, 40):
        lines.stage("candidates", done, 60, 0)
    now["s"] += 20.0
    lines.stage("candidates", 44, 60, 4)
    assert capsys.readouterr().err.splitlines() == [
        "candidates: 4 of 60",
        "candidates: 40 of 60",
        "candidates: 44 of 60, 80 s left",
    ]

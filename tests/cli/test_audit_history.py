"""`adaptd audit history`: the log thinned to steps, which charts are drawn from."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from adaptd.cli.audit_history import steps
from adaptd.log.verify.decided import decisions
from tests.faults.service import adaptd
from tests.log.workload import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed log of 600 decisions, one a second."""
    path = tmp_path_factory.mktemp("log")
    run = Run(path)
    for _ in range(600):
        run.tick()
    run.recorder.close("test")
    return path


def split(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Steps and swaps."""
    return [row for row in rows if "at_ms" in row], [row for row in rows if "swap_ms" in row]


def test_every_decision_is_in_one_step_and_every_swap_is_there(folder: Path) -> None:
    """Steps are in order and as long as asked; a swap stands for each change of the engine that really served."""
    found, swaps = split(list(steps(folder, 0, 10_000)))
    starts = [row["at_ms"] for row in found]
    assert starts == sorted(set(starts))
    assert all(start % 10_000 == 0 for start in starts)
    assert 60 <= len(found) <= 62
    served = [one.snapshot.worker.point.variant for one in decisions(folder)]
    assert len(swaps) == sum(before != after for before, after in pairwise(served))


def test_only_what_is_asked_for_is_read(folder: Path) -> None:
    """A later beginning leaves out what was before, and the rest stays as it is."""
    whole, _ = split(list(steps(folder, 0, 10_000)))
    later, _ = split(list(steps(folder, whole[30]["at_ms"], 10_000)))
    assert later == whole[30:]
    assert list(steps(folder, whole[-1]["at_ms"] + 10**9, 10_000)) == []


def test_the_command_prints_one_object_a_line_and_refuses_nonsense(folder: Path) -> None:
    """Scripts and the gateway read it line by line; wrong usage is one line and code 2."""
    done = adaptd("audit", "history", folder, "--since", "36500d", "--step", 60)
    assert done.returncode == 0, done.stderr
    assert all(isinstance(json.loads(line), dict) for line in done.stdout.splitlines())
    for words in (("--step", 0), ("--since", "yesterday")):
        refused = adaptd("audit", "history", folder, *words)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert adaptd("audit", "history", folder / "none").returncode == 2

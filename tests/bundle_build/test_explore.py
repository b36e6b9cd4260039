"""Builds chosen by measurement: halving keeps the thrifty and the limit on the loss; nothing is measured twice."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adaptd.bundle_build.explore.halving import RUNGS, Search, run
from adaptd.bundle_build.explore.page import page
from adaptd.bundle_build.explore.space import Candidate, OrtSpace, Runner
from adaptd.bundle_build.model.make import Order
from adaptd.bundle_build.qualify.judge import Distance
from adaptd.cli.main import main


@dataclass
class Clock:
    """Wall and processor time that only the runners move."""

    wall_us: int = 0
    busy_us: int = 0

    def __call__(self) -> tuple[int, int]:
        return self.wall_us, self.busy_us


@dataclass
class Worker:
    """A candidate that takes a known time on a known number of cores."""

    clock: Clock
    takes_us: int
    cores: int

    def infer(self, at: int) -> None:
        """One frame."""
        self.clock.wall_us += self.takes_us
        self.clock.busy_us += self.takes_us * self.cores


@dataclass
class Stage:
    """A space of (time, cores, differing frames in ppm) by name, which counts what was loaded."""

    clock: Clock
    table: dict[str, tuple[int, int, int]]
    runtime: str = "stage"
    loads: list[str] = field(default_factory=list)

    def candidates(self) -> list[Candidate]:
        return [Candidate(name, (), (("threads", "1"),)) for name in self.table]

    def key(self, candidate: Candidate) -> str:
        return candidate.precision

    def distance(self, candidate: Candidate) -> Distance:
        loss = self.table[candidate.precision][2]
        return Distance(loss, loss * 10, 0, 10)

    def load(self, candidate: Candidate) -> Runner:
        self.loads.append(candidate.precision)
        takes_us, cores, _ = self.table[candidate.precision]
        return Worker(self.clock, takes_us, cores)


def staged(**table: tuple[int, int, int]) -> Stage:
    """A space with its clock."""
    return Stage(Clock(), table)


TABLE = {
    "slow": (9000, 1, 0), "wide": (3000, 4, 0), "thrifty": (4000, 1, 1000), "wrong": (1000, 1, 90_000),
    "a": (8000, 1, 0), "b": (8500, 1, 0), "c": (8800, 1, 0), "d": (8900, 1, 0),
}  # fmt: skip


def test_the_plan_takes_the_least_energy_within_the_limit() -> None:
    """Not the fastest on many cores, not the one that answers wrongly: the thriftiest that keeps the policy's limit."""
    stage = staged(**TABLE)
    found = run(stage, Search(5000, 10**9, stage.clock))
    assert found.plan is not None
    assert found.plan.candidate.precision == "thrifty"
    assert found.plan.frames == RUNGS[-1]
    assert found.plan.latency_us == 4000
    assert "assumed" in found.energy_words


def test_the_dear_are_dropped_early_and_still_shown() -> None:
    """Half of the candidates get no more than the first few frames; every one of them is among the tried."""
    stage = staged(**TABLE)
    found = run(stage, Search(5000, 10**9, stage.clock))
    assert {one.candidate.precision for one in found.tried} == set(TABLE)
    assert sum(one.frames == RUNGS[0] for one in found.tried) == len(TABLE) // 2


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    """A second search with the same cache loads nothing and finds the same plan; a torn line costs one measurement."""
    cache = tmp_path / "measured.jsonl"
    first, second = staged(**TABLE), staged(**TABLE)
    plan = run(first, Search(5000, 10**9, first.clock, cache=cache)).plan
    again = run(second, Search(5000, 10**9, second.clock, cache=cache)).plan
    assert second.loads == []
    assert plan is not None
    assert again is not None
    assert (plan.candidate, plan.energy_uj) == (again.candidate, again.energy_uj)
    cache.write_text(cache.read_text()[:-20])
    third = staged(**TABLE)
    run(third, Search(5000, 10**9, third.clock, cache=cache))
    assert len(third.loads) == 1


def test_the_box_of_time_ends_the_search_and_says_so() -> None:
    """When the time is over, what was measured stands and the rest is left out."""
    stage = staged(**TABLE)
    found = run(stage, Search(5000, 100_000, stage.clock))
    assert found.out_of_time
    assert 0 < len(found.tried) < len(TABLE)


def test_nothing_within_the_limit_is_no_plan() -> None:
    """Where every candidate differs too often there is no plan of record."""
    stage = staged(wrong=(1000, 1, 90_000), worse=(900, 1, 95_000))
    found = run(stage, Search(5000, 10**9, stage.clock))
    assert found.plan is None
    assert "Nothing keeps" in page("m", "stage", found)


def test_onnx_runtime_is_searched_for_real(order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A small net: FP32 and INT8, layers in float, two graph levels at least; the page shows every point."""
    space = OrtSpace(order, [1])
    candidates = space.candidates()
    assert {one.precision for one in candidates} == {"fp32", "int8"}
    assert any(one.kept for one in candidates)
    words = ["engine", "search", str(order.model), "--calibration", str(order.calibration), "--threads", "1", "--time-box", "20"]
    assert main([*words, "-o", str(tmp_path)]) in (0, 1)
    said = capsys.readouterr().out
    assert "energy of one inference" in said
    assert (tmp_path / "search.html").read_text().count("<circle") >= 2 * (len(candidates) - 1)


def test_threads_that_are_none_are_refused(order: Order, capsys: pytest.CaptureFixture[str]) -> None:
    """`--threads x` is one line and exit 2."""
    assert main(["engine", "search", str(order.model), "--calibration", str(order.calibration), "--threads", "x"]) == 2
    assert "is no list of thread counts" in capsys.readouterr().err

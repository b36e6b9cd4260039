"""Builds chosen by measurement: halving keeps the thrifty and the limit on the loss; nothing is measured twice."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.explore.halving import RUNGS, Objective, Search, run
from adaptd.bundle_build.explore.ort_space import OrtSpace
from adaptd.bundle_build.explore.page import page
from adaptd.bundle_build.explore.prepared import channels_last, in_form, with_batch
from adaptd.bundle_build.explore.space import Candidate, Form, Runner, Wanted
from adaptd.bundle_build.explore.trt_space import TrtSpace
from adaptd.bundle_build.model.floats import session
from adaptd.bundle_build.model.intake import Wishes
from adaptd.bundle_build.model.make import Built, Order
from adaptd.bundle_build.model.onnx_io import from_bytes, to_bytes
from adaptd.bundle_build.qualify.judge import Distance
from adaptd.cli.main import main
from adaptd.engine.base import Array, probe_batch
from tests.bundle_build.nets import classifier, save
from tests.gpu.fake_cuda import FakeGpu
from tests.gpu.fake_trt import make

FEEDER = Objective(target_mfps=15_000, frame_value_uj=500_000, deadline_us=66_000, most_loss_ppm=5000)


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

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class Stage:
    """A space of (time, cores, differing frames in ppm) by name, which counts what was loaded."""

    clock: Clock
    table: dict[str, tuple[int, int, int]]
    runtime: str = "stage"
    loads: list[str] = field(default_factory=list)
    unserved: tuple[str, ...] = ()

    def candidates(self) -> list[Candidate]:
        why = dict.fromkeys(self.unserved, "staged")
        return [Candidate(name, (), (("threads", "1"),), unserved=why.get(name, "")) for name in self.table]

    def key(self, candidate: Candidate) -> str:
        return candidate.precision

    def distance(self, candidate: Candidate) -> Distance:
        loss = self.table[candidate.precision][2]
        return Distance(loss, loss * 10, 0, 10)

    def load(self, candidate: Candidate) -> Runner:
        self.loads.append(candidate.precision)
        if candidate.precision == "broken":
            raise BuildError("no implementation for node /conv")
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
    found = run(stage, Search(FEEDER, 10**9, stage.clock))
    assert found.plan is not None
    assert found.plan.candidate.precision == "thrifty"
    assert found.plan.frames == RUNGS[-1]
    assert found.plan.latency_us == 4000
    assert "assumed" in found.energy_words


def test_the_dear_are_dropped_early_and_still_shown() -> None:
    """Half of the candidates get no more than the first few frames; every one of them is among the tried."""
    stage = staged(**TABLE)
    found = run(stage, Search(FEEDER, 10**9, stage.clock))
    assert {one.candidate.precision for one in found.tried} == set(TABLE)
    assert sum(one.frames == RUNGS[0] for one in found.tried) == len(TABLE) // 2


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    """A second search with the same cache loads nothing and finds the same plan; a torn line costs one measurement."""
    cache = tmp_path / "measured.jsonl"
    first, second = staged(**TABLE), staged(**TABLE)
    plan = run(first, Search(FEEDER, 10**9, first.clock, cache=cache)).plan
    again = run(second, Search(FEEDER, 10**9, second.clock, cache=cache)).plan
    assert second.loads == []
    assert plan is not None
    assert again is not None
    assert (plan.candidate, plan.energy_uj) == (again.candidate, again.energy_uj)
    cache.write_text(cache.read_text()[:-20])
    third = staged(**TABLE)
    run(third, Search(FEEDER, 10**9, third.clock, cache=cache))
    assert len(third.loads) == 1


def test_the_box_of_time_ends_the_search_and_says_so() -> None:
    """When the time is over, what was measured stands and the rest is left out."""
    stage = staged(**TABLE)
    found = run(stage, Search(FEEDER, 100_000, stage.clock))
    assert found.out_of_time
    assert 0 < len(found.tried) < len(TABLE)


def test_nothing_within_the_limit_is_no_plan() -> None:
    """Where every candidate differs too often there is no plan of record."""
    stage = staged(wrong=(1000, 1, 90_000), worse=(900, 1, 95_000))
    found = run(stage, Search(FEEDER, 10**9, stage.clock))
    assert found.plan is None
    assert "Nothing keeps" in page("m", "stage", found)


def test_the_plan_is_worth_most_by_the_policy() -> None:
    """Energy is not all: an engine past the deadline is worth nothing, one that misses the rate loses the frames' worth."""
    stage = staged(late=(70_000, 0, 0), half=(60_000, 1, 0), full=(20_000, 4, 0))
    fast = Objective(target_mfps=30_000, frame_value_uj=1_000_000, deadline_us=66_000, most_loss_ppm=5000)
    found = run(stage, Search(fast, 10**9, stage.clock))
    assert found.plan is not None
    assert found.plan.candidate.precision == "full"
    assert [one.candidate.precision for one in found.tried] == ["full", "half", "late"]
    assert fast.worth_mw(found.tried[-1]) < 0
    cheap = run(stage, Search(replace(fast, frame_value_uj=400_000), 10**9, stage.clock)).plan
    assert cheap is not None
    assert cheap.candidate.precision == "half"


def test_what_a_bundle_cannot_be_is_shown_and_never_chosen() -> None:
    """A form that is not served may be the thriftiest: it stands in the table, and the plan is the best that is served."""
    stage = staged(**TABLE)
    stage.unserved = ("thrifty", "a", "b")
    found = run(stage, Search(FEEDER, 10**9, stage.clock))
    assert found.plan is not None
    assert not found.plan.candidate.unserved
    assert found.plan.frames == RUNGS[-1]
    assert found.tried[0].candidate.precision == "thrifty"


def test_a_candidate_that_cannot_be_built_is_named_with_its_reason() -> None:
    """The others are measured; the page says which one was left out and why."""
    stage = staged(broken=(1, 1, 0), **TABLE)
    found = run(stage, Search(FEEDER, 10**9, stage.clock))
    assert found.failed == {"broken, threads 1": "no implementation for node /conv"}
    assert found.plan is not None
    assert "no implementation for node /conv" in page("m", "stage", found)


def test_idle_power_is_taken_off_the_meter() -> None:
    """A meter counts the whole board: what it reads while nothing runs is no frame's."""
    stage = staged(only=(10_000, 1, 0))

    class Meter:
        def read_uj(self) -> int:
            return stage.clock.wall_us * 7  # 7 W

        def close(self) -> None:
            """Nothing is held."""

    found = run(stage, Search(FEEDER, 10**9, stage.clock, Meter(), "staged", idle_mw=5000))
    assert found.tried[0].energy_uj == 10_000 * 2


def test_a_meter_is_given_time_to_move() -> None:
    """A counter of energy moves ten times a second: eight frames of 0.1 ms would have cost nothing."""
    stage = staged(dear=(120, 1, 0), cheap=(130, 1, 0))
    watts = {"dear": 30, "cheap": 10}

    class Meter:
        words = "staged"

        def read_uj(self) -> int:
            return stage.clock.wall_us // 100_000 * 100_000 * watts[stage.loads[-1]]

        def close(self) -> None:
            """Nothing is held."""

    found = run(stage, Search(FEEDER, 10**9, stage.clock, Meter(), "staged"))
    assert [one.candidate.precision for one in found.tried] == ["cheap", "dear"]
    assert [one.energy_uj for one in found.tried] == [pytest.approx(1300, rel=0.05), pytest.approx(3600, rel=0.05)]
    assert found.plan is not None
    assert found.plan.frames >= 20_000


def _answers(model: Any, batch: Array) -> Array:
    made = session(to_bytes(model))
    answer: Array = made.run(None, {made.get_inputs()[0].name: batch})[0]
    return answer


def test_another_form_of_input_gives_the_same_answers(made: tuple[Built, Path]) -> None:
    """Channels last and four pictures at once: float and INT8 graphs answer as for single pictures in NCHW."""
    for kind in ("fp32", "int8.ort"):
        (data,) = [data for name, data in made[0].files.items() if name.endswith(f".{kind}.onnx")]
        model = from_bytes(data)
        four = np.concatenate([probe_batch((1, 3, 32, 32), turn) for turn in range(4)])
        single = np.concatenate([_answers(model, one[None]) for one in four])
        assert np.allclose(_answers(with_batch(model, 4), four), single, atol=1e-4)
        last = np.ascontiguousarray(four[:1].transpose(0, 2, 3, 1))
        assert np.allclose(_answers(channels_last(model), last), single[:1], atol=1e-4)
        both = np.ascontiguousarray(four.transpose(0, 2, 3, 1))
        assert np.allclose(_answers(in_form(model, Form(layout="nhwc", cameras=4)), both), single, atol=1e-4)


def test_onnx_runtime_is_searched_for_real(order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A small net: FP32 and INT8, layers in float, graph levels, channels last, two cameras; the page shows every point."""
    space = OrtSpace(order, [1], Wanted(layouts=("nhwc",), cameras=(2,)))
    candidates = space.candidates()
    assert {one.precision for one in candidates} == {"fp32", "int8"}
    assert any(one.kept for one in candidates)
    words = ["engine", "search", str(order.model), "--calibration", str(order.calibration), "--threads", "1", "--time-box", "20"]
    assert main([*words, "--layouts", "nchw,nhwc", "--cameras", "1,2", "-o", str(tmp_path)]) in (0, 1)
    said = capsys.readouterr().out
    assert "energy of one picture above idle" in said
    assert (tmp_path / "search.html").read_text().count("<circle") >= 2 * (len(candidates) - 1)
    told = json.loads((tmp_path / "search.json").read_text())
    assert {one["layout"] for one in told["tried"]} == {"nchw", "nhwc"}
    assert told["plan"] is None or told["plan"]["not_served_because"] == ""


def test_a_size_that_the_model_fixes_is_refused(order: Order, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--sizes` on a model of one size is one line that says so."""
    words = ["engine", "search", str(order.model), "--calibration", str(order.calibration), "--sizes", "24x24"]
    assert main([*words, "-o", str(tmp_path)]) == 1
    assert "has a fixed picture size of 32x32" in capsys.readouterr().err


def test_another_size_is_held_against_the_model_at_its_own(order: Order, tmp_path: Path) -> None:
    """A net with free sides: the smaller picture is served, costs less, and its answers differ from the full size's."""
    path = save(classifier(size="side"), tmp_path / "free.onnx")
    free = replace(order, model=path, wishes=Wishes(size=(32, 32)))
    space = OrtSpace(free, [1], Wanted(sizes=((16, 16),)))
    small = [one for one in space.candidates() if one.form.size == (16, 16)]
    assert [one.precision for one in small] == ["fp32", "int8"]
    assert not any(one.unserved for one in small)
    assert space.distance(small[0]).soft_ppm > 0
    space.load(small[0]).infer(1)


@pytest.mark.parametrize("version", ["8.6.1", "10.3.0", "11.4.0.106"])
def test_tensorrt_is_searched_over_its_own_knobs(order: Order, version: str) -> None:
    """Builder levels, tactic sources where the version has them, layers in FP16, two cameras: each is built as it says, once."""
    gpu = FakeGpu()
    steer: dict[str, Any] = {"input": (-1, 3, 32, 32), "outputs": 3}
    trt = make(version, gpu, steer)
    space = TrtSpace(order, [2, 3], trt, gpu, Wanted(cameras=(2,)))
    candidates = space.candidates()
    assert {dict(one.knobs)["tactics"] for one in candidates} == ({"usual"} if version[:2] == "11" else {"usual", "all", "none"})
    assert any(one.kept for one in candidates)
    for one in (*candidates, candidates[0]):
        runner = space.load(one)
        runner.infer(1)
        runner.close()
    seen = [config for _, _, config in steer["seen"]]
    assert [config.builder_optimization_level for config in seen] == [int(dict(one.knobs)["level"]) for one in candidates]
    asked = {"usual": None, "all": 0b11111, "none": 0}
    assert [config.sources for config in seen] == [asked[dict(one.knobs)["tactics"]] for one in candidates]
    assert space.distance(candidates[0]).soft_ppm < space.distance(candidates[2]).soft_ppm
    assert not gpu.leaks()


def test_a_plan_that_tensorrt_cannot_build_is_left_out(order: Order) -> None:
    """The builder's reason stands beside the candidate."""
    gpu = FakeGpu()
    space = TrtSpace(order, [3], make("10.3.0", gpu, {"input": (1, 3, 32, 32), "refuse": ("strong", "flags")}), gpu)
    with pytest.raises(BuildError, match="no implementation for node /conv"):
        space.load(space.candidates()[0])
    assert not gpu.leaks()


def test_threads_that_are_none_are_refused(order: Order, capsys: pytest.CaptureFixture[str]) -> None:
    """`--threads x` is one line and exit 2."""
    assert main(["engine", "search", str(order.model), "--calibration", str(order.calibration), "--threads", "x"]) == 2
    assert "is no list of thread counts" in capsys.readouterr().err

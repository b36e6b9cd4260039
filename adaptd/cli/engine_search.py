"""`adaptd engine search MODEL.onnx --calibration DIR`: which build and runtime knobs are worth most within the policy's limit."""

import argparse
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptd.cli.errors import CommandError, refusing, using
from adaptd.cli.options import answer

if TYPE_CHECKING:
    from adaptd.bundle_build import Progress
    from adaptd.bundle_build.explore.halving import Outcome, Search, Tried
    from adaptd.bundle_build.explore.space import Space, Wanted
    from adaptd.bundle_build.model.make import Order

TABLE = 14
IDLE_S = 2.0
MOST = {"threads": 256, "cameras": 16, "levels": 5}
WHAT = {"threads": "thread counts", "cameras": "camera counts", "levels": "builder levels (1 to 5)"}


def search(arguments: argparse.Namespace) -> int:
    """Prepare the space, halve, print the table and write the page."""
    from adaptd.bundle_build.explore.halving import run
    from adaptd.bundle_build.explore.page import page
    from adaptd.cli.progress import stages
    from adaptd.engine.errors import EngineError
    from adaptd.vision import ModelError

    with using("name a file or folder that can be used"), refusing(ModelError, EngineError):
        arguments.output.mkdir(parents=True, exist_ok=True)
        with stages() as stage, _prepared(arguments, stage) as (space, asked):
            outcome = run(space, asked)
        (arguments.output / "search.html").write_text(page(arguments.model.name, space.runtime, outcome), encoding="utf-8")
        (arguments.output / "search.json").write_text(json.dumps(plain(outcome), indent=1) + "\n", encoding="utf-8")
    return answer(arguments, plain(outcome), _words(arguments.output, outcome), 0 if outcome.plan is not None else 1)


@contextlib.contextmanager
def _prepared(arguments: argparse.Namespace, progress: "Progress") -> Iterator[tuple["Space", "Search"]]:
    """The space and the search over it, the meter held and the GPU too where one computes."""
    import platform

    from adaptd.bundle_build.explore.halving import ASSUMED_CORE_MW, Objective, Search
    from adaptd.bundle_build.explore.space import clock_us, wall_us
    from adaptd.bundle_build.model.make import Order
    from adaptd.bundle_build.qualify.meters import metering
    from adaptd.cli.engine_words import preset_of, profile_here
    from adaptd.cli.profile import find_profile
    from adaptd.config.policy import load_policy
    from adaptd.config.profile import load_profile
    from adaptd.config.shipped import policies_dir

    threads, levels, wanted = _numbers(arguments, "threads"), _numbers(arguments, "levels"), _wanted(arguments)
    policy = load_policy(arguments.policy or policies_dir() / "default.yaml")
    objective = Objective(policy.target_mfps, policy.frame_value_uj, policy.deadline_us, policy.max_loss_ppm)
    order = Order(
        arguments.model, arguments.calibration, policy.bands, preset_of(arguments), count=arguments.pictures, band=arguments.band
    )
    gpu, clock = arguments.backend == "tensorrt", wall_us if arguments.backend == "tensorrt" else clock_us
    rails = load_profile(find_profile(profile_here(arguments.backend))).power_rails
    with _space(gpu, order, threads, levels, wanted, progress) as space, metering(Path("/"), rails, gpu=gpu) as (meter, lacks):
        idle_mw = 0 if meter is None else idle_of(meter, clock)
        words = ""
        if meter is not None:
            words = f"{getattr(meter, 'words', 'power meter')}, less {idle_mw / 1000:.2f} W idle"
        elif gpu:
            words = f"time x {ASSUMED_CORE_MW / 1000:g} W, assumed: {lacks}"
        yield space, Search(
            objective, int(arguments.time_box * 1e6), clock, meter, words, idle_mw,
            cache=arguments.output / "measured.jsonl", machine=f"{platform.machine()}-{platform.node()}", progress=progress,
        )  # fmt: skip


@contextlib.contextmanager
def _space(
    gpu: bool, order: "Order", threads: list[int], levels: list[int], wanted: "Wanted", progress: "Progress"
) -> Iterator["Space"]:
    if not gpu:
        from adaptd.bundle_build.explore.ort_space import OrtSpace

        yield OrtSpace(order, threads, wanted, progress)
        return
    from adaptd.bundle_build.explore.trt_space import TrtSpace
    from adaptd.engine.cuda import PycudaGpu
    from adaptd.engine.trt_api import import_tensorrt

    trt, device, user = import_tensorrt(builder=True), PycudaGpu(), _User()
    device.acquire(user)
    try:
        yield TrtSpace(order, levels, trt, device, wanted, progress)
    finally:
        device.release(user)


class _User:
    """Holds the GPU's context while plans are built and run."""

    def deactivate(self) -> None:
        """Nothing of the device is kept."""


def idle_of(meter: Any, clock: Any) -> int:
    """What the meter reads while nothing runs, mW."""
    import time

    before_uj, from_us = meter.read_uj(), clock()[0]
    time.sleep(IDLE_S)
    return int((meter.read_uj() - before_uj) * 1000 // max(1, clock()[0] - from_us))


def _wanted(arguments: argparse.Namespace) -> "Wanted":
    from adaptd.bundle_build.explore.space import NCHW, NHWC, Wanted

    layouts = tuple(arguments.layouts.lower().split(","))
    if not set(layouts) <= {NCHW, NHWC}:
        raise CommandError(f"--layouts {arguments.layouts}: is no list of layouts, write nchw,nhwc", 2)
    sizes = []
    for one in [part for part in arguments.sizes.lower().split(",") if part]:
        height, _, width = one.partition("x")
        if not (height.isdigit() and width.isdigit()):
            raise CommandError(f"--sizes {arguments.sizes}: is no list of sizes, write for example 192x192,160x160", 2)
        sizes.append((int(height), int(width)))
    return Wanted(tuple(sizes), layouts, tuple(_numbers(arguments, "cameras")))


def _numbers(arguments: argparse.Namespace, name: str) -> list[int]:
    text = getattr(arguments, name)
    try:
        found = sorted({int(one) for one in text.split(",")})
    except ValueError:
        found = [0]
    if not all(1 <= one <= MOST[name] for one in found):
        raise CommandError(f"--{name} {text}: is no list of {WHAT[name]}, write for example 1,2,4", 2)
    return found


def plain(outcome: "Outcome") -> dict[str, Any]:
    """Every tried point, for machines."""

    def row(one: "Tried") -> dict[str, Any]:
        form = one.candidate.form
        return {
            "precision": one.candidate.precision, "kept_in_float": list(one.candidate.kept), **dict(one.candidate.knobs),
            "size": None if form.size is None else list(form.size), "layout": form.layout, "cameras": form.cameras,
            "not_served_because": one.candidate.unserved, "frames": one.frames, "latency_us": one.latency_us,
            "energy_uj": one.energy_uj, "soft_disagreement_ppm": one.soft_ppm, "loss_ppm": one.loss_ppm,
            "worth_mw": outcome.objective.worth_mw(one),
        }  # fmt: skip

    return {
        "energy": outcome.energy_words,
        "out_of_time": outcome.out_of_time,
        "plan": None if outcome.plan is None else row(outcome.plan),
        "tried": [row(one) for one in outcome.tried],
        "failed": outcome.failed,
    }


def _words(output: Path, outcome: "Outcome") -> list[str]:
    from adaptd.bundle_build.explore.page import objective_words

    lines = [f"{'candidate':<58}{'frames':>7}{'latency':>11}{'energy':>11}{'differ':>9}{'worth':>10}"]
    for one in outcome.tried[:TABLE]:
        mark = "*" if one is outcome.plan else "-" if one.candidate.unserved else " "
        cost = f"{one.latency_us / 1000:>8.2f} ms{one.energy_uj / 1000:>8.2f} mJ{one.loss_ppm / 1e4:>7.2f} %"
        lines.append(f"{mark} {one.candidate.words:<56}{one.frames:>7}{cost}{outcome.objective.worth_mw(one):>7} mW")
    if len(outcome.tried) > TABLE:
        lines.append(f"  ... {len(outcome.tried) - TABLE} more in search.json")
    if any(one.candidate.unserved for one in outcome.tried):
        lines.append("-: measured to compare; a bundle is not served this way today (search.json says why)")
    lines += [f"left out: {name}: {why}" for name, why in outcome.failed.items()]
    lines.append(f"energy of one picture above idle: {outcome.energy_words}")
    if outcome.out_of_time:
        lines.append("the time ran out before all candidates were measured: give more with --time-box, what is measured is kept")
    lines.append(f"chosen by: {objective_words(outcome)}")
    none = "nothing that can be served keeps the policy's limit on the loss"
    lines.append(none if outcome.plan is None else f"plan of record (*): {outcome.plan.candidate.words}")
    return [*lines, f"written: {output / 'search.html'} (the curve), {output / 'search.json'}"]

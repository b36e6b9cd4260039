"""`adaptd engine search MODEL.onnx --calibration DIR`: which build and runtime knobs take the least energy within the limit."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptd.cli.errors import CommandError

if TYPE_CHECKING:
    from adaptd.bundle_build.explore.halving import Outcome, Tried

TABLE = 14


def search_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything that can be said of a search."""
    parser.add_argument("model", type=Path, help="MODEL.onnx in FP32")
    parser.add_argument("--calibration", type=Path, required=True, metavar="DIR", help="pictures like those it will see")
    parser.add_argument(
        "--policy", type=Path, default=None, help="policy whose limit on the loss counts (default: the shipped one)"
    )
    parser.add_argument("--threads", default="1,2", metavar="N,N", help="thread counts to try (default: 1,2)")
    parser.add_argument("--pictures", type=int, default=100, metavar="N", help="calibrate with up to N pictures")
    parser.add_argument("--band", metavar="NAME", default=None, help="light band of all pictures, where folders do not say it")
    parser.add_argument("--time-box", type=float, default=300, metavar="S", help="seconds to measure at most (default: 300)")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("searched"), help="folder for the page, the points and the cache"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(handler=search)


def search(arguments: argparse.Namespace) -> int:
    """Prepare the space, halve, print the table and write the page."""
    import platform

    from adaptd.bundle_build.errors import BuildError
    from adaptd.bundle_build.explore.halving import Search, run
    from adaptd.bundle_build.explore.page import page
    from adaptd.bundle_build.explore.space import OrtSpace, clock_us
    from adaptd.bundle_build.model.make import Order
    from adaptd.bundle_build.qualify.meters import metering
    from adaptd.cli.tuning_words import Meter
    from adaptd.config.policy import load_policy
    from adaptd.config.shipped import policies_dir

    policy = load_policy(arguments.policy or policies_dir() / "default.yaml")
    threads = _threads(arguments.threads)
    meter = Meter()
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
        order = Order(arguments.model, arguments.calibration, policy.bands, count=arguments.pictures, band=arguments.band)
        space = OrtSpace(order, threads, meter.stage)
        with metering(Path("/"), (), gpu=False) as (found, words):
            outcome = run(space, Search(
                most_loss_ppm=policy.max_loss_ppm, time_box_us=int(arguments.time_box * 1e6), clock=clock_us, meter=found,
                energy_words=words if found is not None else "", cache=arguments.output / "measured.jsonl",
                machine=f"{platform.machine()}-{platform.node()}", progress=meter.stage,
            ))  # fmt: skip
        (arguments.output / "search.html").write_text(page(arguments.model.name, space.runtime, outcome), encoding="utf-8")
        (arguments.output / "search.json").write_text(json.dumps(plain(outcome), indent=1) + "\n", encoding="utf-8")
    except BuildError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}, name a file or folder that can be used") from None
    finally:
        meter.end()
    print(json.dumps(plain(outcome)) if arguments.json else "\n".join(_words(arguments.output, outcome)))
    return 0 if outcome.plan is not None else 1


def _threads(text: str) -> list[int]:
    try:
        found = sorted({int(one) for one in text.split(",")})
    except ValueError:
        found = [0]
    if not all(1 <= one <= 256 for one in found):
        raise CommandError(f"--threads {text}: is no list of thread counts, write for example 1,2,4", 2)
    return found


def plain(outcome: "Outcome") -> dict[str, Any]:
    """Every tried point, for machines."""

    def row(one: "Tried") -> dict[str, Any]:
        return {
            "precision": one.candidate.precision, "kept_in_float": list(one.candidate.kept), **dict(one.candidate.knobs),
            "frames": one.frames, "latency_us": one.latency_us, "energy_uj": one.energy_uj, "soft_disagreement_ppm": one.soft_ppm,
            "loss_ppm": one.loss_ppm,
        }  # fmt: skip

    return {
        "energy": outcome.energy_words,
        "out_of_time": outcome.out_of_time,
        "plan": None if outcome.plan is None else row(outcome.plan),
        "tried": [row(one) for one in outcome.tried],
    }


def _words(output: Path, outcome: "Outcome") -> list[str]:
    lines = [f"{'candidate':<58}{'frames':>7}{'latency':>11}{'energy':>11}{'differ':>9}"]
    for one in outcome.tried[:TABLE]:
        mark = "*" if one is outcome.plan else " "
        cost = f"{one.latency_us / 1000:>8.2f} ms{one.energy_uj / 1000:>8.2f} mJ{one.loss_ppm / 1e4:>7.2f} %"
        lines.append(f"{mark} {one.candidate.words:<56}{one.frames:>7}{cost}")
    if len(outcome.tried) > TABLE:
        lines.append(f"  ... {len(outcome.tried) - TABLE} more in search.json")
    lines.append(f"energy of one inference: {outcome.energy_words}")
    if outcome.out_of_time:
        lines.append("the time ran out before all candidates were measured: give more with --time-box, what is measured is kept")
    plan = (
        "nothing keeps the policy's limit on the loss"
        if outcome.plan is None
        else f"plan of record (*): {outcome.plan.candidate.words}"
    )
    return [*lines, plan, f"written: {output / 'search.html'} (the curve), {output / 'search.json'}"]

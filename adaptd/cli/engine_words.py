"""The words of `adaptd engine build` and `qualify`, and what they stand for."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from adaptd.cli.errors import CommandError, whole
from adaptd.config.shipped import policies_dir
from adaptd.vocabulary import MODE_FAULT_WORDS

if TYPE_CHECKING:
    from adaptd.bundle_build.data.pictures import Preset
    from adaptd.config.manifest import ModeFact
    from adaptd.config.policy import Policy

MOST_CORNERS = 64
ROI = "part of the camera's picture to look at, shares of it; or the corners of a polygon: X,Y:X,Y:X,Y"


def build_arguments(build: argparse.ArgumentParser) -> None:
    """Everything that can be said of a build."""
    build.add_argument("model", type=Path, help="MODEL.onnx; or a bundle, with --backend tensorrt")
    build.add_argument("--calibration", type=Path, metavar="DIR", help="pictures like those it will see, in every light")
    build.add_argument("-o", "--output", type=Path, metavar="BUNDLE", help="folder of the bundle")
    build.add_argument(
        "--method",
        choices=("entropy", "minmax", "percentile", "auto"),
        default="auto",
        help="how INT8 ranges are found (default: auto)",
    )
    build.add_argument("--qdq", type=Path, metavar="F", help="a Q/DQ model (QAT, ModelOpt) to serve as INT8 beside MODEL")
    build.add_argument("--keep-fp16", nargs="+", default=[], metavar="NODE", help="layers kept in FP16; also first, last, auto")
    build.add_argument("--pictures", type=int, default=300, metavar="N", help="calibrate with up to N pictures (100 to 500)")
    build.add_argument("--band", metavar="NAME", help="light band of all pictures, where folders or labels.csv do not say it")
    build.add_argument("--labels", type=Path, metavar="F", help="class names, one a line, in the order of the output")
    build.add_argument("--head", metavar="FORM", help="what the output is, if not clear (docs/engines.md lists the forms)")
    build.add_argument("--model-output", metavar="NAME", help="which output counts, of several; A,B joins boxes and scores")
    build.add_argument("--size", type=_size, metavar="HxW", help="picture size, where the model leaves it free")
    build.add_argument("--name", help="model name (default: from the file)")
    prepare = build.add_argument_group("preprocessing, (value / divisor - mean) / std")
    prepare.add_argument(
        "--preset", choices=("imagenet", "unit", "symmetric", "yolo", "raw"), help="default imagenet; yolo for detectors"
    )
    prepare.add_argument("--mean", type=_three, metavar="R,G,B", help="subtracted from each channel after the division")
    prepare.add_argument("--std", type=_three, metavar="R,G,B", help="each channel is divided by this last")
    prepare.add_argument("--divisor", type=whole(1), metavar="N", help="pixel values are divided by this first, 255 mostly")
    prepare.add_argument("--colour", choices=("rgb", "bgr"), help="order of the channels that the model wants")
    prepare.add_argument(
        "--fit", choices=("stretch", "centre_crop", "letterbox"), help="how a picture of another shape is fitted"
    )
    prepare.add_argument("--roi", type=_roi, metavar="X,Y,W,H", help=ROI)
    plans = build.add_argument_group("TensorRT plans, on the device that will run them")
    plans.add_argument(
        "--backend", choices=("onnx", "tensorrt"), default="onnx", help="tensorrt builds plans for an existing bundle"
    )
    plans.add_argument("--level", type=int, choices=range(1, 6), help="builder optimisation level (default TensorRT's own, 3)")
    plans.add_argument("--tactics", choices=("usual", "all", "none"), default="usual", help="outside kernel libraries")
    plans.add_argument("--workspace-mb", type=whole(1), default=1024, help="memory that the builder may use (default 1024)")
    plans.add_argument("--layers", action="store_true", help="save fusion and precision of every layer beside the plan")
    _policy_argument(build)


def qualify_arguments(qualify: argparse.ArgumentParser) -> None:
    """Everything that can be said of a qualification."""
    qualify.add_argument("bundle", type=Path, help="folder of the bundle")
    qualify.add_argument("--data", type=Path, nargs="+", metavar="DIR", required=True, help="labelled pictures, new to it")
    qualify.add_argument("--html", type=Path, metavar="F", help="write the page with the efficiency-accuracy curve")
    qualify.add_argument("--json", action="store_true", help="print the whole record as JSON")
    qualify.add_argument("--backend", choices=("ort", "tensorrt"), default="ort", help="what computes (default: ort)")
    qualify.add_argument("--band", metavar="NAME", help="light band of all pictures, where folders or labels.csv do not say it")
    qualify.add_argument("--profile", metavar="P", help="hardware profile, name or file (default: by this machine)")
    qualify.add_argument("--threads", type=whole(0), default=0, help="threads of ONNX Runtime (default: all cores)")
    qualify.add_argument("--energy-window", type=float, default=60.0, metavar="S", help="seconds of metering an engine")
    _policy_argument(qualify)


def _policy_argument(parser: argparse.ArgumentParser) -> None:
    default = policies_dir() / "feeder.yaml"
    parser.add_argument("--policy", type=Path, default=default, metavar="F", help="bands, limits and rates (default: feeder)")


def policy_of(arguments: argparse.Namespace) -> "Policy":
    """The policy that `--policy` names. Raises ConfigError."""
    from adaptd.config.policy import load_policy

    return load_policy(arguments.policy)


def band_of(arguments: argparse.Namespace, policy: "Policy") -> str | None:
    """The light band that `--band` declares for all pictures."""
    names = [band.name for band in policy.bands]
    if arguments.band is not None and arguments.band not in names:
        raise CommandError(f"--band {arguments.band}: the policy has {', '.join(names)}", 2)
    band: str | None = arguments.band
    return band


def preset_of(arguments: argparse.Namespace) -> "Preset | None":
    """The preset that was named; None leaves it to the model's task."""
    from adaptd.bundle_build.data.pictures import PRESETS

    return None if arguments.preset is None else PRESETS[arguments.preset]


def wished_of(arguments: argparse.Namespace) -> dict[str, object]:
    """What was said of preprocessing beyond the preset."""
    wished = {
        "mean_ppm": arguments.mean,
        "std_ppm": arguments.std,
        "divisor": arguments.divisor,
        "colour_order": arguments.colour,
        "fit": arguments.fit,
        **(arguments.roi or {}),
    }
    return {key: value for key, value in wished.items() if value is not None}


def mode_here() -> "ModeFact | None":
    """The board's power mode now, which a qualification holds for; None where it has none."""
    from adaptd.config.manifest import ModeFact
    from adaptd.sense.nvpmodel import Nvpmodel
    from adaptd.sense.sysfs import Sysfs

    seen = Nvpmodel(Sysfs()).read()
    if seen is None:
        return None
    if seen.fault is not None:
        raise CommandError(f"power mode: {MODE_FAULT_WORDS[seen.fault]}; set it again with nvpmodel -m ID, then qualify")
    return ModeFact(name=seen.name, memory_khz=seen.memory_khz)


def profile_here(backend: str) -> str:
    """The shipped profile of this board, as `adaptd run` finds it; `--profile` says it better."""
    from adaptd.sense.board import identify
    from adaptd.sense.sysfs import Sysfs

    board = identify(Sysfs(Path("/"))).profile
    return "h200" if backend == "tensorrt" and board == "generic-x86" else board


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 224x224")
    return int(height), int(width)


def _three(text: str) -> tuple[int, int, int]:
    try:
        values = [round(float(word) * 1_000_000) for word in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers such as 0.485,0.456,0.406")
    return values[0], values[1], values[2]


def _roi(text: str) -> dict[str, object]:
    """A rectangle, or the corners of a polygon behind colons, as preprocessing has them."""
    try:
        rows = [tuple(round(float(word) * 1_000_000) for word in part.split(",")) for part in text.split(":")]
    except (ValueError, OverflowError):
        rows = []
    if len(rows) == 1 and len(rows[0]) == 4:
        left, top, width, height = rows[0]
        if min(left, top) >= 0 and min(width, height) > 0 and left + width <= 1_000_000 and top + height <= 1_000_000:
            return {"roi_ppm": rows[0]}
    elif 3 <= len(rows) <= MOST_CORNERS and all(len(row) == 2 and min(row) >= 0 and max(row) <= 1_000_000 for row in rows):
        from adaptd.config.manifest import around

        part = around(rows)
        if min(part[2:]) > 0:
            return {"roi_ppm": part, "roi_points_ppm": tuple(rows)}
    raise argparse.ArgumentTypeError(
        f"{text!r} is no part of the picture, give left,top,width,height from 0 to 1 inside it, "
        f"or 3 to {MOST_CORNERS} corners such as 0.2,0.1:0.8,0.1:0.5,0.9"
    )

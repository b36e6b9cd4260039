"""The words of `adaptd engine build` and `qualify`, and what they stand for."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from adaptd.cli.errors import CommandError
from adaptd.cli.options import Words, as_json
from adaptd.config.shipped import policies_dir
from adaptd.vocabulary import MODE_FAULT_WORDS

if TYPE_CHECKING:
    from adaptd.bundle_build.data.pictures import Preset
    from adaptd.config.manifest import ModeFact
    from adaptd.config.policy import Policy

MOST_CORNERS = 64
PRESETS = ("imagenet", "unit", "symmetric", "yolo", "raw")
ROI = "part of the camera's picture to look at, shares of it; or the corners of a polygon: X,Y:X,Y:X,Y"


def build_arguments(build: Words) -> None:
    """Everything that can be said of a build."""
    build.path("model", "MODEL.onnx; or a bundle, with --backend tensorrt")
    build.path("--calibration", "pictures like those it will see, in every light", metavar="DIR")
    build.path("-o --output", "folder of the bundle", metavar="BUNDLE")
    methods = ("entropy", "minmax", "percentile", "auto")
    build.option("--method", "how INT8 ranges are found (default: auto)", choices=methods, default="auto")
    build.path("--qdq", "a Q/DQ model (QAT, ModelOpt) to serve as INT8 beside MODEL", metavar="F")
    build.option("--keep-fp16", "layers kept in FP16; also first, last, auto", nargs="+", default=[], metavar="NODE")
    build.option("--pictures", "calibrate with up to N pictures (100 to 500)", type=int, default=300, metavar="N")
    build.add(_band)
    build.path("--labels", "class names, one a line, in the order of the output", metavar="F")
    build.option("--head", "what the output is, if not clear (docs/engines.md lists the forms)", metavar="FORM")
    build.option("--model-output", "which output counts, of several; A,B joins boxes and scores", metavar="NAME")
    build.option("--size", "picture size, where the model leaves it free", type=_size, metavar="HxW")
    build.option("--name", "model name (default: from the file)")
    prepare = build.titled("preprocessing, (value / divisor - mean) / std")
    prepare.option("--preset", "default imagenet; yolo for detectors", choices=PRESETS)
    prepare.option("--mean", "subtracted from each channel after the division", type=_three, metavar="R,G,B")
    prepare.option("--std", "each channel is divided by this last", type=_three, metavar="R,G,B")
    prepare.count("--divisor", "pixel values are divided by this first, 255 mostly", metavar="N")
    prepare.option("--colour", "order of the channels that the model wants", choices=("rgb", "bgr"))
    prepare.option("--fit", "how a picture of another shape is fitted", choices=("stretch", "centre_crop", "letterbox"))
    prepare.option("--roi", ROI, type=_roi, metavar="X,Y,W,H")
    plans = build.titled("TensorRT plans, on the device that will run them")
    words = "tensorrt builds plans for an existing bundle"
    plans.option("--backend", words, choices=("onnx", "tensorrt"), default="onnx")
    plans.option("--level", "builder optimisation level (default TensorRT's own, 3)", type=int, choices=range(1, 6))
    plans.option("--tactics", "outside kernel libraries", choices=("usual", "all", "none"), default="usual")
    plans.count("--workspace-mb", "memory that the builder may use (default 1024)", default=1024)
    plans.flag("--layers", "save fusion and precision of every layer beside the plan")
    build.add(_policy)


def qualify_arguments(qualify: Words) -> None:
    """Everything that can be said of a qualification."""
    qualify.path("bundle", "folder of the bundle")
    qualify.path("--data", "labelled pictures, new to it", nargs="+", required=True, metavar="DIR")
    qualify.path("--html", "write the page with the efficiency-accuracy curve", metavar="F")
    qualify.flag("--json", "print the whole record as JSON")
    qualify.add(_backend, _band)
    qualify.option("--profile", "hardware profile, name or file (default: by this machine)", metavar="P")
    qualify.count("--threads", "threads of ONNX Runtime (default: all cores)", 0, default=0)
    qualify.option("--energy-window", "seconds of metering an engine", type=float, default=60.0, metavar="S")
    qualify.add(_policy)


def search_arguments(search: Words) -> None:
    """Everything that can be said of a search."""
    search.path("model", "MODEL.onnx in FP32")
    search.path("--calibration", "pictures like those it will see", required=True, metavar="DIR")
    search.path("--policy", "policy whose worth, rate and limit decide (default: the shipped one)")
    search.add(_backend)
    search.option("--threads", "ort: thread counts to try (default: 1,2)", default="1,2", metavar="N,N")
    search.option("--levels", "tensorrt: builder levels to try (default: 2,3,5)", default="2,3,5", metavar="N,N")
    search.option("--sizes", "other picture sizes to try, if the model allows", default="", metavar="HxW,...")
    search.option("--layouts", "input layouts to try: nchw,nhwc (default: nchw)", default="nchw", metavar="L,L")
    search.option("--cameras", "pictures of so many cameras at once (default: 1)", default="1", metavar="N,N")
    search.count("--pictures", "calibrate with up to N pictures", default=100, metavar="N")
    search.option("--preset", "preprocessing", choices=PRESETS)
    search.option("--band", "light band of all pictures, where folders do not say it", metavar="NAME")
    search.option("--time-box", "seconds to measure at most (default: 300)", type=float, default=300, metavar="S")
    search.path("-o --output", "folder for the page, the points, the cache", default=Path("searched"))
    search.add(as_json)


def _backend(words: Words) -> None:
    words.option("--backend", "what computes (default: ort)", choices=("ort", "tensorrt"), default="ort")


def _band(words: Words) -> None:
    words.option("--band", "light band of all pictures, where folders or labels.csv do not say it", metavar="NAME")


def _policy(words: Words) -> None:
    words.path("--policy", "bands, limits and rates (default: feeder)", default=policies_dir() / "feeder.yaml", metavar="F")


def band_of(arguments: argparse.Namespace, policy: "Policy") -> str | None:
    """The light band that `--band` declares for all pictures."""
    names = [band.name for band in policy.bands]
    if arguments.band is not None and arguments.band not in names:
        raise CommandError(f"--band {arguments.band}: the policy has {', '.join(names)}", 2)
    band: str | None = arguments.band
    return band


def preset_of(arguments: argparse.Namespace) -> "Preset | None":
    """The preset that was named; None leaves it to the model's task."""
    from adaptd.bundle_build.data.pictures import PRESETS as KNOWN

    return None if arguments.preset is None else KNOWN[arguments.preset]


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

"""Calibration: activations are looked at once, and every method and both INT8 files take their ranges from that one look."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from adaptd.bundle_build import BuildError, Progress, silent
from adaptd.bundle_build.data.images import Dataset, LabelledImage
from adaptd.bundle_build.data.pictures import Pictures
from adaptd.bundle_build.model.floats import session, with_all_outputs
from adaptd.bundle_build.model.int8 import ort_int8, symmetric_int8
from adaptd.bundle_build.model.ranges import METHODS, Range, Spread, collect, ranges_of
from adaptd.bundle_build.qualify.judge import Distance, Judge

CHOICES = (*METHODS, "auto")
FEWEST, USUAL, MOST = 100, 300, 500
HELD_OUT = 200


@dataclass(frozen=True, slots=True)
class Calibration:
    """The ranges that both INT8 files use, the method they come from, and how the methods compared on held-out pictures."""

    method: str
    ranges: dict[str, Range]
    compared: tuple[tuple[str, Distance], ...] = ()


def look(model: Any, pictures: Pictures, progress: Progress = silent) -> dict[str, Spread]:
    """What every float tensor of ``model`` did on ``pictures``: one run each, one thread, the same every time."""
    data, names = with_all_outputs(model)
    runner = session(data, level="ORT_ENABLE_BASIC")
    entry = names[0]
    spreads: dict[str, Spread] = {}
    for done, (_, batch) in enumerate(pictures, 1):
        outputs = runner.run(names[1:], {entry: batch})
        collect(spreads, dict(zip(names, [batch, *outputs], strict=True)))
        progress("calibrating", done, len(pictures))
    if not spreads:
        raise BuildError("no calibration picture could be read; 8-bit PNG or JPEG files are needed")
    return spreads


def calibrate(
    model: Any, spreads: dict[str, Spread], method: str, judge: Judge, keep: Sequence[str] = (), progress: Progress = silent
) -> Calibration:
    """Ranges by ``method``; ``auto`` takes the one whose two files together disagree least with the reference."""
    if method not in CHOICES:
        raise BuildError(f"--method {method}: is not known, one of {', '.join(CHOICES)} is needed")
    if method != "auto":
        return Calibration(method, ranges_of(spreads, method))
    compared = []
    for done, name in enumerate(METHODS, 1):
        ranges = ranges_of(spreads, name)
        first = judge.distance(ort_int8(model, ranges, keep))
        second = judge.distance(symmetric_int8(model, ranges, keep), exact=True)
        compared.append((name, _together(first, second)))
        progress("comparing calibration methods", done, len(METHODS))
    best = min(compared, key=lambda pair: pair[1])[0]
    return Calibration(best, ranges_of(spreads, best), tuple(compared))


def _together(first: Distance, second: Distance) -> Distance:
    """Both files as one candidate."""
    soft = (first.soft_ppm + second.soft_ppm) // 2
    return Distance(soft, first.loss_ppm + second.loss_ppm, max(first.error_ppm, second.error_ppm), first.n + second.n)


@dataclass(frozen=True, slots=True)
class MethodChoice:
    """``calibration`` and ``held_out`` share no picture unless there are too few, which ``notes`` then says."""

    calibration: tuple[LabelledImage, ...]
    held_out: tuple[LabelledImage, ...]
    notes: tuple[str, ...] = ()


def choose(dataset: Dataset, count: int = USUAL) -> MethodChoice:
    """Take up to ``count`` pictures in turn from every (band, class), in an order given by their bytes, not by their names.

    At most half of a folder is taken, so that one folder serves for calibration and for qualification.
    """
    ordered = _in_turn(dataset.samples)
    notes: list[str] = []
    total = len(ordered)
    if total < FEWEST:
        notes.append(f"only {total} pictures to calibrate with, {FEWEST} to {MOST} are advised")
    used = min(max(1, total // 2), count + HELD_OUT)
    spare = max(used // 5, used - count)
    held_out, calibration = ordered[:spare], ordered[spare:used]
    if not held_out:
        notes.append("too few pictures to hold any out: the calibration is judged on its own pictures")
        held_out = calibration
    return MethodChoice(tuple(calibration), tuple(held_out), tuple(notes))


def set_digest(samples: tuple[LabelledImage, ...]) -> str:
    """sha256 over the sorted ``sha256 band`` lines of a set of pictures: the identity of a calibration set."""
    lines = sorted(f"{sample.sha256} {sample.band}\n" for sample in samples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _in_turn(samples: tuple[LabelledImage, ...]) -> list[LabelledImage]:
    groups: dict[tuple[str, str], list[LabelledImage]] = defaultdict(list)
    for sample in sorted(samples, key=lambda sample: sample.sha256):
        groups[sample.band, sample.label or ""].append(sample)
    turns = zip_longest(*(groups[key] for key in sorted(groups)))
    return [sample for turn in turns for sample in turn if sample is not None]

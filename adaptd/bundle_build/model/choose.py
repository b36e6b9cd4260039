"""Which pictures calibrate and which are held out to judge the calibration: every band and class, the same every time."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass

from adaptd.bundle_build.data.images import Dataset, LabelledImage

FEWEST, USUAL, MOST = 100, 300, 500
HELD_OUT = 200


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
    queues = [groups[key] for key in sorted(groups)]
    ordered: list[LabelledImage] = []
    for turn in range(max(map(len, queues), default=0)):
        ordered += [queue[turn] for queue in queues if turn < len(queue)]
    return ordered

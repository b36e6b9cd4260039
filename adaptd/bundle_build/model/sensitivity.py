"""Which layers cost accuracy in INT8, measured: each one is set free in turn, and the dearest stay in FP16."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptd.bundle_build import Progress, silent
from adaptd.bundle_build.model.int8 import ort_int8, symmetric_int8, weighted_nodes
from adaptd.bundle_build.model.ranges import Range
from adaptd.bundle_build.qualify.judge import Distance, Judge

LARGEST_SHARE = 4  # at most one layer in four is kept
KINDS: dict[str, Callable[[Any, Mapping[str, Range], Sequence[str]], Any]] = {"int8.ort": ort_int8, "int8.trt": symmetric_int8}
WORTH_PPM = 950_000  # a layer is kept when the soft disagreement falls to 95 % or less


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """``kept`` stay in float; ``ranked``: every layer with the distance that remains when it alone is in float, nearest first."""

    kept: tuple[str, ...]
    ranked: tuple[tuple[str, Distance], ...]
    before: Distance
    after: Distance


def ranked(
    model: Any, ranges: Mapping[str, Range], judge: Judge, kind: str, keep: Sequence[str] = (), progress: Progress = silent
) -> list[tuple[str, Distance]]:
    """Every layer not in ``keep`` with the distance that remains when it is set free beside these, nearest first."""
    layers = [name for name in weighted_nodes(model) if name not in keep]
    found = []
    for done, name in enumerate(layers, 1):
        found.append((name, _distance(model, ranges, judge, kind, [*keep, name])))
        progress(f"measuring the layers' sensitivity, {kind}", done, len(layers))
    return sorted(found, key=lambda pair: (pair[1], pair[0]))


def search(
    model: Any, ranges: Mapping[str, Range], judge: Judge, kind: str, keep: Sequence[str] = (), progress: Progress = silent
) -> Sensitivity:
    """Rank all layers not kept already, then keep them in that order while each makes the answers clearly better.

    ``kind`` is one of KINDS: what one back end cannot round well is no reason to take integers from the other.
    """
    before = _distance(model, ranges, judge, kind, keep)
    found = ranked(model, ranges, judge, kind, keep, progress)
    kept, now = list(keep), before
    for name, _ in found[: max(1, len(found) // LARGEST_SHARE)]:
        then = _distance(model, ranges, judge, kind, [*kept, name])
        if then.soft_ppm * 1_000_000 > now.soft_ppm * WORTH_PPM:
            break
        kept, now = [*kept, name], then
    return Sensitivity(tuple(kept), tuple(found), before, now)


def _distance(model: Any, ranges: Mapping[str, Range], judge: Judge, kind: str, kept: Sequence[str]) -> Distance:
    return judge.distance(KINDS[kind](model, ranges, kept), exact=kind == "int8.trt")

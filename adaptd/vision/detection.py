"""Boxes: decoding, suppression, F1 (or F with misses weighed) at IoU 0.5 and mean average precision, in plain numpy.

Boxes are rows ``x1 y1 x2 y2 score class`` in pixels of the network's input. Matching is greedy from the highest score, one to
one, within a class. Average precision is the area under the monotone precision-recall curve over all points (PASCAL VOC 2010
onwards).
"""

import numpy as np
import numpy.typing as npt

from adaptd.vision import box_forms

Array = npt.NDArray[np.float32]
SCORE_FLOOR = 0.25
FAINT = 0.001  # the floor for average precision, which wants every box
IOU = 0.5
NMS_IOU = 0.45
MOST_CANDIDATES, MOST_BOXES = 3000, 300


def decode(form: str, output: Array, floor: float = SCORE_FLOOR, classes: int = 0, size: tuple[int, ...] = (1, 1)) -> Array:
    """The kept boxes (n, 6) of one output, best score first.

    ``form`` is one of ``box_forms``; suppression is per class at IoU 0.45, except for forms that come suppressed. ``classes`` and
    ``size`` (height, width of the input) are needed by the forms whose output does not tell them.
    """
    boxes = _best(box_forms.read(form, output, floor, classes, size))
    return boxes[:MOST_BOXES] if form in box_forms.FINISHED else suppress(boxes[:MOST_CANDIDATES])


def suppress(boxes: Array, limit: float = NMS_IOU) -> Array:
    """Greedy suppression within a class; ``boxes`` best first. A box is dropped where IoU with a kept one exceeds ``limit``.

    Boxes lie sorted by their left sides, classes side by side, so that a kept one is compared with its neighbours alone: those
    that begin before it ends, and not further back than the widest box reaches.
    """
    if not len(boxes):
        return boxes
    left, top, right, bottom = boxes[:, :4].T.astype(np.float64)
    apart = boxes[:, 5] * (float(right.max()) - float(left.min()) + 1.0)
    order = np.argsort(left + apart, kind="stable")
    left, right, top, bottom = (left + apart)[order], (right + apart)[order], top[order], bottom[order]
    wide, area = np.maximum(right - left, 0.0), np.maximum(right - left, 0.0) * np.maximum(bottom - top, 0.0)
    first, last = np.searchsorted(left, left - wide.max()).tolist(), np.searchsorted(left, right, "right").tolist()
    place, alive = np.argsort(order).tolist(), np.ones(len(boxes), bool)
    kept: list[int] = []
    for rank, at in enumerate(place):
        if not alive[at]:
            continue
        kept.append(rank)
        if len(kept) == MOST_BOXES:
            break
        near = slice(first[at], max(last[at], at + 1))
        width = np.minimum(right[near], right[at]) - np.maximum(left[near], left[at])
        height = np.minimum(bottom[near], bottom[at]) - np.maximum(top[near], top[at])
        inner = np.maximum(width, 0.0) * np.maximum(height, 0.0)
        alive[near] &= inner <= limit * (area[near] + area[at] - inner)
    return boxes[kept]


def iou(first: Array, second: Array) -> Array:
    """Intersection over union of every pair, (n, m); boxes without area overlap nothing."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:4], second[None, :, 2:4])
    inner = np.prod(np.clip(high - low, 0, None), axis=2)
    union = _area(first)[:, None] + _area(second)[None, :] - inner
    result: Array = np.where(union > 0, inner / np.where(union > 0, union, 1), 0).astype(np.float32)
    return result


def matches(truth: Array, found: Array, limit: float = IOU) -> npt.NDArray[np.bool_]:
    """Which of ``found`` (best first) take a box of ``truth``: same class, IoU at least ``limit``, each truth once."""
    free = np.ones(len(truth), dtype=bool)
    hit = np.zeros(len(found), dtype=bool)
    overlap = iou(found, truth)
    for index in range(len(found)):
        fits = np.where(free & (truth[:, 5] == found[index, 5]), overlap[index], -1.0)
        best = int(np.argmax(fits)) if len(fits) else -1
        if best >= 0 and fits[best] >= limit:
            free[best], hit[index] = False, True
    return hit


def f_weighted(truth: Array, found: Array, miss_weight: float) -> float:
    """(1 + w) x matched / ((1 + w) x matched + w x missed + added), 0 to 1: van Rijsbergen's F with beta^2 = w, F1 at w = 1.

    A box of ``truth`` that is missed costs ``miss_weight`` times what an added one costs. 1 where both are empty.
    """
    missed, added = apart(truth, found)
    matched = (1.0 + miss_weight) * (len(truth) - missed)
    total = matched + miss_weight * missed + added
    return 1.0 if total == 0 else matched / total


def apart(truth: Array, found: Array) -> tuple[int, int]:
    """How many boxes of ``truth`` were missed, and how many of ``found`` are of nothing there."""
    hits = int(matches(truth, found).sum())
    return len(truth) - hits, len(found) - hits


def mean_average_precision(truths: list[Array], founds: list[Array], limit: float = IOU) -> float | None:
    """mAP over the classes that occur in ``truths`` (one array a frame), None where none does."""
    classes = sorted({int(label) for truth in truths for label in truth[:, 5]})
    if not classes:
        return None
    return float(np.mean([_average_precision(truths, founds, label, limit) for label in classes]))


def _average_precision(truths: list[Array], founds: list[Array], label: int, limit: float) -> float:
    scores: list[Array] = []
    hits: list[npt.NDArray[np.bool_]] = []
    total = 0
    for truth, found in zip(truths, founds, strict=True):
        wanted, given = truth[truth[:, 5] == label], _best(found[found[:, 5] == label])
        total += len(wanted)
        scores.append(given[:, 4])
        hits.append(matches(wanted, given, limit))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hit = np.concatenate(hits)[order].astype(np.float64)
    gained = np.cumsum(hit)
    recall = gained / total
    precision = gained / np.arange(1, len(hit) + 1)
    ceiling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * ceiling))


def _best(boxes: Array) -> Array:
    return boxes[np.argsort(-boxes[:, 4], kind="stable")]


def _area(boxes: Array) -> Array:
    sides = np.clip(boxes[:, 2:4] - boxes[:, :2], 0, None)
    area: Array = sides[:, 0] * sides[:, 1]
    return area

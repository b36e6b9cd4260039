"""Boxes that are alike: k-means on the numbers of their fitted twins, the same groups at every run, each with its middle box.

A policy is tried in the twins of the middle box and of the one that heats up most, not in every box of the group.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptd.fleet.statistics import BoxStatistics

Array = NDArray[np.float64]
PASSES = 100
ROOM_K = 20.0  # rooms that differ by so much count as much as a number that is e times another's
MOST = 20


@dataclass(frozen=True, slots=True)
class Cluster:
    """Boxes of one board that are alike: ``middle`` is nearest to their mean, ``hottest`` has the largest resistance."""

    name: str
    board: str
    boxes: tuple[str, ...]
    middle: str
    hottest: str


def clusters(boxes: Sequence[BoxStatistics], most: int = MOST) -> list[Cluster]:
    """At most ``most`` groups over all boards; a board has at least one, and more the further its boxes lie apart."""
    boards = sorted({one.board for one in boxes})
    found: list[Cluster] = []
    for board in boards:
        own = sorted((one for one in boxes if one.board == board), key=lambda one: one.box)
        share = max(1, most * len(own) // len(boxes))
        groups = _groups(table(own), min(share, len(own)))
        found += [_cluster(board, number, own, rows) for number, rows in enumerate(groups, 1)]
    return found


def table(boxes: Sequence[BoxStatistics]) -> Array:
    """(boxes, features) less their means: shares of each number, rooms in ROOM_K; a number that not every box has is left out."""
    names = sorted(set.intersection(*(set(one.features) for one in boxes)))
    scale = np.array([1.0 if name.startswith("log_") else 1 / ROOM_K for name in names])
    rows = np.array([[one.features[name] for name in names] for one in boxes], dtype=np.float64) * scale
    return np.asarray(rows - rows.mean(axis=0))


def _groups(rows: Array, most: int) -> list[list[int]]:
    """The number of groups that is drawn clearest (Calinski and Harabasz 1974), largest first."""
    best: tuple[float, Array] | None = None
    for count in range(2, most + 1):
        labels, within = _k_means(rows, count)
        if within <= 0 or len(rows) <= count:
            break
        total = float((rows**2).sum())
        clear = (total - within) / (count - 1) / (within / (len(rows) - count))
        if best is None or clear > best[0]:
            best = clear, labels
    labels = np.zeros(len(rows)) if best is None else best[1]
    groups = [list(map(int, np.flatnonzero(labels == one))) for one in np.unique(labels)]
    return sorted(groups, key=lambda group: (-len(group), group))


def _k_means(rows: Array, count: int) -> tuple[Array, float]:
    """Lloyd's passes from points as far from one another as can be; labels and the sum of squares within."""
    centres = rows[[int(np.argmax((rows**2).sum(axis=1)))]]
    while len(centres) < count:
        centres = np.vstack([centres, rows[int(np.argmax(_squares(rows, centres).min(axis=1)))]])
    labels = np.zeros(len(rows))
    for _ in range(PASSES):
        fresh = _squares(rows, centres).argmin(axis=1).astype(np.float64)
        centres = np.array([rows[fresh == n].mean(axis=0) if (fresh == n).any() else centres[n] for n in range(count)])
        if np.array_equal(fresh, labels):
            break
        labels = fresh
    return labels, float(_squares(rows, centres).min(axis=1).sum())


def _squares(rows: Array, centres: Array) -> Array:
    return np.asarray(((rows[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2))


def _cluster(board: str, number: int, boxes: Sequence[BoxStatistics], rows: Sequence[int]) -> Cluster:
    members = [boxes[row] for row in rows]
    near = table(members)
    middle = members[int(np.argmin((near**2).sum(axis=1)))]
    hottest = max(members, key=lambda one: (one.log_r.mean, one.box))
    return Cluster(f"{board}-{number}", board, tuple(one.box for one in members), middle.box, hottest.box)

"""The tracker keeps who is who, and joins boxes as well as trying every assignment would."""

import importlib.util
import itertools
import random

import pytest

from adaptd.apps.feeder.activity import Box
from adaptd.apps.feeder.tracker import Tracker, iou_ppm


def box(x: int, y: int, side: int = 200_000, label: str = "") -> Box:
    """A square of ``side`` ppm around a point."""
    return Box(label, 900_000, (x - side // 2, y - side // 2, x + side // 2, y + side // 2))


def walks(seed: int, pets: int, frames: int) -> list[list[Box]]:
    """Pets that wander with inertia and a trembling box, in a new order every frame."""
    dice = random.Random(seed)
    at = [[dice.randint(200_000, 800_000), dice.randint(200_000, 800_000)] for _ in range(pets)]
    by = [[0, 0] for _ in range(pets)]
    film = []
    for _ in range(frames):
        for pet in range(pets):
            for axis in range(2):
                by[pet][axis] = by[pet][axis] * 9 // 10 + dice.randint(-3_000, 3_000)
                at[pet][axis] = min(max(at[pet][axis] + by[pet][axis], 100_000), 900_000)
        film.append([box(x + dice.randint(-5_000, 5_000), y + dice.randint(-5_000, 5_000)) for x, y in at])
    return film


def test_two_pets_keep_their_numbers_when_they_cross() -> None:
    """Two pets that walk through one another at opposite speeds come out with the numbers they went in with."""
    tracker = Tracker()
    for step in range(60):
        numbers = tracker.update([box(200_000 + 10_000 * step, 450_000), box(800_000 - 10_000 * step, 550_000)])
    assert numbers == [1, 2]


def test_a_pet_hidden_for_half_a_second_is_the_same_pet() -> None:
    """A walking pet that is not seen for seven frames is found where its walk leads, and one that stays away is forgotten."""
    tracker = Tracker()
    for step in range(20):
        tracker.update([box(200_000 + 12_000 * step, 500_000)])
    for _ in range(7):
        tracker.update([])
    assert tracker.update([box(200_000 + 12_000 * 27, 500_000)]) == [1]
    for _ in range(16):
        tracker.update([])
    assert tracker.update([box(560_000, 500_000)]) == [2]


def test_joining_is_as_good_as_trying_every_assignment() -> None:
    """On 200 films of three pets, greedy joining picks the assignment of the largest total overlap in all but a few frames."""
    other = total = 0
    for seed in range(40):
        tracker = Tracker()
        for boxes in walks(seed, 3, 50):
            before = {track.number: track.expected for track in tracker.tracks}
            numbers = tracker.update(boxes)
            if len(before) < 3 or not set(numbers) <= set(before):
                continue
            ours = sum(iou_ppm(before[number], each.corners) for number, each in zip(numbers, boxes, strict=True))
            best = max(
                sum(iou_ppm(before[number], each.corners) for number, each in zip(order, boxes, strict=True))
                for order in itertools.permutations(before, 3)
            )
            total += 1
            other += ours < best
    assert total > 1_500
    assert other <= total // 100


@pytest.mark.skipif(importlib.util.find_spec("trackers") is None, reason="the trackers library (556 MiB) is not installed")
def test_the_numbers_agree_with_an_independent_tracker() -> None:
    """Over films of two pets, which boxes belong together is what ByteTrack of the trackers library says."""
    import numpy as np
    import supervision as sv
    from trackers import ByteTrackTracker

    agree = total = 0
    for seed in range(10):
        ours, theirs, pairs = Tracker(), ByteTrackTracker(), []
        for boxes in walks(seed, 2, 60):
            detections = sv.Detections(
                xyxy=np.array([[v / 1000 for v in each.corners] for each in boxes]),
                confidence=np.full(2, 0.9),
                class_id=np.zeros(2, int),
            )
            found = theirs.update(detections)
            known = dict(zip([tuple(row) for row in found.xyxy], found.tracker_id, strict=True))
            numbers = ours.update(boxes)
            pairs.append(
                [(a, known.get(tuple(v / 1000 for v in each.corners), -1)) for a, each in zip(numbers, boxes, strict=True)]
            )
        for one, two in itertools.pairwise(pairs):
            for (a, x), (b, y) in itertools.product(one, two):
                if x >= 0 and y >= 0:
                    total += 1
                    agree += (a == b) == (x == y)
    assert total > 1_000
    assert agree >= total * 98 // 100

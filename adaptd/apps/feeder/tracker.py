"""Who is who from frame to frame: boxes carried on at constant velocity and joined where they overlap most.

The idea is SORT (Bewley et al. 2016) without its Kalman filter: at a bowl there are one to three slow pets, and the last two
boxes predict the next. Pairs are joined greedily from the largest overlap; with so few boxes that gives the best total almost
always, and the tests hold it against an exhaustive assignment.
"""

from dataclasses import dataclass

from adaptd.apps.feeder.activity import Box, Corners, area, shared
from adaptd.apps.feeder.settings import PPM

JOIN_PPM = 250_000  # least overlap of a box with where a track expects it
FORGET_AFTER = 15  # frames without its box


@dataclass(slots=True)
class Track:
    """One pet in view. ``velocity`` is in ppm of the picture's side a frame, for each corner."""

    number: int
    label: str
    corners: Corners
    velocity: Corners = (0, 0, 0, 0)
    frames: int = 1
    lost: int = 0

    @property
    def expected(self) -> Corners:
        """Where its box should be in the next frame."""
        steps = self.lost + 1
        left, top, right, bottom = (at + steps * by for at, by in zip(self.corners, self.velocity, strict=True))
        return left, top, right, bottom


def iou_ppm(first: Corners, second: Corners) -> int:
    """Intersection over union, 0 to 1,000,000."""
    inner = shared(first, second)
    union = area(first) + area(second) - inner
    return inner * PPM // union if union else 0


class Tracker:
    """Numbers that stay with a pet while it is in view; a new pet gets the next number."""

    def __init__(self) -> None:
        self._next = 1
        self.tracks: list[Track] = []

    def update(self, boxes: list[Box]) -> list[int]:
        """The track number of each box, in the order of ``boxes``."""
        pairs = sorted(
            (-iou_ppm(track.expected, box.corners), at, index)
            for at, track in enumerate(self.tracks)
            for index, box in enumerate(boxes)
            if track.label == box.label
        )
        taken: dict[int, int] = {}
        for overlap, at, index in pairs:
            if -overlap >= JOIN_PPM and at not in taken.values() and index not in taken:
                taken[index] = at
        known = list(self.tracks)
        for at, track in enumerate(known):
            track.lost += at not in taken.values()
        self.tracks = [track for track in known if track.lost <= FORGET_AFTER]
        return [self._join(known[taken[i]], box) if i in taken else self._begin(box) for i, box in enumerate(boxes)]

    def _join(self, track: Track, box: Box) -> int:
        steps = track.lost + 1
        moved = [(new - old) // steps for new, old in zip(box.corners, track.corners, strict=True)]
        if track.frames > 1:  # half of the old velocity keeps a trembling box from shaking the prediction
            moved = [(new + old) // 2 for new, old in zip(moved, track.velocity, strict=True)]
        track.velocity = (moved[0], moved[1], moved[2], moved[3])
        track.corners, track.lost = box.corners, 0
        track.frames += 1
        return track.number

    def _begin(self, box: Box) -> int:
        track = Track(self._next, box.label, box.corners)
        self._next += 1
        self.tracks.append(track)
        return track.number

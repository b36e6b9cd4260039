"""Piecewise linear signals, read forwards in time at almost no cost."""

from collections.abc import Sequence


class Curve:
    """``[[t_s, value], ...]``: linear between points, constant before the first and after the last; a repeated time is a step."""

    def __init__(self, points: Sequence[Sequence[float]]) -> None:
        self._times = [float(point[0]) for point in points]
        self._values = [float(point[1]) for point in points]
        self._at = 0

    def __call__(self, t_s: float) -> float:
        """The value at ``t_s``; cheap while time goes forwards, right in any order."""
        times, at = self._times, self._at
        if t_s < times[at]:
            at = 0
        while at + 1 < len(times) and times[at + 1] <= t_s:
            at += 1
        self._at = at
        if at + 1 == len(times) or t_s <= times[at]:
            return self._values[at]
        share = (t_s - times[at]) / (times[at + 1] - times[at])
        return self._values[at] + share * (self._values[at + 1] - self._values[at])

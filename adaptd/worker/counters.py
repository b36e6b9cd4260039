"""What happened since the last report, counted by the frame loop and taken by the link."""

import threading
from dataclasses import dataclass, field

from adaptd.protocol.messages import Apart
from adaptd.vocabulary import Served, Shadow, Stretch

MAX_SHADOWS = 256


@dataclass(slots=True)
class Running:
    """One stretch under way: the counts of ``vocabulary.Stretch``."""

    frames: int = 0
    missed: int = 0
    shadowed: int = 0
    differed: int = 0
    loss_ppm: int = 0
    late_ppm: int = 0
    first: int = 0
    last: int = 0
    drawn: list[int] = field(default_factory=list)


Key = tuple[str, str, int]


@dataclass(slots=True)
class Counts:
    """One interval's counts. ``delivered`` came in time, ``missed`` came after the deadline."""

    delivered: int = 0
    missed: int = 0
    shadow_frames: int = 0
    served: dict[str, list[int]] = field(default_factory=dict)
    tested: dict[str, list[int]] = field(default_factory=dict)
    shadows: list[Shadow] = field(default_factory=list)
    apart: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    running: dict[Key, Running] = field(default_factory=dict)

    def by_variant(self) -> tuple[Served, ...]:
        return _by_variant(self.served)

    def by_tested(self) -> tuple[Served, ...]:
        """The same of shadow frames on engines at rest."""
        return _by_variant(self.tested)

    def objects(self) -> tuple[Apart, ...]:
        """Missed and added objects, by band and variant."""
        return tuple([Apart(*key, *counts) for key, counts in sorted(self.apart.items())])

    def stretches(self) -> tuple[Stretch, ...]:
        """The stretches in the order in which they began."""
        return tuple(
            [
                Stretch(
                    *key,
                    frames=one.frames,
                    missed=one.missed,
                    shadowed=one.shadowed,
                    differed=one.differed,
                    loss_ppm=one.loss_ppm,
                    late_ppm=one.late_ppm,
                    first=one.first,
                    last=one.last,
                    drawn=tuple(one.drawn),
                )
                for key, one in self.running.items()
            ]
        )


def _by_variant(figures: dict[str, list[int]]) -> tuple[Served, ...]:
    return tuple([Served(name, *one) for name, one in sorted(figures.items())])


def _add(figures: dict[str, list[int]], variant: str, work_us: int) -> None:
    """One frame more: how many, their sum, the longest."""
    one = figures.get(variant)
    if one is None:
        figures[variant] = [1, work_us, work_us]
    else:
        one[0] += 1
        one[1] += work_us
        if work_us > one[2]:  # noqa: PLR1730 - once a frame, on cold caches
            one[2] = work_us


class Counters:
    """Counts frames; ``take`` hands out what has gathered and starts anew. Shadow results over MAX_SHADOWS wait their turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counts()

    def frame(
        self, key: Key, index: int, work_us: int, in_time: bool, drawn: bool, loss_ppm: int | None = None, late: bool = False
    ) -> None:
        """Frame ``index``, served by the variant of ``key`` in ``work_us``, in time or too late, chosen by the coin or not.

        ``loss_ppm`` is what its comparison showed of an efficient variant, ``late`` whether the efficient answer had gone
        out. All of it is booked at once: a report that is taken in between must not part a frame from the loss that was seen
        on it.
        """
        with self._lock:
            counts = self._counts
            if in_time:
                counts.delivered += 1
            else:
                counts.missed += 1
            _add(counts.served, key[1], work_us)
            one = counts.running.get(key)
            if one is None:
                one = counts.running[key] = Running(first=index)
            one.frames += 1
            one.last = index
            if not in_time:
                one.missed += 1
            if drawn:
                one.drawn.append(index)
            if loss_ppm is None:
                return
            one.shadowed += 1
            if loss_ppm:
                one.differed += 1
                one.loss_ppm += loss_ppm
                one.late_ppm += loss_ppm if late else 0

    def shadow(self, shadow: Shadow, apart: tuple[int, int] = (0, 0)) -> None:
        """One frame run on both engines: what the scene guard hears; and the objects that were missed and added on it."""
        with self._lock:
            self._counts.shadow_frames += 1
            self._counts.shadows.append(shadow)
            if apart != (0, 0):
                sums = self._counts.apart.setdefault((shadow.band, shadow.variant), [0, 0])
                sums[0] += apart[0]
                sums[1] += apart[1]

    def tested(self, variant: str, work_us: int) -> None:
        """What a frame of the reference would have taken on an engine at rest."""
        with self._lock:
            _add(self._counts.tested, variant, work_us)

    def void(self, variant: str) -> None:
        """Forget shadow results of an engine that turned out to be broken."""
        with self._lock:
            self._counts.shadows = [shadow for shadow in self._counts.shadows if shadow.variant != variant]
            self._counts.tested.pop(variant, None)

    def take(self) -> Counts:
        """The counts since the last take."""
        with self._lock:
            taken, self._counts = self._counts, Counts()
            self._counts.shadows = taken.shadows[MAX_SHADOWS:]
            del taken.shadows[MAX_SHADOWS:]
        return taken

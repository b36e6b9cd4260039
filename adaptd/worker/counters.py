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
    shadows: list[Shadow] = field(default_factory=list)
    apart: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    running: dict[Key, Running] = field(default_factory=dict)

    def by_variant(self) -> tuple[Served, ...]:
        return tuple([Served(name, *figures) for name, figures in sorted(self.served.items())])

    def objects(self) -> tuple[Apart, ...]:
        """Missed and added objects, by band and variant."""
        return tuple([Apart(*key, *counts) for key, counts in sorted(self.apart.items())])

    def stretches(self) -> tuple[Stretch, ...]:
        """The stretches in the order in which they began."""
        return tuple([stretch_of(key, one) for key, one in self.running.items()])


def stretch_of(key: Key, one: Running) -> Stretch:
    """A stretch as it is told."""
    band, variant, share_ppm = key
    return Stretch(
        band=band,
        variant=variant,
        share_ppm=share_ppm,
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
            variant = key[1]
            if in_time:
                counts.delivered += 1
            else:
                counts.missed += 1
            figures = counts.served.get(variant)
            if figures is None:
                counts.served[variant] = [1, work_us, work_us]
            else:
                figures[0] += 1
                figures[1] += work_us
                if work_us > figures[2]:  # noqa: PLR1730 - once a frame, on cold caches
                    figures[2] = work_us
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

    def void(self, variant: str) -> None:
        """Forget shadow results of an engine that turned out to be broken."""
        with self._lock:
            self._counts.shadows = [shadow for shadow in self._counts.shadows if shadow.variant != variant]

    def take(self) -> Counts:
        """The counts since the last take."""
        with self._lock:
            taken, self._counts = self._counts, Counts()
            self._counts.shadows = taken.shadows[MAX_SHADOWS:]
            del taken.shadows[MAX_SHADOWS:]
        return taken

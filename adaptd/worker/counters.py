"""What happened since the last report, counted by the frame loop and taken by the link."""

import threading
from dataclasses import dataclass, field

from adaptd.vocabulary import Served, Shadow

MAX_SHADOWS = 256


@dataclass(slots=True)
class Counts:
    """One interval's counts. ``delivered`` came in time, ``missed`` came after the deadline."""

    delivered: int = 0
    missed: int = 0
    shadow_frames: int = 0
    served: dict[str, list[int]] = field(default_factory=dict)
    shadows: list[Shadow] = field(default_factory=list)

    def by_variant(self) -> tuple[Served, ...]:
        return tuple([Served(name, *figures) for name, figures in sorted(self.served.items())])


class Counters:
    """Counts frames; ``take`` hands out what has gathered and starts anew. Shadow results over MAX_SHADOWS wait their turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Counts()

    def frame(self, variant: str, work_us: int, in_time: bool) -> None:
        """One frame served by ``variant`` in ``work_us``, in time or after the deadline."""
        with self._lock:
            counts = self._counts
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

    def shadow(self, shadow: Shadow) -> None:
        """One frame run on both engines."""
        with self._lock:
            self._counts.shadow_frames += 1
            self._counts.shadows.append(shadow)

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

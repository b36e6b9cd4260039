"""From the results of one part to its verdict. Pure: time comes in with the results.

A defect is confirmed where one camera sees its class in enough of the part's frames; a single frame's flicker is none. A part
with a confirmed defect is rejected whatever else is known. It passes only where every camera has seen enough of it, under a
proven engine, in light in which the detector is qualified well enough; else it cannot be told, and a person looks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from adaptd.apps.agv.basis import Basis, Standing
from adaptd.apps.agv.settings import PPM, Settings


class Verdict(Enum):
    """What becomes of a part."""

    PASS = "pass"  # noqa: S105 - no password
    REJECT = "reject"
    CANNOT_TELL = "cannot tell"


class Reason(Enum):
    """Why a part cannot be told."""

    FEW_FRAMES = "too few frames"
    CAMERA_GONE = "a camera saw nothing"
    LOW_MAP = "the detector is not good enough in this light"
    UNPROVEN = "an engine served unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One class of defect as one camera saw it."""

    kind: str
    camera: str
    frames: int
    score_ppm: int
    corners_ppm: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A part and what became of it. Times are monotonic microseconds; ``frames`` are by camera."""

    part: str
    begin_us: int
    end_us: int
    verdict: Verdict
    reasons: tuple[Reason, ...]
    defects: tuple[Defect, ...]
    frames: Mapping[str, int]
    basis: Mapping[str, Any]

    @property
    def fps(self) -> float:
        """Frames a second of the camera that gave fewest."""
        seconds = (self.end_us - self.begin_us) / 1e6
        return min(self.frames.values(), default=0) / seconds if seconds > 0 else 0.0


@dataclass(slots=True)
class _Sighting:
    frames: int = 0
    score_ppm: int = 0
    corners: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(slots=True)
class Inspection:
    """The part in view, while it is."""

    part: str
    begin_us: int
    settings: Settings
    frames: dict[str, int] = field(default_factory=dict)
    basis: Basis = field(default_factory=Basis)
    seen: dict[tuple[str, str], _Sighting] = field(default_factory=dict)

    def take(self, boxes: Sequence[Sequence[Any]], camera: str, standing: Standing, at_us: int) -> None:
        """One result: ``boxes`` are rows of class, score and corners in ppm, as the result stream has them."""
        self.frames[camera] = self.frames.get(camera, 0) + 1
        self.basis.add(standing)
        counted: set[str] = set()
        for kind, score, *corners in boxes:
            if score < self.settings.reject_score_ppm:
                continue
            one = self.seen.setdefault((camera, str(kind)), _Sighting())
            one.frames += kind not in counted
            counted.add(kind)
            if score > one.score_ppm:
                one.score_ppm, one.corners = int(score), (corners[0], corners[1], corners[2], corners[3])

    def confirmed(self) -> tuple[Defect, ...]:
        """The defects that enough frames have shown, the surest first."""
        found = [
            Defect(kind=kind, camera=camera, frames=one.frames, score_ppm=one.score_ppm, corners_ppm=one.corners)
            for (camera, kind), one in self.seen.items()
            if one.frames >= self._needed(camera)
        ]
        return tuple(sorted(found, key=lambda one: -one.score_ppm))

    def end(self, at_us: int) -> Inspected:
        """The part has left."""
        defects, reasons = self.confirmed(), self._doubts()
        verdict = Verdict.REJECT if defects else Verdict.CANNOT_TELL if reasons else Verdict.PASS
        return Inspected(
            part=self.part,
            begin_us=self.begin_us,
            end_us=at_us,
            verdict=verdict,
            reasons=() if defects else reasons,
            defects=defects,
            frames=dict(self.frames),
            basis=self.basis.words(),
        )

    def _needed(self, camera: str) -> int:
        share = -(-self.frames.get(camera, 0) * self.settings.confirm_share_ppm // PPM)
        return max(self.settings.confirm_frames, share)

    def _doubts(self) -> tuple[Reason, ...]:
        settings, basis = self.settings, self.basis
        expected = settings.cameras or tuple(self.frames) or ("",)
        lowest = basis.lowest_map_ppm
        low = bool(basis.unqualified) or (lowest is not None and lowest < settings.map_floor_ppm)
        doubts = {
            Reason.CAMERA_GONE: any(not self.frames.get(name) for name in expected),
            Reason.FEW_FRAMES: any(0 < self.frames.get(name, 0) < settings.least_frames for name in expected),
            Reason.LOW_MAP: low,
            Reason.UNPROVEN: basis.unproven > 0,
        }
        return tuple(reason for reason, holds in doubts.items() if holds)

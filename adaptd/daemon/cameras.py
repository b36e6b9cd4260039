"""Several cameras by name, for status: what each has delivered, how its source is, and what its evidence says."""

from dataclasses import dataclass, fields
from typing import Any

from adaptd.config.cells import band_of, camera_of
from adaptd.daemon.status import SourceWords
from adaptd.daemon.status_rows import evidence_rows
from adaptd.protocol.messages import CameraReport, WorkerReport
from adaptd.vocabulary import BandEvidence, Snapshot, Verdict


@dataclass(slots=True)
class Frames:
    """One camera's frames since the daemon started. ``shadow``: run on both engines while an efficient variant served."""

    delivered: int = 0
    missed: int = 0
    dropped: int = 0
    shadow: int = 0


class Cameras:
    """Counts per camera. Without names nothing is counted, and ``plain`` is empty."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._frames = {name: Frames() for name in names}
        self._newest: dict[str, CameraReport] = {}

    def heard(self, report: WorkerReport) -> None:
        """Take what the worker tells of each camera."""
        for one in report.cameras:
            self._newest[one.name] = one
            self._frames[one.name].dropped += one.dropped

    def add(self, snapshot: Snapshot) -> None:
        """Count the stretches that one decision has booked."""
        for stretch in snapshot.worker.stretches:
            frames = self._frames.get(camera_of(stretch.band))
            if frames is not None:
                frames.delivered += stretch.frames - stretch.missed
                frames.missed += stretch.missed
                frames.shadow += stretch.shadowed

    def plain(self, verdict: Verdict, target_mfps: int) -> dict[str, Any]:
        """The ``cameras`` of the status document, by name."""
        return {name: self._one(name, frames, verdict, target_mfps) for name, frames in self._frames.items()}

    def _one(self, name: str, frames: Frames, verdict: Verdict, target_mfps: int) -> dict[str, Any]:
        told = self._newest.get(name)
        source = SourceWords("starting") if told is None else SourceWords(told.source_state, told.source_mfps, told.bad_frames)
        result = None if told is None else told.result
        own = tuple(_of_band(one) for one in verdict.evidence if camera_of(one.band) == name)
        return {
            "source": source.plain(target_mfps),
            "frames": {each.name: getattr(frames, each.name) for each in fields(frames)},
            "evidence": evidence_rows(own),
            "last_result": {} if result is None else {key: getattr(result, key) for key in result.__dataclass_fields__},
        }


def _of_band(one: BandEvidence) -> BandEvidence:
    return BandEvidence(band_of(one.band), one.variant, one.admitted, one.samples, one.bound_ppm)

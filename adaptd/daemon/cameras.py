"""Several cameras by name, for status: what each has delivered, how its source is, and what its evidence says."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from adaptd.config.cells import band_of, camera_of
from adaptd.daemon.status_rows import evidence_rows
from adaptd.daemon.worker_events import source_words
from adaptd.protocol.messages import CameraReport, LastResult, WorkerReport
from adaptd.vocabulary import Snapshot, Verdict


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
            if (frames := self._frames.get(camera_of(stretch.band))) is not None:
                frames.delivered += stretch.frames - stretch.missed
                frames.missed += stretch.missed
                frames.shadow += stretch.shadowed

    def plain(self, verdict: Verdict, target_mfps: int) -> dict[str, Any]:
        """The ``cameras`` of the status document, by name."""
        return {name: self._one(name, frames, verdict, target_mfps) for name, frames in self._frames.items()}

    def _one(self, name: str, frames: Frames, verdict: Verdict, target_mfps: int) -> dict[str, Any]:
        told = self._newest.get(name)
        own = tuple(replace(one, band=band_of(one.band)) for one in verdict.evidence if camera_of(one.band) == name)
        return {
            "source": source_words(told).plain(target_mfps),
            "frames": asdict(frames),
            "evidence": evidence_rows(own),
            "last_result": result_words(None if told is None else told.result),
        }


def result_words(result: LastResult | None) -> dict[str, Any]:
    """The newest result for the status document; empty before the first."""
    return {} if result is None else asdict(result)

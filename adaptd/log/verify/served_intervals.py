"""In which intervals an efficient variant was chosen, for which band, and whether the proof held at every decision of each."""

from collections import deque
from dataclasses import dataclass

from adaptd.config.cells import band_of
from adaptd.log.format.verdicts import Interval, Outcome, VerifyReport
from adaptd.log.verify.replay import Decided
from adaptd.vocabulary import BandEvidence, Verdict

LATE_DECISIONS = 3  # a worker may still report frames of the point before the last but one


@dataclass(slots=True)
class _Open:
    band: str
    variant: str
    from_seq: int
    from_us: int
    to_seq: int
    to_us: int
    frames: int = 0
    admitted: bool = True
    samples: int = 0
    bound_ppm: int = 0


class Service:
    """Fed with every decision in order. The evidence in the verdicts was itself recomputed when the decisions were re-run."""

    def __init__(self, report: VerifyReport) -> None:
        self._report = report
        self._open: _Open | None = None
        self._recent: deque[str] = deque(maxlen=LATE_DECISIONS)
        self._from_start = False

    def feed(self, decided: Decided, reference: str) -> None:
        """Take the next decision."""
        seq, verdict, snapshot = decided.record["seq"], decided.verdict, decided.snapshot
        self._count_frames(decided, reference)
        self._recent.append(verdict.point.variant)
        if verdict.point.variant == reference or verdict.point.fps_mfps == 0:
            self.end()
            return
        proof = _proof(verdict)
        if self._open is None or (self._open.band, self._open.variant) != (verdict.band, verdict.point.variant):
            self.end()
            self._open = _Open(verdict.band, verdict.point.variant, seq, snapshot.now_us, seq, snapshot.now_us, samples=2**62)
        interval = self._open
        interval.to_seq, interval.to_us = seq, snapshot.now_us
        if proof is None or not proof.admitted:
            interval.admitted = False
            self._report.settle(
                Outcome.EVIDENCE_INSUFFICIENT, seq, f"{verdict.point.variant} was chosen in {verdict.band} light without proof"
            )
        else:
            interval.samples = min(interval.samples, proof.samples)
            interval.bound_ppm = max(interval.bound_ppm, proof.bound_ppm)

    def end(self) -> None:
        """Close the interval under way."""
        one, self._open = self._open, None
        if one is None:
            return
        samples = one.samples if one.samples < 2**62 else 0
        self._report.intervals.append(
            Interval(
                one.band,
                one.variant,
                one.from_seq,
                one.to_seq,
                one.from_us,
                one.to_us,
                one.frames,
                one.admitted,
                samples,
                one.bound_ppm,
            )
        )

    def restart(self) -> None:
        """A new run begins, with a worker that has served nothing yet."""
        self.end()
        self._recent.clear()
        self._from_start = True

    def _count_frames(self, decided: Decided, reference: str) -> None:
        """Frames that were served belong to the interval under way; frames of a variant nobody chose are a fault."""
        for served in decided.snapshot.worker.served:
            if served.variant == reference or not served.frames:
                continue
            known = self._from_start or len(self._recent) == LATE_DECISIONS
            if served.variant not in self._recent and known:
                self._report.settle(
                    Outcome.EVIDENCE_INSUFFICIENT,
                    decided.record["seq"],
                    f"{served.frames} frames were served by {served.variant}, which no decision had chosen",
                )
            elif self._open is not None and self._open.variant == served.variant:
                self._open.frames += served.frames


def _proof(verdict: Verdict) -> BandEvidence | None:
    """What the evidence says of the variant in the band; of several cameras all must speak for it, and the least counts."""
    here = [one for one in verdict.evidence if (band_of(one.band), one.variant) == (verdict.band, verdict.point.variant)]
    if not here:
        return None
    admitted, samples = all(one.admitted for one in here), min(one.samples for one in here)
    return BandEvidence(verdict.band, verdict.point.variant, admitted, samples, max(one.bound_ppm for one in here))

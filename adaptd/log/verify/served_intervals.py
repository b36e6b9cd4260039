"""In which intervals an efficient variant was chosen, for which band, and whether the proof held at every decision of each."""

from collections import deque
from dataclasses import dataclass

from adaptd.config.cells import band_of
from adaptd.log.format.verdicts import Interval, Outcome, VerifyReport
from adaptd.log.verify.decided import Decided
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
    samples: int = 2**62
    bound_ppm: int = 0

    def told(self) -> Interval:
        """As the report says it."""
        span = (self.from_seq, self.to_seq, self.from_us, self.to_us)
        samples = self.samples if self.samples < 2**62 else 0
        return Interval(self.band, self.variant, *span, self.frames, self.admitted, samples, self.bound_ppm)

    def take(self, later: "_Open") -> None:
        """Go on with what came later of the same interval."""
        self.to_seq, self.to_us = later.to_seq, later.to_us
        self.frames += later.frames
        self.admitted = self.admitted and later.admitted
        self.samples, self.bound_ppm = min(self.samples, later.samples), max(self.bound_ppm, later.bound_ppm)


@dataclass(slots=True)
class Rest:
    """What came from some decision on. ``under_way``: the rest of the interval that was open there; ``goes_on``: it still is."""

    under_way: _Open | None
    goes_on: bool
    ended: list[_Open]
    open: _Open | None
    recent: list[str]
    from_start: bool
    found: tuple[int, str] | None


class Service:
    """Fed with every decision in order. The evidence in the verdicts was itself recomputed when the decisions were re-run."""

    def __init__(self, report: VerifyReport) -> None:
        self._report = report
        self._open: _Open | None = None
        self._recent: deque[str] = deque(maxlen=LATE_DECISIONS)
        self._from_start = False
        self._ended: list[_Open] = []

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
            self._open = _Open(verdict.band, verdict.point.variant, seq, snapshot.now_us, seq, snapshot.now_us)
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
        if one is not None:
            self._ended.append(one)
            self._report.intervals.append(one.told())

    def forget(self, report: VerifyReport) -> bool:
        """Count anew from here, into another report; whether an interval is under way."""
        self._report, one = report, self._open
        self._ended.clear()
        if one is not None:
            self._open = _Open(one.band, one.variant, one.to_seq, one.to_us, one.to_seq, one.to_us)
        return one is not None

    def rest(self, *, under_way: bool) -> Rest:
        """What came since ``forget``, which said whether an interval was ``under_way``."""
        ended, now = list(self._ended), self._open
        goes_on = under_way and not ended
        lead = now if goes_on else ended.pop(0) if under_way else None
        found = None if self._report.first_bad_seq is None else (self._report.first_bad_seq, self._report.reason)
        return Rest(lead, goes_on, ended, None if goes_on else now, list(self._recent), self._from_start, found)

    def absorb(self, rest: Rest) -> None:
        """Take what another one counted from this decision on."""
        if rest.under_way is not None and self._open is not None:
            self._open.take(rest.under_way)
        if not rest.goes_on:
            self.end()
        for one in rest.ended:
            self._open = one
            self.end()
        self._open = rest.open if rest.open is not None else self._open
        self._recent = deque(rest.recent, maxlen=LATE_DECISIONS)
        self._from_start = self._from_start or rest.from_start
        if rest.found is not None:
            self._report.settle(Outcome.EVIDENCE_INSUFFICIENT, *rest.found)

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

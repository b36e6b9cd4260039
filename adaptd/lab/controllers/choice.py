"""What the baselines answer: a point and nothing else."""

from dataclasses import dataclass

from adaptd.vocabulary import BandEvidence, OperatingPoint


@dataclass(frozen=True, slots=True)
class LabSetpoint:
    """An operating point without shadow frames and without evidence."""

    point: OperatingPoint
    shadow_ppm: int = 0
    evidence: tuple[BandEvidence, ...] = ()

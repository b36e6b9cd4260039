"""What a verifier can say of a log, and the fault that makes it say so."""

from dataclasses import dataclass, field
from enum import Enum


class Outcome(str, Enum):
    """From best to worst. Only ``VALID`` is good; a log with several faults gets the worst of them."""

    VALID = "valid"
    TORN_TAIL = "torn_tail"
    EVIDENCE_INSUFFICIENT = "evidence_insufficient"
    GAP = "gap"
    REPLAY_MISMATCH = "replay_mismatch"
    FORGED = "forged"
    DAMAGED = "damaged"


class LogFault(Exception):  # noqa: N818 - it is a finding, and it ends the walk like an error
    """Something does not hold from record ``seq`` on."""

    def __init__(self, outcome: Outcome, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.seq, self.reason = outcome, seq, reason


@dataclass(frozen=True, slots=True)
class Interruption:
    """The log stopped at record ``seq`` and started again; ``clean`` if it said so, ``down_us`` where one boot spans both."""

    seq: int
    clean: bool
    down_us: int | None
    torn_bytes: int


@dataclass(frozen=True, slots=True)
class Removal:
    """Old records were removed by rule: how many, with how many decisions where that was noted, when, and how old."""

    utc_ms: int
    keep_days: int
    records: int
    decisions: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Between two records lies time of which the log says nothing, or says that decisions went unrecorded."""

    seq: int
    from_us: int
    to_us: int
    why: str


@dataclass(frozen=True, slots=True)
class Interval:
    """An efficient variant was chosen in one band without a break, with the weakest evidence on the way."""

    band: str
    variant: str
    from_seq: int
    to_seq: int
    from_us: int
    to_us: int
    frames: int
    admitted: bool
    samples: int
    bound_ppm: int


@dataclass(frozen=True, slots=True)
class OldCore:
    """Decisions of an earlier version of the log, which were not run again: the core (hash) that made them and its release."""

    code: str
    release: str
    decisions: int


@dataclass(slots=True)
class VerifyReport:
    """The answer: a verdict, the first bad record, and what the log was found to hold."""

    verdict: Outcome = Outcome.VALID
    first_bad_seq: int | None = None
    reason: str = ""
    origin: str = ""
    own_key: bool = False
    segments: int = 0
    first_seq: int = 0
    records: int = 0
    decisions: int = 0
    replayed: int | None = None
    signed: int = 0
    witnessed: int | None = None
    witnesses: tuple[tuple[str, int], ...] = ()  # name, and when it cosigned, in seconds of UTC
    sealed: int = 0  # records before the key in force began: the keys that signed them were erased
    removals: list[Removal] = field(default_factory=list)
    torn_bytes: int = 0
    stale_bytes: int = 0
    boots: int = 0
    epochs: int = 0
    clock_steps: int = 0
    degraded: int = 0
    window_us: int | None = None
    first_ms: int | None = None
    last_ms: int | None = None
    code_matches: bool | None = None
    not_run_again: tuple[OldCore, ...] = ()
    coins: int | None = 0  # coins of the loss account that were revealed and fit; None where the check ended at a fault
    coins_waiting: int = 0
    draws: int = 0
    statements: int = 0  # of the loss account, recorded when a window ended or a run stopped
    tossed_frames: int = 0
    interruptions: list[Interruption] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    intervals: list[Interval] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def unsigned(self) -> int:
        """Records behind the last signature."""
        return max(0, self.first_seq + self.records - self.signed)

    @property
    def self_signed(self) -> int:
        """Records that only this device vouches for."""
        return max(0, self.signed - max(self.first_seq, self.witnessed or 0))

    def settle(self, outcome: Outcome, seq: int, reason: str) -> None:
        """Take a finding; of several the worst stays."""
        order = list(Outcome)
        if order.index(outcome) > order.index(self.verdict):
            self.verdict, self.first_bad_seq, self.reason = outcome, seq, reason

"""What was asked of the worker and what came of it: intents, read-backs and their deadlines. No I/O, the clock is handed in."""

from dataclasses import dataclass

from adaptd.config.policy import Policy
from adaptd.daemon.account_window import AccountWindow
from adaptd.vocabulary import OperatingPoint, Setpoint, Verdict

RESULT_DEADLINE_US = 2_000_000


@dataclass(frozen=True, slots=True)
class Intent:
    """A changed operating point that was asked for at ``at_us`` as setpoint ``seq``."""

    seq: int
    new: OperatingPoint
    at_us: int


@dataclass(frozen=True, slots=True)
class IntentOutcome:
    """What came of an intent: ``applied``, ``overtaken`` by the next one, or ``silent`` past the deadline."""

    intent: Intent
    outcome: str
    latency_us: int


class Intents:
    """The bookkeeping between verdicts and the worker. One intent is open at a time."""

    def __init__(self) -> None:
        self.seq = 0
        self.asked: OperatingPoint | None = None
        self.open: Intent | None = None

    def changes(self, verdict: Verdict) -> bool:
        """True when this verdict asks for another point than the last one did."""
        return verdict.point != self.asked

    def intend(self, verdict: Verdict, now_us: int) -> tuple[Intent, IntentOutcome | None]:
        """Open an intent for a changed point; an older one that is still open is overtaken."""
        overtaken = None if self.open is None else IntentOutcome(self.open, "overtaken", now_us - self.open.at_us)
        self.seq += 1
        self.open = Intent(self.seq, verdict.point, now_us)
        self.asked = verdict.point
        return self.open, overtaken

    def setpoint(self, verdict: Verdict, policy: Policy, window: AccountWindow) -> Setpoint:
        """What the worker is asked for under the newest intent, renewed at every tick."""
        return Setpoint(
            seq=self.seq,
            variant=verdict.point.variant,
            fps_mfps=verdict.point.fps_mfps,
            lease_us=verdict.lease_us,
            shadow_ppm=verdict.shadow_ppm,
            seed=window.seed,
            band=verdict.band,
            safe_mfps=policy.target_mfps,
            deadline_us=policy.deadline_us,
            until_frame=window.until_frame(verdict),
            power_mode=verdict.power_mode,
        )

    def applied(self, seq: int, latency_us: int) -> IntentOutcome | None:
        """The worker says that setpoint ``seq`` holds; the outcome, if that closes the open intent."""
        if self.open is None or seq < self.open.seq:
            return None
        done, self.open = IntentOutcome(self.open, "applied", latency_us), None
        return done

    def overdue(self, now_us: int) -> IntentOutcome | None:
        """The open intent's outcome once its deadline has passed without a read-back."""
        if self.open is None or now_us - self.open.at_us < RESULT_DEADLINE_US:
            return None
        late, self.open = IntentOutcome(self.open, "silent", now_us - self.open.at_us), None
        return late

    def worker_gone(self) -> None:
        """The worker died: whatever was asked no longer holds, so the next verdict is a change."""
        self.asked = None

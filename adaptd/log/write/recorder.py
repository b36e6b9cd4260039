"""What the daemon says to the log: configuration, decisions, intents and outcomes, heartbeats. One instance a ledger."""

from dataclasses import dataclass, replace
from typing import Any

from adaptd.base.canonical_json import Plain
from adaptd.log import HEARTBEAT_DECISIONS
from adaptd.log.format.binding import Binding
from adaptd.log.format.codec import layout, row, to_plain
from adaptd.log.format.decisions import SHORT, DecisionCoder
from adaptd.log.format.evidence import changes
from adaptd.log.write.ledger import Heads, Ledger, NotRecordedError
from adaptd.log.write.quarantine import waiting
from adaptd.vocabulary import ModeFigures, OperatingPoint, Setpoint, Snapshot, VariantFacts, Verdict

_FACTS = row(VariantFacts)
_FIGURES = row(ModeFigures)
_POINT = row(OperatingPoint)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the brain of the run was made of and started with: texts of policy and profile, facts of the variants, seed, time.

    ``cameras`` names the sources where there are several: evidence is kept of each. ``figures`` are those of power modes.
    """

    policy_name: str
    policy_text: str
    profile_name: str
    profile_text: str
    facts: tuple[VariantFacts, ...]
    seed: int
    now_us: int
    binding: Binding
    cameras: tuple[str, ...] = ()
    figures: tuple[ModeFigures, ...] = ()


class Recorder:
    """Turns words into records. ``state`` is always the brain's state after what is being recorded."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        heartbeat_decisions: int = HEARTBEAT_DECISIONS,
        heartbeat_us: int = 600_000_000,
        silence_us: int = 60_000_000,
    ) -> None:
        self.ledger = ledger
        self._silence_us = silence_us
        self._every, self._every_us = heartbeat_decisions, heartbeat_us
        self._settings: Settings | None = None
        self._state: Any = None
        self._coder: DecisionCoder | None = None
        self._since = self._beat_at = 0
        self.last_decision: int | None = None
        self.unrecorded = 0
        self.unseen = waiting(ledger.folder)

    @property
    def ok(self) -> bool:
        """Whether the log takes records durably and nothing was put aside unseen; goes into the next snapshot as ``log_ok``."""
        if self.unseen:  # only a person moves such a folder away
            self.unseen = [name for name in self.unseen if (self.ledger.folder / name).exists()]
        return self.ledger.ok and not self.unseen

    @property
    def heads(self) -> Heads:
        heads = self.ledger.heads
        if heads.degraded is None and self.unseen:
            return replace(heads, degraded=f"{self.unseen[0]} was put aside: look at it, then move it out of the log folder")
        return heads

    def config(self, settings: Settings, state: Any, *, reason: str = "start") -> int:
        """Record the configuration in force and the full state: at ``start``, after a ``reload``. Durable."""
        self._settings, self._state = settings, state
        try:
            return self._write_config(reason)
        except NotRecordedError:
            self.unrecorded += 1  # the next decision that can be recorded brings the configuration along
            raise

    def decision(self, snapshot: Snapshot, verdict: Verdict, state: Any) -> int | None:
        """Record one decision, durably if it changes what the worker is asked for; None if the disk has failed for too long."""
        assert self._coder is not None, "config comes first"
        try:
            self._begin_segment_if_due()
            seq = self._write_decision(snapshot, verdict)
            self._state, self.last_decision = state, seq
            self._beat_if_due(snapshot.now_us)
        except NotRecordedError:
            self._state, self.unrecorded = state, self.unrecorded + 1
            return None
        return seq

    def act(self, setpoint: Setpoint) -> int:
        """Record the intent to send this setpoint; durable on return unless ``ok`` is false."""
        fields: dict[str, Plain] = {
            "decision": self.last_decision, "lease_us": setpoint.lease_us, "point": _POINT.full(setpoint.point),
            "setpoint": setpoint.seq, "shadow_ppm": setpoint.shadow_ppm,
        }  # fmt: skip
        return self.ledger.append("act", fields, durable=True)

    def result(self, act: int, outcome: str, point: OperatingPoint | None, latency_us: int) -> int:
        """Record what came of intent ``act``: ``applied``, ``overtaken`` or ``silent``, with the point read back."""
        read_back = None if point is None else _POINT.full(point)
        fields: dict[str, Plain] = {"act": act, "latency_us": latency_us, "outcome": outcome, "point": read_back}
        return self.ledger.append("result", fields, durable=True)

    def clock_step(self, before_ms: int, after_ms: int) -> int:
        """Record that the wall clock jumped from ``before_ms`` to ``after_ms``."""
        return self.ledger.append("clock_step", {"after_ms": after_ms, "before_ms": before_ms}, durable=True)

    def signed(self) -> int:
        """Sign what there is now; how many records are signed then."""
        self.ledger.checkpoint()
        return self.heads.checkpoint_seq

    def note(self, kind: str, fields: dict[str, Plain], *, durable: bool = False) -> int:
        """Record anything else: ``fault``, ``worker``, ``prune`` and the like."""
        return self.ledger.append(kind, fields, durable=durable)

    def idle(self) -> None:
        """Commit what is due, and break a silence with a heartbeat; to be called on ticks without a decision."""
        if self._coder is not None and self.ledger.silent_us >= self._silence_us:
            self._beat()
        self.ledger.idle()

    def close(self, reason: str = "") -> None:
        """Record a last heartbeat and the stop, sign and close the log."""
        if self._coder is not None and self.ledger.ok:
            self._beat()
        self.ledger.close({"reason": reason})

    def _write_config(self, reason: str) -> int:
        assert self._settings is not None
        settings, binding = self._settings, self._settings.binding
        fields: dict[str, Plain] = {
            "bind": binding.digest, "binding": to_plain(binding), "facts": [_FACTS.full(one) for one in settings.facts],
            "now_us": settings.now_us, "reason": reason, "seed": settings.seed, "state": to_plain(self._state),
            "silence_us": self.ledger.limits.silence_us,
            "policy": {"name": settings.policy_name, "sha256": binding.policy, "text": settings.policy_text},
            "profile": {"name": settings.profile_name, "sha256": binding.profile, "text": settings.profile_text},
            "short": dict(SHORT), "words": layout(Snapshot, Verdict, VariantFacts, type(self._state)),
        }  # fmt: skip
        if settings.cameras:
            fields["cameras"] = list(settings.cameras)
        if settings.figures:
            fields["figures"] = [_FIGURES.full(one) for one in settings.figures]
        seq = self.ledger.append("config", fields, durable=True)
        self._coder = DecisionCoder(binding.digest)
        self._since, self._beat_at = 0, self.ledger.next_mono_us(0)
        return seq

    def _write_decision(self, snapshot: Snapshot, verdict: Verdict) -> int:
        if self.unrecorded:
            self._write_config("resumed")
            self.unrecorded = 0
        assert self._coder is not None
        before = self._coder.verdict
        mono_us = self.ledger.next_mono_us(snapshot.now_us)
        proofs = changes(before, verdict)
        bolder = before is None or (before.point, before.shadow_ppm, before.lease_us) != (
            verdict.point,
            verdict.shadow_ppm,
            verdict.lease_us,
        )
        whole = self._coder.whole_due if self._since == 0 else self._coder.whole_overdue
        fields = self._coder.write(snapshot, verdict, mono_us, whole=whole)
        seq = self.ledger.append("decision", fields, durable=bolder or bool(proofs), mono_us=mono_us)
        for proof in proofs:
            self.ledger.append("evidence", {**proof, "decision": seq})
        return seq

    def _begin_segment_if_due(self) -> None:
        if self.ledger.ok and self.ledger.rotation_due:
            self.ledger.rotate()
            self._write_config("rotation")

    def _beat_if_due(self, now_us: int) -> None:
        self._since += 1
        if self._since >= self._every or now_us - self._beat_at >= self._every_us:
            self._beat()
            self._beat_at = now_us

    def _beat(self) -> None:
        fields: dict[str, Plain] = {
            "decisions": self._since,
            "state": to_plain(self._state),
            "written": self.ledger.written_bytes,
        }
        self._since = 0
        self.ledger.append("heartbeat", fields)

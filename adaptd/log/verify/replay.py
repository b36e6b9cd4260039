"""Running every decision again: the state is carried from ``config`` records through ``Brain.step``, and bytes are compared.

Nothing is ignored and nothing is tolerated: the record that the verdict makes must be the record that was found.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

from adaptd.base.canonical_json import Plain, same_bytes
from adaptd.brain import tick
from adaptd.config.errors import ConfigError
from adaptd.config.policy import Policy, parse_policy
from adaptd.config.profile import HardwareProfile, parse_profile
from adaptd.log.format import v1
from adaptd.log.format.binding import Binding
from adaptd.log.format.codec import CodecError, from_plain, row, to_plain
from adaptd.log.format.decisions import CHAIN_FIELDS, DecisionCoder, ended_clean, same_fields
from adaptd.log.format.evidence import changes
from adaptd.log.format.shapes import misfit
from adaptd.log.verify import bounds
from adaptd.log.verify.decided import UNREADABLE, Decided
from adaptd.vocabulary import BandStatement, ModeFigures, Snapshot, Stretch, VariantFacts, Verdict

_FACTS = row(VariantFacts)
_FIGURES = row(ModeFigures)
# Segments and restarts carry the same texts again and again.
_policy, _profile = lru_cache(maxsize=16)(parse_policy), lru_cache(maxsize=16)(parse_profile)


class ReplayError(ValueError):
    """A record does not follow from the ones before it. The text says which part."""


Mind = Callable[..., Any]  # policy, profile, facts of the variants, and figures of power modes where there are any
"""What makes the brain that decides under a configuration: the one of this package; tests hand in another."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a replay stands between two records: all that the rest of it depends on besides the record ``config``."""

    config: int
    state: Any
    full: Any
    snapshot: Snapshot | None
    verdict: Verdict | None
    proofs: tuple[dict[str, Plain], ...]
    unseen: tuple[Stretch, ...]
    closed: tuple[BandStatement, ...]
    reloaded: tuple[Any, Policy] | None
    flags: tuple[bool, bool, bool]


class Replayer:
    """Fed with every record in order; raises ReplayError at the first that does not follow."""

    def __init__(self, mind: Mind = tick.Brain, *, run: bool = True) -> None:
        self._mind, self._run = mind, run
        self._brain: Any = None
        self._state: Any = None
        self._full: Any = None
        self._policy: Policy | None = None
        self._profile: HardwareProfile | None = None
        self._coder: DecisionCoder | None = None
        self._proofs: list[dict[str, Plain]] = []
        self.decided = 0
        self.old: dict[tuple[str, str], int] = {}  # decisions of version 1, by the core and the release that made them
        self._release = v1.RELEASE
        self.given_states = 0
        self._unseen: list[Stretch] = []
        self._closed: tuple[BandStatement, ...] = ()
        self._reloaded: tuple[tick.State, Policy] | None = None
        self._stopped = self._clean = False
        self._at_config = -1
        self._pruned: bool | None = None
        self._lost = False
        self.max_loss_ppm: int | None = None
        self.reference: str | None = None
        self.code: str | None = None
        self._core = ""

    def feed(self, record: dict[str, Any]) -> Decided | None:
        """Take the next record; the decision if it is one."""
        kind = record["kind"]
        if record["v"] == v1.VERSION:
            return self._feed_old(kind, record)
        if self._pruned is None:
            self._pruned = record["seq"] > 0
        if kind == "decision":
            self._stopped = False
            return self._decision(record)
        if kind == "evidence":
            self._evidence(record)
        elif kind == "heartbeat":
            self._heartbeat(record)
        elif kind == "window_close":
            self._window_close(record)
        elif kind == "config":
            self._config(record)
        elif kind == "degraded":
            self._lost = self._lost or bool(record.get("unrecorded"))
        elif kind == "start":
            self._state, self._coder, self._proofs = None, None, []
            self._clean = self._stopped
        self._stopped = ended_clean(record) or (self._stopped and kind == "checkpoint")
        return None

    def _feed_old(self, kind: str, record: dict[str, Any]) -> Decided | None:
        """A record of version 1: its texts, its form and its evidence are checked, nothing is run again."""
        if kind == "decision":
            return self._old_decision(record)
        if kind == "evidence":
            self._evidence(record)
        elif kind == "config":
            self._old_config(record)
        elif kind == "start":
            self._state = self._full = self._coder = None
            self._proofs, self._release = [], str(record.get("adaptd", v1.RELEASE))
        return None

    def _old_config(self, record: dict[str, Any]) -> None:
        try:
            binding: Binding = from_plain(Binding, record["binding"])
            policy = _checked_text(record["policy"], binding.policy, "policy")
            _checked_text(record["profile"], binding.profile, "profile")
            if record["bind"] != binding.digest:
                raise ReplayError("the field bind is not the digest of the binding beside it")
            name = record["policy"]["name"]
        except UNREADABLE as error:
            raise ReplayError(f"the configuration cannot be read: {misfit(error)}") from None
        with suppress(ConfigError):  # a policy of then may not be one of today
            old = _policy(policy, name)
            self.max_loss_ppm, self.reference = old.max_loss_ppm, old.reference
        self._coder, self._proofs = DecisionCoder(binding.digest, v1.FORM), []
        self._core = binding.code

    def _old_decision(self, record: dict[str, Any]) -> Decided:
        if self._proofs:
            raise ReplayError("the evidence record that the decision before calls for is missing")
        if self._coder is None:
            raise ReplayError("a decision before any configuration")
        before: Any = self._coder.verdict
        try:
            snapshot: Any = self._coder.read_snapshot(record)
            verdict: Any = self._coder.read_verdict(record)
            fields = self._coder.write(snapshot, verdict, record["mono_us"], whole="bind" in record)
        except CodecError as error:
            raise ReplayError(str(error)) from None
        if not same_fields(record, fields):
            raise ReplayError(_difference(record, fields))
        self._proofs = [{**proof, "decision": record["seq"]} for proof in changes(before, verdict)]
        made = (self._core, self._release)
        self.old[made] = self.old.get(made, 0) + 1
        return Decided(record, v1.snapshot_today(snapshot), v1.verdict_today(verdict, snapshot))

    def _decision(self, record: dict[str, Any]) -> Decided:
        if self._proofs:
            raise ReplayError("the evidence record that the decision before calls for is missing")
        if self._coder is None:
            raise ReplayError("a decision before any configuration")
        before = self._coder.verdict
        try:
            snapshot = self._coder.read_snapshot(record)
            _refuse(bounds.flood(snapshot))
            verdict = self._verdict(record, snapshot)
            fields = self._coder.write(snapshot, verdict, record["mono_us"], whole="bind" in record)
        except CodecError as error:
            raise ReplayError(str(error)) from None
        if not same_fields(record, fields):
            raise ReplayError(_difference(record, fields))
        self._proofs = [{**proof, "decision": record["seq"]} for proof in changes(before, verdict)]
        self.decided += 1
        self._unseen += snapshot.worker.stretches
        self._closed, self._reloaded = verdict.closed, None
        return Decided(record, snapshot, verdict)

    def _verdict(self, record: dict[str, Any], snapshot: Snapshot) -> Verdict:
        assert self._coder is not None
        if not self._run:
            return self._coder.read_verdict(record)
        try:
            verdict: Verdict
            self._state, verdict = self._brain.step(self._state, snapshot)
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise ReplayError(f"the decision cannot be run again from what is on record: {misfit(error)}") from None
        return verdict

    def _evidence(self, record: dict[str, Any]) -> None:
        if not self._proofs or not same_fields(record, self._proofs.pop(0)):
            raise ReplayError("the evidence record does not follow from the decision before")

    def _window_close(self, record: dict[str, Any]) -> None:
        """The statements must be those that the decisions before them lead to."""
        if not self._run or not isinstance(self._state, tick.State):
            return
        reason, said = record.get("reason"), self._closed
        if reason == "cut_short":
            said = ()
        elif reason == "policy":
            said = () if self._reloaded is None else tick.statements(*self._reloaded)
        elif reason == "stopped":
            assert self._policy is not None
            said = tick.statements(self._state, self._policy)
        if not same_bytes(record.get("statements"), [to_plain(one) for one in said]):
            raise ReplayError("the statements of the window are not the ones that the decisions lead to")

    def _heartbeat(self, record: dict[str, Any]) -> None:
        if not self._run or self._state is None:
            return
        if not same_bytes(record.get("state"), to_plain(self._state)):
            raise ReplayError("the state of the heartbeat is not the one that the decisions lead to")
        self._full, self._unseen = self._state, []

    def assume(self, config: dict[str, Any], claim: dict[str, Any]) -> None:
        """Stand where ``claim``, this configuration or a heartbeat under it, says: unproven until whoever came there agrees."""
        self._config(config, assumed=claim)
        self._pruned = True

    def skip_evidence(self) -> None:
        """Await no evidence record for the decision before: what it was before that is not known here."""
        self._proofs = []

    def standing(self) -> Standing:
        """Where this replay stands now."""
        coder = self._coder
        return Standing(
            config=self._at_config,
            state=self._state,
            full=self._full,
            snapshot=None if coder is None else coder.snapshot,
            verdict=None if coder is None else coder.verdict,
            proofs=tuple(self._proofs),
            unseen=tuple(self._unseen),
            closed=self._closed,
            reloaded=self._reloaded,
            flags=(self._stopped, self._clean, self._lost),
        )

    def move_to(self, there: Standing, config: dict[str, Any]) -> None:
        """Go on where another replay of the same records came to; ``config`` is the configuration it is under."""
        self._config(config, assumed=config)
        assert self._coder is not None
        self._coder.snapshot, self._coder.verdict = there.snapshot, there.verdict
        self._state, self._full, self._proofs = there.state, there.full, list(there.proofs)
        self._unseen, self._closed, self._reloaded = list(there.unseen), there.closed, there.reloaded
        self._stopped, self._clean, self._lost = there.flags

    def _config(self, record: dict[str, Any], assumed: dict[str, Any] | None = None) -> None:
        try:
            binding: Binding = from_plain(Binding, record["binding"])
            self.code = binding.code
            policy = _checked_text(record["policy"], binding.policy, "policy")
            profile = _checked_text(record["profile"], binding.profile, "profile")
            _refuse(bounds.crowd(record))
            facts = tuple(_FACTS.read(one) for one in record["facts"])
            if record["bind"] != binding.digest:
                raise ReplayError("the field bind is not the digest of the binding beside it")
            self._take(record, policy, profile, facts, assumed)
        except ConfigError as error:
            raise ReplayError(f"the configuration cannot be read: {error}") from None
        except UNREADABLE as error:
            raise ReplayError(f"the configuration cannot be read: {misfit(error)}") from None
        self._coder, self._proofs = DecisionCoder(binding.digest), []
        self._at_config = record["seq"]

    def _take(
        self,
        record: dict[str, Any],
        policy: str,
        profile: str,
        facts: tuple[VariantFacts, ...],
        assumed: dict[str, Any] | None,
    ) -> None:
        """The state that start or adopt gives under this configuration must be the one on record."""
        before = self._policy
        self._policy = replace(_policy(policy, record["policy"]["name"]), cameras=tuple(record.get("cameras", ())))
        self._profile = _profile(profile, record["profile"]["name"])
        self.max_loss_ppm, self.reference = self._policy.max_loss_ppm, self._policy.reference
        if not self._run:
            return
        if self.reference not in [fact.name for fact in facts]:
            raise ReplayError(f"the configuration holds no facts of the reference {self.reference!r:.40}")
        known = (facts, figures) if (figures := figures_of(record)) else (facts,)
        reason, brain = record["reason"], self._mind(self._policy, self._profile, *known)
        self._brain = brain
        if assumed is not None:
            record, state = assumed, _given(brain.state_type, assumed["state"])
        elif reason == "start":
            state = brain.start(record["seed"], record["now_us"])
        elif reason == "resume" and self._full is not None:
            told = (self._full, record["seed"], record["now_us"], tuple(self._unseen))
            state = brain.resume(*told, clean=self._clean)
        elif reason == "reload" and self._state is not None:
            self._reloaded = (self._state, before) if before is not None else None
            state = brain.adopt(self._state)
        elif reason == "rotation" and self._state is not None:
            state = self._state
        elif not (self._lost if reason == "resumed" else self._full is None and self._pruned):
            raise ReplayError(f"nothing on record calls for a state that is given anew at a {reason}")
        else:  # the first segment left after pruning, or decisions that a failing disk could not take
            state = _given(brain.state_type, record["state"])
            self.given_states += 1
        if not same_bytes(record["state"], to_plain(state)):
            raise ReplayError(f"the state at the {reason} is not the one that the records before it lead to")
        self._state = self._full = state
        self._unseen = []
        self._clean = self._lost = False


def figures_of(record: dict[str, Any]) -> tuple[ModeFigures, ...]:
    """What a configuration knows of power modes; empty in every log of a board without them."""
    return tuple(_FIGURES.read(one) for one in record.get("figures", ()))


def _given(word: type, plain: Plain) -> Any:
    """A state that is taken from the log; every decision after it looks at all of it."""
    _refuse(bounds.burden(plain))
    return from_plain(word, plain)


def _refuse(words: str) -> None:
    if words:
        raise ReplayError(words)


def _checked_text(plain: Any, digest: str, what: str) -> str:
    text = plain["text"]
    if type(text) is not str or plain["sha256"] != digest or sha256(text.encode()).hexdigest() != digest:
        raise ReplayError(f"the text of the {what} does not have the hash on record")
    return text


def _difference(record: dict[str, Any], fields: dict[str, Plain]) -> str:
    """Which parts of the record are not what the decision gives."""
    names = sorted((record.keys() | fields.keys()) - CHAIN_FIELDS)
    wrong = [name for name in names if record.get(name) != fields.get(name)]
    if wrong == ["out"] and type(record.get("out")) is dict and type(fields.get("out")) is dict:
        there, here = record["out"], fields["out"]
        wrong = [f"out.{name}" for name in sorted(there.keys() | here.keys()) if there.get(name) != here.get(name)]
    return f"run again, the decision differs in {', '.join(wrong)}"

"""The verdict on a log folder: nobody changed a byte, nothing acknowledged is missing, every decision follows, the proof held.

Needs the folder and the root public key, nothing else. Every line is encoded again and compared as bytes; every signature,
hand-over, header and head slot is checked; every decision is run again; time is accounted for.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.base.folder import MAX_SMALL, read_plain
from adaptd.brain import tick
from adaptd.log.format import note
from adaptd.log.format.binding import code_hash
from adaptd.log.format.epochs import HANDOVERS_FILE, PUBLIC_FILE
from adaptd.log.format.segment import Header
from adaptd.log.format.verdicts import LogFault, OldCore, Outcome, VerifyReport
from adaptd.log.verify.coins import CoinError, Coins
from adaptd.log.verify.join import WORTH_PARTS, Parts, seldom_collecting
from adaptd.log.verify.parts import Unfit
from adaptd.log.verify.replay import Mind, Replayer, ReplayError
from adaptd.log.verify.served_intervals import Service
from adaptd.log.verify.timeline import Timeline
from adaptd.log.verify.trust import Slots, Trust, Witnessed, check_pruned, read_heads, removal_of, silent_witness
from adaptd.log.verify.walk import Progress, Walk, pieces, size_of


@dataclass(frozen=True, slots=True)
class Options:
    """``key``: the root public key from outside; ``witnessed``: checkpoints that left the device; ``replay``: run decisions.

    ``processes``: how many may run parts of a long log again at once; the finding is the same.
    ``witness_keys``: every one of them must have cosigned a checkpoint of ``witnessed``, and each checkpoint must carry one.
    """

    key: note.VerifierKey | None = None
    witnessed: tuple[Witnessed, ...] = ()
    witness_keys: tuple[note.VerifierKey, ...] = ()
    replay: bool = True
    brain: Mind = tick.Brain
    processes: int = 1


def verify(folder: Path, options: Options | None = None, progress: Progress | None = None) -> VerifyReport:
    """Judge the log in ``folder``. Never raises for anything the folder holds; ``progress`` gets bytes read and bytes in all."""
    with seldom_collecting():
        return _verify(folder, options or Options(), progress)


def _verify(folder: Path, options: Options, progress: Progress | None) -> VerifyReport:
    if options.processes > 1 and options.replay and options.brain is tick.Brain and size_of(folder) >= WORTH_PARTS:
        found = _in_parts(folder, options, progress)
        if found is not None:
            return found
    for again in (True, False):  # once more where a segment was pruned between looking at the folder and reading it
        report = VerifyReport()
        try:
            _Audit(folder, options, report, progress).run()
        except LogFault as fault:
            report.settle(fault.outcome, fault.seq, fault.reason)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and again:
                continue
            name = f"the file {Path(error.filename).name}" if isinstance(error.filename, str) else "a file"
            words = f"{name} cannot be read ({error.strerror or error})"
            report.settle(Outcome.DAMAGED, report.first_seq + report.records, words)
        break
    return report


def _in_parts(folder: Path, options: Options, progress: Progress | None) -> VerifyReport | None:
    """The finding where every decision follows and nothing ends the walk; None where the log must be run again in one go."""
    report = VerifyReport()
    audit = None
    try:
        audit = _Audit(folder, options, report, progress, in_parts=True)
        audit.run()
    except (LogFault, OSError, Unfit):
        return None
    finally:
        if audit is not None:
            audit.close()
    return report


class _Audit:
    """One verification under way."""

    def __init__(
        self, folder: Path, options: Options, report: VerifyReport, progress: Progress | None, *, in_parts: bool = False
    ) -> None:
        self._folder, self._options, self._report = folder, options, report
        if not pieces(folder):
            raise LogFault(Outcome.DAMAGED, 0, "there is no log in this folder")
        self._slots = read_heads(folder)
        self._trust = Trust(self._root_key())
        newest = self._slots.heads[0][0] if self._slots.heads else None
        marks = {head.size for head, _ in self._slots.heads} | {one.size for one in options.witnessed}
        self._walk = Walk(folder, self._trust, marks, (newest.size, newest.last) if newest else None, progress)
        self._timeline, self._service = Timeline(report), Service(report)
        self._replayer: Replayer | None = Replayer(options.brain) if options.replay else None
        self._prunes: list[dict[str, Any]] = []
        self._coins: Coins | None = Coins()
        self._parts: Parts | None = None
        if in_parts and self._replayer is not None:
            self._parts = Parts(options.processes, self._replayer, self._service)

    def close(self) -> None:
        """Let go of the processes that run parts."""
        if self._parts is not None:
            self._parts.close()

    def run(self) -> None:
        """Walk the log, then hold its end against the head file and the witnesses."""
        report = self._report
        report.origin = self._trust.origin
        try:
            for record, root in self._walk.records(self._begin):
                self._take(record, root)
            if self._parts is not None:
                self._parts.finish()
            self._check_end()
        finally:
            self._service.end()
            self._count()

    def _root_key(self) -> note.VerifierKey:
        """The key to trust; the one beside the log only where none was given."""
        given = self._options.key
        try:
            text = read_plain(self._folder / PUBLIC_FILE, MAX_SMALL)[:4096].decode()
        except (OSError, UnicodeDecodeError):
            text = None
        if given is not None and (text is None or text == note.verifier_key_text(given) + "\n"):
            return given
        if given is not None:
            raise LogFault(Outcome.FORGED, 0, f"the file {PUBLIC_FILE} in the log is not the key given with --key")
        self._report.own_key = True
        try:
            key = note.parse_verifier_key(text or "")
        except note.NoteError as error:
            raise LogFault(
                Outcome.DAMAGED, 0, f"no readable public key stands beside the log ({error}); give your own copy with --key"
            ) from None
        if text != note.verifier_key_text(key) + "\n":
            raise LogFault(Outcome.DAMAGED, 0, f"the file {PUBLIC_FILE} is not written as adaptd writes it")
        return key

    def _begin(self, header: Header) -> None:
        self._report.first_seq = header.first
        if header.first:
            try:
                handovers = read_plain(self._folder / HANDOVERS_FILE, MAX_SMALL)
            except FileNotFoundError:
                handovers = b""
            self._trust.adopt_handovers(handovers, header)

    def _take(self, record: dict[str, Any], root: bytes | None) -> None:
        """One confirmed record."""
        kind = record["kind"]
        if kind == "checkpoint":
            assert root is not None
            self._trust.checkpoint(record.get("note"), record["seq"], root)
        elif kind == "epoch":
            self._trust.hand_over(record.get("note"), self._trust.signed, record["seq"], root)
            if record.get("epoch") != self._trust.epoch:
                raise LogFault(Outcome.FORGED, record["seq"], f"record {record['seq']} and its hand-over name different epochs")
        elif kind == "prune":
            self._prunes.append(record)
        if self._report.first_ms is None:
            self._report.first_ms = record["utc_ms"]
        self._report.decisions += kind == "decision"
        if kind == "window_close" and type(record.get("statements")) is list:
            self._report.statements += len(record["statements"])
        self._timeline.feed(record)
        self._toss(record)
        if self._parts is not None:
            self._parts.feed(record, self._walk.line)
        elif self._replayer is not None:
            self._replay(self._replayer, record)

    def _toss(self, record: dict[str, Any]) -> None:
        """The coin of the loss account against its commitment and its draws; the first fault ends this check alone."""
        if self._coins is None:
            return
        try:
            self._coins.feed(record)
        except CoinError as error:
            self._report.settle(Outcome.REPLAY_MISMATCH, record["seq"], f"record {record['seq']}: {error}")
            self._coins = self._report.coins = None

    def _replay(self, replayer: Replayer, record: dict[str, Any]) -> None:
        try:
            decided = replayer.feed(record)
        except ReplayError as error:
            self._stop_replay(replayer, record["seq"], str(error))
            return
        if decided is not None and replayer.reference is not None:
            self._service.feed(decided, replayer.reference)
        elif record["kind"] == "start":
            self._service.restart()

    def _stop_replay(self, replayer: Replayer, seq: int, reason: str) -> None:
        """The first record that does not follow ends the re-run; bytes and signatures are checked to the end."""
        if replayer.code is not None and replayer.code != code_hash():
            reason += " (the decision core here is not the one that made the log; the record config names that one by its hash)"
        self._report.settle(Outcome.REPLAY_MISMATCH, seq, f"record {seq}: {reason}")
        self._count_replay(replayer)
        self._replayer = None

    def _count_replay(self, replayer: Replayer) -> None:
        report = self._report
        report.replayed = replayer.decided
        report.not_run_again = tuple([OldCore(code, release, count) for (code, release), count in replayer.old.items()])
        report.code_matches = None if replayer.code is None else replayer.code == code_hash()
        if replayer.given_states:
            report.notes.append(f"{replayer.given_states} states were taken from the log as they are: what led to them is gone")

    def _check_end(self) -> None:
        """The end of the log against everything that says where it should be."""
        walk, report = self._walk, self._report
        size = walk.chain.size
        assert walk.first_header is not None
        if walk.first_header.first:
            check_pruned(walk.first_header, self._prunes)
        self._check_heads(self._slots, size)
        silent = silent_witness(self._options.witnessed, self._options.witness_keys)
        if silent:
            raise LogFault(Outcome.FORGED, report.first_seq, silent)
        for one in self._options.witnessed:
            self._check_witness(one, size)
        torn = walk.torn_bytes + (walk.unused_bytes if self._timeline.stopped else 0)
        if torn or self._trust.signed < size or not self._slots.whole:
            if self._went_on():
                report.notes.append("the log was being written: records made after the verifier began were not checked")
                return
            report.settle(Outcome.TORN_TAIL, min(size, self._trust.signed), self._torn(torn, size - self._trust.signed))

    def _torn(self, torn_bytes: int, unsigned: int) -> str:
        """What stands behind the last acknowledgement, in words."""
        behind = [f"{count} {what}" for count, what in ((torn_bytes, "torn bytes"), (unsigned, "records")) if count]
        found = [f"{' and '.join(behind)} stand after the last acknowledgement"] if behind else []
        return "; ".join([*found, *([] if self._slots.whole else ["one of the two slots of the head file cannot be read"])])

    def _went_on(self) -> bool:
        """Whether a writer has acknowledged more since the verifier began; then an unsigned end is no torn one."""
        began, now = self._slots.heads, read_heads(self._folder).heads
        return bool(began and now) and now[0][0] != began[0][0]

    def _check_heads(self, slots: Slots, size: int) -> None:
        if not slots.heads:
            raise LogFault(Outcome.DAMAGED, min(size, self._trust.signed), "the head file is missing or unreadable")
        newest = slots.heads[0][0]
        if newest.size > size:
            raise LogFault(Outcome.DAMAGED, size, f"records {size} to {newest.size - 1} were acknowledged and are missing")
        for head, signed in slots.heads:
            if head.size in self._walk.roots:
                self._trust.check_head(head, signed, self._walk.roots)
            else:
                raise LogFault(
                    Outcome.FORGED, self._trust.signed, "the head file names a record that was pruned before it was signed"
                )
        self._trust.signed = max(self._trust.signed, newest.size)

    def _check_witness(self, one: Witnessed, size: int) -> None:
        """A checkpoint from outside must be of this log and inside it; then everything below it was seen by others."""
        origin = note.parse_checkpoint(one.signed.body).origin
        if origin != self._trust.origin:
            raise LogFault(Outcome.FORGED, 0, f"the note given with --witness is of the log {origin}, not of this one")
        if one.size > size:
            raise LogFault(
                Outcome.DAMAGED,
                size,
                f"records up to {one.size - 1} were witnessed, the log ends at {size - 1}: it was rolled back",
            )
        if one.size < self._report.first_seq:
            self._report.notes.append(f"the checkpoint over {one.size} records lies in what was pruned: it bounds nothing here")
            return
        if self._walk.roots[one.size][0] != one.root:
            raise LogFault(
                Outcome.FORGED, self._report.first_seq, f"the first {one.size} records are not the ones that were witnessed"
            )
        if not self._trust.own(one):
            words = f"the witnessed checkpoint over {one.size} records is not signed by the log's own key of that time"
            raise LogFault(Outcome.FORGED, self._report.first_seq, words)
        self._report.witnessed = max(one.size, self._report.witnessed or 0)
        self._report.witnesses = tuple(sorted({*self._report.witnesses, *one.cosigned}))

    def _count(self) -> None:
        report, walk, trust = self._report, self._walk, self._trust
        report.records = walk.chain.size - report.first_seq
        report.segments, report.epochs, report.signed = walk.headers, trust.epoch + 1, trust.signed
        report.sealed = trust.sealed
        report.removals = [found for record in self._prunes if (found := removal_of(record)) is not None]
        report.torn_bytes, report.stale_bytes = walk.torn_bytes, walk.stale_bytes
        if self._replayer is not None:
            self._count_replay(self._replayer)
        if self._coins is not None:
            tossed = self._coins
            report.coins, report.coins_waiting = tossed.revealed, tossed.waiting
            report.draws, report.tossed_frames = tossed.drawn, tossed.frames
        if (self._folder / "private").exists():
            report.notes.append("the folder private/ holds the device's signing key: leave it out of copies")

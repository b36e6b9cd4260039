"""What the daemon makes of the worker's events: what goes into the log, whether it calls for a decision, and in which words.

The user's own labels of what the worker answered are heard here as well.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from adaptd.brain.judge.words import why_missing
from adaptd.config.cells import cell_of
from adaptd.daemon.status import EngineWords, SourceWords
from adaptd.protocol.messages import CameraReport, Fault, Garbled, Hello, Moved, Swapped, WorkerReport
from adaptd.supervise.supervisor import Event, Lost, Started
from adaptd.vocabulary import QUANTITIES, Missing, Shadow, Snapshot, Telemetry, Verdict, believed

MAX_WAITING = 256
MAX_REMEMBERED = 65_536
WRONG_PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Heard:
    """``kind`` and ``fields`` of the record; ``gone`` where the worker no longer knows what it was asked."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    durable: bool = False
    urgent: bool = False
    gone: bool = False
    words: str = ""
    trouble: bool = False


def heard(event: Event) -> Heard | None:
    """The consequences of one event; None for events that are not recorded one by one."""
    if isinstance(event, Hello):
        warm = [engine.name for engine in event.engines if engine.warm]
        words = f"worker ready in {event.start_us / 1e6:.2f} s: {', '.join(warm)} warm on {event.backend}"
        fields = {"event": "ready", "backend": event.backend, "warm": warm, "start_us": event.start_us}
        return Heard("worker", fields, urgent=True, words=words)
    if isinstance(event, Swapped):
        own = event.reason != "setpoint"
        swap = {"event": "swapped", "from": event.old, "to": event.new, "reason": event.reason, "frame": event.frame}
        words = f"worker fell back from {event.old} to {event.new}: {event.reason}" if own else ""
        return Heard("worker", swap, durable=own, urgent=own, words=words, trouble=own)
    if isinstance(event, Moved):
        moved = {"event": "moved", "from": event.old, "to": event.new, "frame": event.frame, "ready_us": event.ready_us}
        words = (
            f"moved over from {event.old} to {event.new} between frames {event.frame} and {event.frame + 1}; "
            f"the engines were made ready beside in {event.ready_us / 1e6:.1f} s"
        )
        return Heard("worker", moved, durable=True, urgent=True, words=words)
    if isinstance(event, Lost):
        lost = {"event": "lost", "sign": event.sign, "text": event.text, "latched": event.latched, "retry_us": event.retry_us}
        return Heard("worker", lost, durable=True, urgent=True, gone=True, words=f"worker lost: {event.text}", trouble=True)
    if isinstance(event, Started):
        return Heard("worker", {"event": "started", "attempt": event.attempt}, urgent=True, gone=True)
    if isinstance(event, Fault):
        fault = {"fault": event.kind, "text": event.text, "variant": event.variant}
        words = "" if event.fatal else f"{event.kind}: {event.text}"  # a fatal one comes back as the worker's last words
        return Heard("fault", fault, durable=True, urgent=True, words=words, trouble=True)
    if isinstance(event, Garbled):
        return Heard("fault", {"fault": "garbled", "text": event.text, "variant": ""})
    return None


def engine_words(event: Hello, priors: tuple[tuple[str, str], ...] = ()) -> EngineWords:
    """What status says of the engines, and whether their qualification counts here."""
    warm = tuple(engine.name for engine in event.engines if engine.warm)
    return EngineWords(event.backend, warm, tuple((engine.name, engine.precision) for engine in event.engines), priors)


def source_words(report: WorkerReport | CameraReport | None) -> SourceWords:
    """What status says of a source."""
    if report is None:
        return SourceWords("starting")
    return SourceWords(report.source_state, report.source_mfps, report.bad_frames)


def missing_words(snapshot: Snapshot, verdict: Verdict) -> list[str]:
    """Which quantity is missing and why, in a sentence: it is what holds a choice back, so the reason names it."""
    readings = {name: believed(snapshot, verdict, name) for name in QUANTITIES}
    lost = [f"{name} ({why_missing(reading)})" for name, reading in readings.items() if isinstance(reading, Missing)]
    return [f"Missing: {', '.join(lost)}."] if lost else []


def counted(worker: Telemetry) -> Telemetry:
    """The same telemetry after its frames were counted once: a step that is taken again must not count them twice."""
    return replace(worker, delivered=0, missed=0, dropped=0, shadow_frames=0, served=(), shadows=(), tested=())


class Feedback:
    """Labelled feedback: what the user's application knows to be right or wrong counts as evidence too.

    On a frame that only the efficient engine served, "wrong" is an upper bound of the harm (the reference may have been wrong as
    well), so its loss is 1, and "right" is loss 0. Frames that were also run on the reference have been counted already and are
    not taken again. Assumed, and for the user to keep: the labelled frames are not chosen by what the engines answered. Losses
    are collected between two ticks; the clock is handed in.
    """

    def __init__(self, efficient: tuple[str, ...], cameras: tuple[str, ...] = ()) -> None:
        self._efficient = efficient
        self._cameras = cameras
        self._waiting: list[Shadow] = []
        self._seen: set[int] = set()
        self._band = ""
        self._since_us = 0

    def now_in(self, band: str, now_us: int) -> None:
        """The light band of this tick; only frames served since it was entered can count for it."""
        if band != self._band:
            self._band, self._since_us = band, now_us
            self._seen.clear()

    def take(self, body: dict[str, Any]) -> str:
        """One message ``{frame, variant, mono_us, correct}`` made from a result; why it was refused, empty if taken.

        With several cameras ``camera`` stands in it too, as in the result.
        """
        camera = body.get("camera", "")
        frame, variant, at_us, correct = (body.get(name) for name in ("frame", "variant", "mono_us", "correct"))
        if type(frame) is not int or type(at_us) is not int or type(correct) is not bool or not isinstance(variant, str):
            return "feedback needs frame, variant and mono_us as in the result, and correct: true or false"
        if body.get("shadowed") is True:
            return "the frame was run on both engines and has been counted"
        if variant not in self._efficient:
            return f"{variant!r} is no efficient variant of the policy, only those need evidence"
        if camera not in (self._cameras or ("",)):
            named = ", ".join(self._cameras)
            return f"camera {camera!r} is not served, one of {named} is" if named else "one camera without a name is served"
        if at_us <= self._since_us:
            return "the frame was served in another light band"
        if frame in self._seen:
            return "the frame has been labelled before"
        if len(self._waiting) >= MAX_WAITING:
            return "too much feedback since the last tick"
        if len(self._seen) >= MAX_REMEMBERED:
            self._seen.clear()
        self._seen.add(frame)
        self._waiting.append(Shadow(cell_of(self._band, camera), variant, 0 if correct else WRONG_PPM))
        return ""

    def losses(self) -> tuple[Shadow, ...]:
        """What came since the last tick."""
        taken, self._waiting = tuple(self._waiting), []
        return taken

"""Keeps one worker running: looks at its signs on every poll, ends an ill one, starts the next on the reference.

The thin half around ``supervision``: processes and sockets here, decisions there. Nothing waits; the daemon calls ``poll`` often
(every 100 ms or so) and is told everything that happened, in order, to be logged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from adaptd.base.clock import Clock, monotonic_us
from adaptd.protocol.messages import Begin, Fault, Garbled, MoveOver, WorkerReport
from adaptd.protocol.wire import Message
from adaptd.supervise.counting import joined, unheard
from adaptd.supervise.moves import Moves
from adaptd.supervise.process import COMMAND, WorkerClient
from adaptd.supervise.signs import (
    UNSTARTABLE_US,
    History,
    Sign,
    WorkerLimits,
    WorkerSigns,
    after_crash,
    delay_us,
    judge,
    slow_restart_due,
    words,
)
from adaptd.supervise.standby import Standby
from adaptd.vocabulary import OperatingPoint, Setpoint, Telemetry


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker was ill and has been ended; the next starts in ``retry_us``. ``sign`` is a supervision.Sign, or slow."""

    sign: str
    text: str
    variant: str
    exit_code: int | None
    retry_us: int
    latched: bool
    at_us: int


@dataclass(frozen=True, slots=True)
class Started:
    """A worker process was started, on the reference."""

    attempt: int
    pid: int
    at_us: int


Event = Message | Garbled | Lost | Started


class Supervisor:
    """One worker, for as long as the daemon runs.

    ``client`` is the running worker, ``spare`` the process that waits to step in.
    ``refused`` is the line of a worker that cannot serve what it was asked to: no restart would help, the user must mend it.
    """

    def __init__(
        self,
        begin: Begin,
        *,
        command: Sequence[str] = COMMAND,
        now_us: Clock = monotonic_us,
        limits: WorkerLimits | None = None,
        make: Callable[..., WorkerClient] = WorkerClient,
        spare: bool = True,
    ) -> None:
        self._begin = begin
        self._command = tuple(command)
        self._now_us = now_us
        self._limits = limits or WorkerLimits()
        self._make = make
        self.client: WorkerClient | None = None
        self.spare = Standby(lambda: self._new_client(self._begin), now_us(), self._limits.settle_us) if spare else None
        self._last = Telemetry(alive=False, point=OperatingPoint(begin.variants[0], 0))
        self._history = History()
        self._start_at_us: int | None = None
        self._ordered_mfps: int | None = None
        self._duty = ("", begin.variants[0])
        self._seen_source_us = now_us()
        self._served_once = False
        self._attempt = 0
        self._renew = False
        self._untold: list[Event] = []
        self._moves = Moves()
        self.refused: str | None = None

    @property
    def latched(self) -> bool:
        """Whether the safe state is latched: only the reference is loaded, restarts are slow. ``reset`` ends it."""
        return self._history.latched

    @property
    def report(self) -> WorkerReport | None:
        """The running worker's newest report."""
        return None if self.client is None else self.client.report

    def start(self) -> None:
        """Start the first worker; where no process can be started, ``poll`` tells, and tries again."""
        self._start(self._now_us())

    def poll(self) -> list[Event]:
        """Everything that happened since the last call; an ill worker is ended here, and the next one started when it is due."""
        now_us = self._now_us()
        told, self._untold = self._untold, []
        return [*told, *(self._start_if_due(now_us) if self.client is None else self._look())]

    def _look(self) -> list[Event]:
        """What the running worker has said, and what became of it."""
        assert self.client is not None
        events: list[Event] = list(self.client.poll())
        now_us = self._now_us()
        self._begin = self._moves.note(events, self._begin, now_us)
        sign = judge(self._facts(now_us), self._limits)
        fatal = self.client.fatal
        if fatal is not None and (fatal.kind == "source" or not self._served_once):
            self.refused = fatal.text
            self._end()
            return events
        if sign not in (Sign.WELL, Sign.STARTING):
            return [*events, *self._lose(sign, now_us)]
        slow = [event.variant for event in events if isinstance(event, Fault) and event.kind == "slow"]
        if self._begin.variants[0] in slow:
            return [*events, *self._restart_slow(now_us)]
        if self._renew:
            return [*events, *self._restart("reset", "everything is loaded again, as asked", now_us)]
        if self.spare is not None and sign is Sign.WELL:
            self.spare.tend(now_us)
        return events

    def set(self, setpoint: Setpoint) -> bool:
        """Ask for an operating point; False where no worker can hear it."""
        self._ordered_mfps, self._duty = setpoint.fps_mfps, (setpoint.band, setpoint.variant)
        safe_mfps, deadline_us = setpoint.safe_mfps, setpoint.deadline_us
        self._begin = replace(
            self._begin,
            safe_mfps=self._begin.safe_mfps if safe_mfps is None else safe_mfps,
            deadline_us=self._begin.deadline_us if deadline_us is None else deadline_us,
        )
        return self.client is not None and self.client.set(setpoint)

    def move_over(self, order: MoveOver) -> bool:
        """Have the worker go on with engines of another backend; a crash soon after that leads back to those of now."""
        self._moves.ask(order)
        return self.client is not None and self.client.move_over(order)

    def telemetry(self, now_us: int) -> Telemetry:
        """What happened since the last call, over all workers there were; ``alive`` False while none serves."""
        gathered = self._last
        self._last = Telemetry(alive=False, point=OperatingPoint(self._begin.variants[0], 0), quarantined=self._quarantined())
        if self.client is None:
            return gathered
        return joined(gathered, self.client.telemetry(now_us), self._quarantined())

    def reset(self) -> None:
        """Somebody has mended it: crashes and guilt are forgotten, and the latch is lifted.

        A worker that serves the reference alone is started anew with everything. What is broken by its own outputs stays out.
        """
        self._renew = self.latched or bool(self._history.guilty)
        self._history = History()
        if self.client is None and self._start_at_us is not None:
            self._start_at_us = self._now_us()

    def stop(self, timeout_s: float = 2.0) -> int | None:
        """End the worker within ``timeout_s`` and start no other; its exit code."""
        self._start_at_us = None
        if self.spare is not None:
            self.spare.close()
            self.spare = None
        if self.client is None:
            return None
        exit_code = self.client.stop(timeout_s)
        self._keep_counts()
        self.client = None
        return exit_code

    def _facts(self, now_us: int) -> WorkerSigns:
        assert self.client is not None
        client, report, hello = self.client, self.client.report, self.client.hello
        if report is None or report.source_ok:
            self._seen_source_us = now_us
        self._served_once = self._served_once or (report is not None and report.frame >= 0)
        known = {} if hello is None else {engine.name: engine.latency_us for engine in hello.engines}
        return WorkerSigns(
            exit_code=client.exit_code,
            refused=client.fatal is not None,
            ready=hello is not None,
            age_us=now_us - client.started_us,
            beat_age_us=now_us - client.heard_us,
            busy_us=0 if report is None else report.busy_us,
            normal_us=0 if report is None else known.get(report.variant, 0),
            blind_us=now_us - self._seen_source_us,
        )

    def _lose(self, sign: Sign, now_us: int) -> list[Event]:
        assert self.client is not None
        client, reference = self.client, self._begin.variants[0]
        variant = reference if client.report is None else client.report.variant
        exit_code = client.exit_code
        self._end()
        if sign is not Sign.BLIND:
            self._history = after_crash(self._history, now_us, exit_code, variant, reference)
        wait_us = delay_us(self._history)
        self._start_at_us = now_us + wait_us
        text = client.fatal.text if client.fatal is not None else words(sign, exit_code)
        self._begin, moved = self._moves.back(self._begin, now_us)
        lost = Lost(sign.value, text + moved, variant, exit_code, wait_us, self.latched, now_us)
        return [lost, *self._start_if_due(now_us)]

    def _restart_slow(self, now_us: int) -> list[Event]:
        if not slow_restart_due(self._history, now_us):
            return []
        self._history = replace(self._history, slow_restart_us=now_us)
        return self._restart("slow", "the reference crawls; started anew once", now_us)

    def _restart(self, sign: str, text: str, now_us: int) -> list[Event]:
        """End a worker that is no crash, and start the next at once."""
        self._end()
        self._start_at_us = now_us
        lost = Lost(sign, text, self._begin.variants[0], None, 0, self.latched, now_us)
        return [lost, *self._start_if_due(now_us)]

    def _end(self) -> None:
        """End the process, keep what it counted, and remember where the next one goes on."""
        assert self.client is not None
        self.client.kill()
        self.client.close()
        self._keep_counts()
        report = self.client.report
        if report is not None:
            lost = unheard(report, *self._duty, self._ordered_mfps or 0, self._now_us())
            self._begin = replace(self._begin, first_frame=max(lost[0].last + 1, self._begin.first_frame))
            if lost[0].variant != self._begin.variants[0]:
                self._last = replace(self._last, stretches=(*self._last.stretches, *lost))
        self.client = None

    def _keep_counts(self) -> None:
        assert self.client is not None
        counted, report = self.client.telemetry(self._now_us()), self.client.report
        broken = () if report is None else report.quarantined
        self._begin = replace(self._begin, quarantined=tuple(sorted({*self._begin.quarantined, *broken})))
        reference = OperatingPoint(self._begin.variants[0], 0)
        self._last = replace(joined(self._last, counted, self._quarantined()), alive=False, point=reference)

    def _quarantined(self) -> tuple[str, ...]:
        """What is broken, and what is not loaded: while the safe state is latched nobody may ask for an efficient variant."""
        out = self._begin.variants[1:] if self.latched else ()
        return tuple(sorted({*self._broken(), *out}))

    def _broken(self) -> tuple[str, ...]:
        return tuple(sorted({*self._begin.quarantined, *self._history.guilty}))

    def _start_if_due(self, now_us: int) -> list[Event]:
        if self._start_at_us is None or now_us < self._start_at_us:
            return []
        self._start(now_us)
        told, self._untold = self._untold, []
        return told if self.client is None else [Started(self._attempt, self.client.pid or 0, now_us)]

    def _start(self, now_us: int) -> None:
        begin = replace(
            self._begin,
            variants=self._begin.variants[:1] if self.latched else self._begin.variants,
            quarantined=self._broken(),
            start_mfps=self._ordered_mfps if self._attempt else self._begin.start_mfps,
        )
        self._start_at_us, self._attempt, self._seen_source_us = None, self._attempt + 1, now_us
        self._renew = False
        client = None if self.spare is None else self.spare.take(now_us)
        try:
            if client is not None:
                client.engage(begin)
            else:
                client = self._new_client(begin)
                client.start()
            self.client = client
        except OSError as error:
            self._start_at_us = now_us + UNSTARTABLE_US
            text = f"no process can be started ({error.strerror or error}); it is tried again"
            self._untold.append(Lost("unstartable", text, begin.variants[0], None, UNSTARTABLE_US, self.latched, now_us))

    def _new_client(self, begin: Begin) -> WorkerClient:
        return self._make(begin, command=self._command, now_us=self._now_us)

"""The loop: sample, step, record, act. It owns the worker and the log, and has no opinion of its own."""

import threading
from contextlib import suppress
from dataclasses import replace

from adaptd.base.clock import wall_words
from adaptd.brain import tick
from adaptd.daemon.account_window import AccountWindow
from adaptd.daemon.cameras import Cameras, result_words
from adaptd.daemon.changes import Givers, Hands, take
from adaptd.daemon.intents import IntentOutcome, Intents
from adaptd.daemon.jobs import WallClock
from adaptd.daemon.moving import Moving
from adaptd.daemon.orders import AGAIN, Asked, Orders, asked_by
from adaptd.daemon.parts import STOP_S, LoopPace, Parts
from adaptd.daemon.reload import ReloadError, Reloads, Tried, Wanted, adopt, told
from adaptd.daemon.sensors_or_twin import first_words, picture_stats
from adaptd.daemon.status import EngineWords, LogWords, Scene, Totals, account_rows, status_document
from adaptd.daemon.teller import Teller, defect
from adaptd.daemon.worker_events import Feedback, counted, engine_words, heard, missing_words, source_words
from adaptd.log.format.decisions import UNBOOKED
from adaptd.log.write.ledger import NotRecordedError
from adaptd.log.write.recorder import Settings
from adaptd.protocol.messages import Applied, Hello, Swapped, WorkerReport
from adaptd.serve.api import Change
from adaptd.serve.board import Said
from adaptd.supervise.supervisor import Event
from adaptd.vocabulary import Snapshot, Verdict


class Daemon:
    """One run of adaptd. ``run`` returns the exit code; everything else happens on its thread."""

    def __init__(self, parts: Parts, pace: LoopPace | None = None) -> None:
        self._parts = parts
        self._pace = pace or LoopPace()
        self._say = Teller(parts.recorder, parts.watcher)
        self.asked, self._wake = Asked(), threading.Event()
        self._acting, self._reloads = Intents(), Reloads()
        self._act_seqs: dict[int, int] = {}
        self._engines, self._totals, self._orders = EngineWords(), Totals(), Orders(self._say.note)
        self._givers = Givers(self._say.note)
        self._quarantined: tuple[str, ...] = ()
        self._feedback = Feedback(parts.policy.efficient, parts.policy.cameras)
        self._cameras = Cameras(parts.policy.cameras)
        self._policy, self._profile, self._facts = parts.policy, parts.profile, parts.facts
        parts.board.period_us = self._pace.tick_us
        self._began_us = self._decide_at_us = now_us = parts.clock.mono_us()
        self._wall = WallClock(now_us, parts.clock.utc_ms())
        self._moving = Moving(parts, self._say.plans)
        self._defect = ""
        self._brain = tick.Brain(parts.policy, parts.profile, parts.facts, parts.settings.figures)
        seed, began_us, before = parts.settings.seed, parts.settings.now_us, parts.inherited
        if before is None:
            self._state = self._brain.start(seed, began_us)
        else:
            self._state = self._brain.resume(before, seed, began_us, parts.unseen, clean=parts.clean)
        self._window = AccountWindow(parts.recorder.ledger.folder, self._say.durably)

    def run(self) -> int:
        """Serve until told to stop, for ``duration_us`` at most; returns the exit code."""
        parts = self._parts
        parts.recorder.config(parts.settings, self._state, reason="start" if parts.inherited is None else "resume")
        self._say.of_the_log(self._policy.reference)
        self._window.open(self._state, self._policy)
        for words in first_words(parts.senses, self._policy.limit_mc):  # the kernel's limits, and what has no reading
            self._say.fault(*words, aloud=False)
        parts.worker.start()
        parts.slow.start()
        self._moving.start(parts.clock.mono_us())
        parts.modes.start()
        if parts.api is not None:
            parts.api.start()
        try:
            self._loop()
        except BrokenPipeError:
            raise  # whoever read the terminal's lines has left
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be on record
            self._defect_is(error)
        finally:
            self._end()
        return 1 if parts.worker.refused or self._defect else AGAIN if self._orders.again else 0

    def stop(self) -> None:
        """Ask the loop to end, from any thread; a signal handler must not wait for a lock and sets the flag alone."""
        self.asked.stop = True
        self._wake.set()

    def _loop(self) -> None:
        clock, pace = self._parts.clock, self._pace
        ends_us = None if pace.duration_us is None else self._began_us + pace.duration_us
        while not (self.asked.stop or self._orders.again) and self._parts.worker.refused is None:
            now_us = clock.mono_us()
            if ends_us is not None and now_us >= ends_us:
                break
            urgent = self._listen(now_us)
            self._housekeeping(now_us)
            if urgent or now_us >= self._decide_at_us:
                self._decide(clock.mono_us())
                self._decide_at_us = max(self._decide_at_us + pace.tick_us, now_us + pace.tick_us // 2)
            else:
                self._parts.recorder.idle()
            self._wake.wait(max(0.0, min(self._decide_at_us - clock.mono_us(), pace.listen_us) / 1e6))
            self._wake.clear()

    def _listen(self, now_us: int) -> bool:
        """Take what the worker said; True where that calls for a decision at once."""
        urgent = False
        for event in self._parts.worker.poll():
            if isinstance(event, WorkerReport):
                self._cameras.heard(event)
                urgent |= event.quarantined != self._quarantined
                self._quarantined = event.quarantined
                self._window.saw(event.apart)
                self._say.unheard(event.lost)
            else:
                urgent |= self._heard(event)
        if (late := self._acting.overdue(now_us)) is not None:
            self._close_intent(late)
        return urgent

    def _heard(self, event: Event) -> bool:
        if isinstance(event, Applied):
            if (done := self._acting.applied(event.seq, event.latency_us)) is not None:
                self._close_intent(done)
            return False
        if isinstance(event, Hello):
            self._meet_engines(event)
        self._totals.swaps += isinstance(event, Swapped)
        found = heard(event)
        if found is None:
            return False
        if found.gone:
            self._acting.worker_gone()
        if found.words:
            (self._say.warn if found.trouble else self._say.tell)(found.words)
        self._say.note(found.kind, found.fields, durable=found.durable)
        return found.urgent

    def _meet_engines(self, hello: Hello) -> None:
        """The worker's engines have answered the fixed probe: where they are those that were qualified, their priors count."""
        moved = self._moving.met(hello, self._facts)
        met = self._parts.origin.meet(moved or self._facts, hello.engines, self._engines.priors)
        if moved or met.facts != self._facts:
            self._facts = met.facts
            figures = () if moved else self._parts.settings.figures  # plans built beside were measured in no mode
            self._brain = tick.Brain(self._policy, self._profile, met.facts, figures)
            self._adopt(replace(self._parts.settings, facts=met.facts, figures=figures), self._brain.adopt(self._state))
        self._engines = engine_words(hello, met.standing)
        for name, words in met.told:
            self._say.fault("priors_left_out", words, name)

    def _close_intent(self, done: IntentOutcome) -> None:
        act = self._act_seqs.pop(done.intent.seq, None)
        if act is not None:
            back = done.intent.new if done.outcome == "applied" else None
            with suppress(NotRecordedError):
                self._parts.recorder.result(act, done.outcome, back, done.latency_us)

    def _decide(self, now_us: int) -> None:
        """One tick: snapshot, step, record, act, publish. Where the record fails, the step is taken again."""
        recorder = self._parts.recorder
        snapshot = self._orders.on(self._snapshot(now_us), self._policy.efficient)
        state, verdict = self._brain.step(self._state, snapshot)
        seq = recorder.decision(snapshot, verdict, state)
        if snapshot.log_ok and not (recorder.ok and seq is not None):
            snapshot = replace(snapshot, now_us=snapshot.now_us + 1, log_ok=False, worker=counted(snapshot.worker))
            state, verdict = self._brain.step(state, snapshot)
            recorder.decision(snapshot, verdict, state)
            self._say.warn(f"log degraded: {recorder.heads.degraded}")
        self._state = state
        self._window.decided(snapshot, verdict, state, self._policy)
        self._feedback.now_in(verdict.band, now_us)
        self._totals.add(snapshot, verdict)
        self._cameras.add(snapshot)
        self._say.of_light(snapshot.raw)
        changed = self._acting.changes(verdict)
        self._act(verdict, now_us, changed)
        self._publish(snapshot, verdict, now_us, changed)
        if recorder.ok or verdict.point.variant == self._policy.reference:  # without a log the reference serves on: S-2
            self._parts.notifier.good_tick(now_us)

    def _snapshot(self, now_us: int) -> Snapshot:
        worker = self._parts.worker.telemetry(now_us)
        if labelled := self._feedback.losses():
            worker = replace(worker, shadows=(*worker.shadows, *labelled))
        senses, report = self._parts.senses, self._parts.worker.report
        picture = picture_stats(None if report is None else report.picture)
        sensed = senses.read(now_us, worker, picture, log_ok=self._parts.recorder.ok)
        sensed = self._parts.modes.on(sensed, self._parts.settings.figures)
        return self._orders.mission.on(sensed, self._policy.endurance, self._parts.clock.utc_ms())

    def _act(self, verdict: Verdict, now_us: int, changed: bool) -> None:
        """Renew the setpoint; a changed one is an intent in the log before the worker hears of it."""
        if changed:
            _, overtaken = self._acting.intend(verdict, now_us)
            if overtaken is not None:
                self._close_intent(overtaken)
        setpoint = self._acting.setpoint(verdict, self._policy, self._window)
        if changed:
            recorder = self._parts.recorder
            with suppress(NotRecordedError):
                self._act_seqs[setpoint.seq] = recorder.act(setpoint)
            if not recorder.ok and setpoint.variant != self._policy.reference:
                self._acting.worker_gone()  # the intent is not on record, so the act does not happen
                return
        self._parts.worker.set(setpoint)
        self._parts.modes.ask(setpoint.power_mode if self._parts.recorder.ok else None, self._say.durably)

    def _publish(self, snapshot: Snapshot, verdict: Verdict, now_us: int, changed: bool) -> None:
        recorder, report = self._parts.recorder, self._parts.worker.report
        heads, utc_ms = recorder.heads, self._parts.clock.utc_ms()
        scene = Scene(
            policy=self._policy,
            snapshot=snapshot,
            verdict=verdict,
            engines=self._engines,
            log=LogWords(heads.seq - 1, heads.checkpoint_seq - 1, heads.degraded is not None, str(recorder.ledger.folder)),
            totals=self._totals,
            uptime_s=(now_us - self._began_us) // 1_000_000,
            why=" ".join([tick.explain(verdict, wall_words(now_us, utc_ms)), *missing_words(snapshot, verdict)]),
            source=source_words(report),
            account=account_rows(self._state, self._policy, now_us, utc_ms, self._window.apart),
            last_result=result_words(None if report is None else report.result),
            trouble=self._say.trouble,
            cameras=self._cameras.plain(verdict, self._policy.target_mfps),
        )
        document = status_document(scene)
        document |= {"orders": self._orders.words(now_us), "offer": self._reloads.offer}
        document |= {"board": self._profile.name, "model": self._parts.bundle_name}
        modes = self._parts.modes.document(self._parts.settings.figures, self._policy.modes)
        document |= self._orders.mission.document(snapshot, verdict, utc_ms) | modes
        self._parts.board.publish(document, now_us)
        if self._totals.delivered == snapshot.worker.delivered and snapshot.worker.alive:  # the first frames
            self._parts.notifier.send("READY=1", f"STATUS={snapshot.worker.point.variant}")
        self._parts.watcher.decided(scene, changed)

    def _housekeeping(self, now_us: int) -> None:
        self._watch_clock(now_us)
        self._moving.plans.poll(now_us)
        self._parts.modes.poll(self._say.power_mode)
        if self.asked.reload:
            self.asked.reload = False
            self._ask_for_policy()
        if (tried := self._reloads.done()) is not None:
            self._take_policy(tried)
        if self.asked.dump:
            self.asked.dump = False
            self._parts.watcher.asked(self._parts.board.read(now_us))
        for name in self._parts.slow.take(now_us):
            self._parts.chores[name]()
        self._parts.retention.settle(self._say.tell)
        for complaint in self._parts.slow.complaints():
            self._say.warn(complaint)
        if self._parts.api is not None:
            for _ in range(self._parts.api.changes.qsize()):
                self._change(self._parts.api.changes.get_nowait(), now_us)

    def _watch_clock(self, now_us: int) -> None:
        step = self._wall.step(now_us, self._parts.clock.utc_ms())
        if step is None:
            return
        with suppress(NotRecordedError):
            self._parts.recorder.clock_step(*step)
        self._parts.slow.rebase()
        self._say.tell(f"wall clock stepped by {(step[1] - step[0]) / 1000:+.1f} s; nothing depends on it")

    def _change(self, change: Change, now_us: int) -> None:
        sign, push, label = self._parts.recorder.signed, self._parts.senses.station.inbox.push, self._feedback.take
        take(change, now_us, Hands(self._orders, self._givers, self._say, label, push, sign, self._ask_for_policy))

    def _ask_for_policy(self, change: Change | None = None, offered: str | None = None) -> None:
        who = "SIGHUP" if change is None else asked_by(change)
        self._parts.notifier.send("RELOADING=1", f"MONOTONIC_USEC={self._parts.clock.mono_us()}")
        self._reloads.ask(Wanted(who, self._parts.policy_path, self._parts.settings, self._facts, offered, change))

    def _take_policy(self, tried: Tried) -> None:
        """Take the policy file anew; a bad one is refused and the running one stays. Who asked is on record either way."""
        parts = self._parts
        on_record = self._say.note("asked", told(tried))
        try:
            new = adopt(tried, parts, self._state, self._profile, self._facts)
        except ReloadError as error:
            self._reloads.refused(tried, str(error))
            tried.answer(Said("refused", str(error), on_record))
            self._say.fault("policy_refused", str(error), told=f"policy refused, the running one stays: {error}")
        else:
            before, old = self._state, self._policy
            self._policy, self._brain, self._feedback = new.policy, new.brain, Feedback(new.policy.efficient, new.policy.cameras)
            self._adopt(new.settings, new.state)
            self._window.reloaded(before, old, self._state, self._policy)
            parts.worker.reset()
            parts.modes.lift()
            adopted = f"policy {new.policy.name} {new.policy.sha256[:12]} adopted"
            tried.answer(Said("done", adopted, on_record))
            self._say.tell(f"{adopted} ({tried.who})")
            self._decide_at_us = parts.clock.mono_us()
        parts.notifier.send("READY=1")

    def _defect_is(self, error: Exception) -> None:
        """A defect of ours ends the run on record and in one line; the service manager starts the next one."""
        self._defect = defect(error)
        self._say.fault("defect", self._defect, told=f"a defect ends this run, please report it: {self._defect}")

    def _adopt(self, settings: Settings, state: tick.State) -> None:
        """Go on under another configuration, which is on record before anything is decided under it."""
        self._parts.settings, self._state = settings, state
        with suppress(NotRecordedError):
            self._parts.recorder.config(settings, state, reason="reload")

    def _book_the_rest(self) -> bool:
        """Whether what the worker served after the last decision is on record. A defect may stand in the way of that too."""
        try:
            snapshot = self._snapshot(self._parts.recorder.ledger.next_mono_us(self._parts.clock.mono_us()))
            self._state, verdict = self._brain.step(self._state, snapshot)
        except Exception:
            if not self._defect:
                raise
            return False
        self._parts.recorder.decision(snapshot, verdict, self._state)
        self._window.decided(snapshot, verdict, self._state, self._policy)
        return True

    def _end(self) -> None:
        """Stop the worker, close the log, then everything else, within two seconds."""
        parts = self._parts
        parts.notifier.send("STOPPING=1")
        self._moving.plans.stop()
        parts.modes.stop()
        parts.worker.stop(STOP_S)
        booked = parts.recorder.ok and self._book_the_rest()
        with suppress(NotRecordedError):
            for seq in sorted(self._act_seqs):
                parts.recorder.result(self._act_seqs[seq], "stopped", None, 0)
        self._window.stop(self._state, self._policy, booked=booked)
        why = "defect" if self._defect else "stopped" if parts.worker.refused is None else "refused"
        parts.recorder.close(why if booked else UNBOOKED)
        if parts.api is not None:
            parts.api.stop()
        parts.slow.stop()
        parts.senses.station.close()

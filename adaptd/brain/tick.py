"""The whole brain: ``Brain(policy, profile, facts).step(state, snapshot) -> (state, verdict)``; no clock, no disk, no coin.

``estimate`` says what is believed, ``decide`` what to do about it; only this file knows both.
"""

from dataclasses import dataclass, replace

from adaptd.brain import going_on, pricing
from adaptd.brain.decide import carryover as memory
from adaptd.brain.decide import decision, safety, shadowing, shortfall
from adaptd.brain.decide.inputs import Inputs
from adaptd.brain.decide.words import explain
from adaptd.brain.estimate import account as loss
from adaptd.brain.estimate import account_table, bands, battery, foresight, light, pace, power, scene_guard, tail, thermal
from adaptd.brain.estimate import window as spans
from adaptd.brain.judge import judge
from adaptd.brain.tables import ByMode, Tables, tables
from adaptd.config.cells import band_of
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import (
    POWER,
    TEMPERATURE,
    BandStatement,
    Lowered,
    MissingReason,
    Mode,
    ModeFigures,
    OperatingPoint,
    Snapshot,
    Stretch,
    VariantFacts,
    Verdict,
)

__all__ = ["Brain", "State", "believed", "explain", "statements"]

MAX_STEP_S = 3600.0
MIN_STEP_S = 0.001
UNHEARD_US = 2_000_000  # of service that a run which is cut short may have left unrecorded


@dataclass(frozen=True, slots=True)
class State:
    """Everything that one decision hands to the next: integers, words and tuples only, so that a log can carry it."""

    now_us: int
    seed: int
    mode: Mode
    point: OperatingPoint
    band: str
    facts: tuple[VariantFacts, ...]
    senses: judge.Memory
    split: power.Split
    heat: thermal.Heat
    paces: tuple[pace.Pace, ...]
    guards: tuple[scene_guard.Guard, ...]
    account: loss.Account
    spent: shadowing.Spent
    watch: safety.Watch
    held: memory.Carryover
    window: spans.Window
    metered: bool = False
    charge: battery.Belief | None = None
    lowered: Lowered | None = None
    stalls: tail.Tail | None = None
    brightness: light.Light | None = None


def statements(state: State, policy: Policy) -> tuple[BandStatement, ...]:
    """What the log says of the window in force if it ends now, one statement for each band in which anything was delivered."""
    return loss.statements(account_table.rules(policy), state.account)


@dataclass(slots=True)
class Beliefs:
    """What is believed after the last interval, and what follows from it for this tick."""

    split: power.Split
    draw: power.Draw
    heat: thermal.Heat
    outlook: thermal.Outlook
    paces: tuple[pace.Pace, ...]
    guards: tuple[scene_guard.Guard, ...]
    account: loss.Account
    closed: tuple[BandStatement, ...]
    spent: shadowing.Spent
    watch: safety.Watch
    window: spans.Window
    meterless: bool
    charge: battery.Belief | None
    stalls: tail.Tail | None


class Brain:
    """The brain of one policy, profile and bundle: what follows from them alone is made once, in ``tables``.

    Pure but for that: a state goes in with a snapshot, and the next state comes out with the verdict. ``figures``: by power mode.

    Raises:
        ValueError: ``facts`` does not hold the policy's reference.
    """

    state_type = State

    def __init__(
        self,
        policy: Policy,
        profile: HardwareProfile,
        facts: tuple[VariantFacts, ...],
        figures: tuple[ModeFigures, ...] = (),
    ) -> None:
        if policy.reference not in [fact.name for fact in facts]:
            raise ValueError(f"policy {policy.name}: the bundle has no facts of the reference {policy.reference!r}, qualify it")
        self.policy, self.profile, self.facts = policy, profile, facts
        self.tables = tables(policy, profile, facts)
        self._modes = ByMode(self.tables, policy, facts, figures)

    def start(self, seed: int, now_us: int) -> State:
        """The state before the first snapshot: the reference at its target rate, known is what bundle and profile say."""
        policy, profile, facts, table = self.policy, self.profile, self.facts, self.tables
        return State(
            now_us=now_us,
            seed=seed,
            mode=Mode.REFERENCE,
            point=OperatingPoint(policy.reference, policy.target_mfps),
            band=bands.UNKNOWN,
            facts=facts,
            senses=judge.Memory(),
            split=power.start(profile.idle_power_mw, len(facts)),
            heat=thermal.start(table.columns, profile),
            paces=(pace.Pace(),) * len(facts),
            guards=scene_guard.start(policy, facts),
            account=loss.start(table.rules, table.cells, now_us),
            spent=shadowing.Spent(now_us // shadowing.HOUR_US),
            watch=safety.Watch(),
            held=memory.Carryover(now_us - table.frame.dwell_us, policy.target_mfps, claim=table.frame.claim),
            window=spans.Window(),
        )

    def adopt(self, state: State) -> State:
        """The state of another brain under this configuration: what stays true is kept, the rest starts anew.

        A latched fault is cleared; that of a power mode only under the same facts, for then a person has reloaded the policy.

        The window of the loss account goes on while what it promises is the same; else a new one opens, without a loan, so that
        reloading a policy never buys credit. ``statements`` says beforehand what the old one ends with.
        """
        new, table, policy, facts = self.start(state.seed, state.now_us), self.tables, self.policy, self.facts
        same = table.frame.claim == state.held.claim
        number = state.account.number + 1
        return replace(
            new,
            held=new.held._replace(hot=state.held.hot, shift=None if facts == state.facts else state.held.shift),
            band=state.band if any(band.name == state.band for band in policy.bands) else bands.UNKNOWN,
            senses=state.senses,
            brightness=state.brightness,
            split=state.split if facts == state.facts else new.split,
            heat=state.heat if len(state.heat.z) == len(new.heat.z) else new.heat,
            paces=state.paces if facts == state.facts else new.paces,
            guards=state.guards if same and facts == state.facts else new.guards,
            account=state.account if same else loss.start(table.rules, table.cells, state.now_us, number, loan=False),
            spent=state.spent,
            charge=state.charge,
            lowered=state.lowered,
            stalls=state.stalls,
        )

    def resume(self, old: State, seed: int, now_us: int, unseen: tuple[Stretch, ...] = (), *, clean: bool = True) -> State:
        """The state after a restart: the window of the loss account and what was learned of the board go on (``going_on``).

        ``unseen`` is what the log holds of frames served after ``old``. Where the run did not end cleanly, an efficient variant
        that was serving may have served UNHEARD_US more, which count as lost. Nobody knows how long the device was off, so the
        window and the shadow budget go on as if it had been no time at all. Under another limit, confidence, window or set of
        bands a new window opens without a loan: restarting never buys credit.
        """
        table, policy, facts = self.tables, self.policy, self.facts
        new = replace(self.start(seed, now_us), charge=battery.resume(old.charge, now_us - old.now_us))
        if facts == old.facts and len(old.heat.z) == len(new.heat.z):
            gap = going_on.gap_us(old.now_us, now_us)
            before, fresh = (going_on.Known(one.split, one.heat, one.paces) for one in (old, new))
            known = going_on.kept(table.book, table.columns, before, fresh, unseen, gap)
            hot = old.held.hot and gap is not None
            new = replace(new, split=known.split, heat=known.heat, paces=known.paces, held=new.held._replace(hot=hot))
        if old.held.shift is not None and old.held.shift.off is not None:  # a restart is no person who has looked
            new = replace(new, held=new.held._replace(shift=old.held.shift._replace(since_us=now_us)))
        spent = old.spent._replace(hour=new.spent.hour)
        if table.frame.claim != old.held.claim:
            number = old.account.number + 1
            return replace(new, spent=spent, account=loss.start(table.rules, table.cells, now_us, number, loan=False))
        window = loss.observe(table.rules, old.account, unseen, policy.reference)
        served = [stretch.band for stretch in unseen if stretch.variant != policy.reference]
        served += [old.band] if old.point.variant != policy.reference and not served else []
        if served and not clean:
            frames = policy.target_mfps * policy.streams * UNHEARD_US // 1_000_000_000 + 1
            window = loss.unheard(window, band_of(served[-1]), frames)
        window = loss.resume(window, now_us - old.now_us)
        return replace(new, spent=spent, account=window, guards=old.guards if facts == old.facts else new.guards)

    def step(self, state: State, snapshot: Snapshot) -> tuple[State, Verdict]:
        """One decision. Pure: the same arguments give the same bytes on every machine."""
        table, policy, modes = self.tables, self.policy, None
        if snapshot.power_mode is not None:
            table, modes = self._modes.follow(state.held.shift, snapshot.power_mode, snapshot.now_us)
            if state.held.shift is not None:
                before_mw, idle_mw = state.held.shift.idle_mw, modes.memory.idle_mw
                state = replace(state, split=power.moved(state.split, idle_mw - before_mw if before_mw else 0))
        heard, senses = judge.judge(state.senses, snapshot, table.judging)
        beliefs = _believe(table, state, snapshot, senses, policy)
        brightness = light.observe(state.brightness or light.NOTHING, senses.light_mlx, heard.light)
        band = bands.follow(table.bands, state.band, light.between(brightness, senses.judged[2]))
        sight = _sight(table, state, snapshot, senses, beliefs, policy, band)
        sight.modes = modes
        verdict, held = decision.decide(sight, policy, table.frame)
        verdict = replace(verdict, closed=beliefs.closed) if beliefs.closed else verdict
        watch = beliefs.watch
        if verdict.point is not state.point and verdict.point != state.point:
            from_mw = pricing.book_mw(table.book, beliefs.paces, state.point, state.held.shadow_ppm)
            step_mw = pricing.book_mw(table.book, beliefs.paces, verdict.point, verdict.shadow_ppm) - from_mw
            watch = safety.expect(watch, senses.power_mw, step_mw, int(beliefs.draw.noise_w * 1000), snapshot.now_us)
        after = State(
            now_us=snapshot.now_us,
            seed=state.seed,
            mode=verdict.mode,
            point=verdict.point,
            band=verdict.band,
            facts=state.facts,
            senses=heard._replace(
                predicted_mw=verdict.predicted_mw,
                frames_mw=pricing.frames_mw(table.book, beliefs.paces, beliefs.draw.scales, verdict.point),
            ),
            split=beliefs.split,
            heat=beliefs.heat,
            paces=beliefs.paces,
            guards=beliefs.guards,
            account=beliefs.account,
            spent=beliefs.spent,
            watch=watch,
            held=held,
            window=spans.under(beliefs.window, sight.budget_mw),
            metered=state.metered or senses.power_mw is not None,
            charge=beliefs.charge,
            lowered=verdict.lowered,
            stalls=beliefs.stalls,
            brightness=brightness,
        )
        return after, verdict


def _believe(table: Tables, state: State, snapshot: Snapshot, senses: judge.Senses, policy: Policy) -> Beliefs:
    """Take in what the last interval showed: the engines' pace first, since it prices the load that power is split by."""
    now_us, worker = snapshot.now_us, snapshot.worker
    dt_s = min(MAX_STEP_S, max(MIN_STEP_S, (now_us - state.now_us) / 1e6))
    stalls, calm = pricing.stalls(table.book, state.paces, state.stalls, worker.served)
    paces = pace.observe(state.paces, calm, table.book.names, table.book.book_us, int(dt_s * 1e6))
    paces = pace.corrected(paces, worker.tested, table.book.names, table.book.book_us)
    loads = pricing.loads(table.book, paces, worker, state.held.shadow_ppm, dt_s)
    meterless = not state.metered and not any(one.quantity == POWER for one in snapshot.raw)
    factors = [one.factor_ppm / 1e6 for one in paces]
    split, draw = power.observe(state.split, loads, senses.power_mw, dt_s, meterless=meterless, paces=factors)
    spent_in = spans.book(state.window, policy.budget_window_us, draw.drawn_w, dt_s, now_us)
    heat, outlook = thermal.observe(state.heat, table.columns, table.ahead_s, draw.drawn_w, senses.temperature_mc, dt_s)
    guards = scene_guard.absorb(state.guards, worker.shadows, table.rules.limit_ppm)
    window, closed = loss.turn(table.rules, state.account, state.band, table.cells, table.reference, worker, now_us)
    taken = worker.point is state.point or worker.point == state.point or state.point.variant in worker.quarantined
    taken = taken or now_us - state.now_us >= table.lease_us  # nobody has renewed the setpoint, so it has run out
    stored_mk = int(outlook.stored_k * 1000)
    seen = safety.Seen(now_us, worker.alive, taken, senses.power_mw, senses.temperature_mc, stored_mk)
    spent = shadowing.spend(state.spent, worker.shadow_frames, now_us)
    return Beliefs(
        split=split,
        draw=draw,
        heat=heat,
        outlook=outlook,
        paces=paces,
        guards=guards,
        account=window,
        closed=closed,
        spent=spent,
        watch=safety.verify(state.watch, seen),
        window=spent_in,
        meterless=meterless,
        charge=battery.observe(state.charge, snapshot.battery, table.label_uj, draw.drawn_w, dt_s, now_us),
        stalls=stalls,
    )


def _sight(
    table: Tables, state: State, snapshot: Snapshot, senses: judge.Senses, beliefs: Beliefs, policy: Policy, band: str
) -> Inputs:
    """What the decision looks at."""
    outlook, draw = beliefs.outlook, beliefs.draw
    temperature, power, light = senses.judged
    no_light = light.reason or (MissingReason.BETWEEN if band == bands.UNKNOWN else None)
    thin_ppm = table.rules.shares[-1] if table.rules.shares else 0
    to_look = shadowing.free(beliefs.spent, policy.shadow_ppm, thin_ppm, table.frame.rate_mfps)
    lean, budget_mw = to_look <= 0, pricing.budget_mw(snapshot, policy)
    offer = loss.offer(table.rules, beliefs.account, band, table.ahead_frames, lean=lean)
    shut = None if offer.frames else loss.shortage(table.rules, beliefs.account, band, table.ahead_frames, lean=lean)
    if table.later is not None and foresight.waits(table.later, table.rules, beliefs.account, offer, to_look):
        offer, shut = loss.CLOSED, foresight.shortage(table.rules, beliefs.account, band, table.ahead_frames)
    return Inputs(
        now_us=snapshot.now_us,
        mode=Mode.REFERENCE if state.mode is Mode.FAULT and not beliefs.watch.fault else state.mode,
        point=state.point,
        band=band,
        unknown=(temperature.reason or (MissingReason.DOUBTED if outlook.risen else None), power.reason, no_light),
        temperature_mc=senses.temperature_mc,
        believed_k=outlook.now_k,
        believed_sd_k=outlook.sd_k,
        ahead=outlook.ahead,
        base_w=draw.base_w,
        drawn_w=draw.drawn_w,
        options=pricing.options(table.book, draw, beliefs.paces, meterless=beliefs.meterless, known=beliefs.stalls),
        guards=beliefs.guards,
        offer=offer,
        shut=shut,
        standing=loss.standing(beliefs.account),
        to_look=to_look,
        worker=snapshot.worker,
        log_ok=snapshot.log_ok,
        budget_mw=budget_mw,
        watch=beliefs.watch,
        held=state.held,
        facts=state.facts,
        average_w=pricing.average_w(beliefs.window, budget_mw, policy),
        meterless=beliefs.meterless,
        modelled=outlook.modelled and not power.reason,  # heat is modelled from power: blind to both there is no model
        unwatched=table.unwatched and not any(one.quantity == TEMPERATURE for one in snapshot.raw),
        dt_s=min(MAX_STEP_S, max(MIN_STEP_S, (snapshot.now_us - state.now_us) / 1e6)),
        judged=senses.judged,
        goal=snapshot.goal or table.frame.goal,
        charge=beliefs.charge,
        lowered=shortfall.lowered(state.lowered, snapshot.budget_mw, snapshot.budget_by, policy.budget_mw, snapshot.now_us),
        stale=table.stale,
        measured_w=None if senses.power_mw is None else senses.power_mw / 1000.0,
        rise_w=(draw.fresh_w, draw.ramp_w),
    )


def believed(state: State) -> tuple[int, int]:
    """The temperature (mc) and the power (mw) that the state believed in at its last step."""
    return thermal.believed_mc(state.heat), state.split.drawn_mw

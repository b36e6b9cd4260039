"""The whole brain: ``step(state, snapshot, policy, profile) -> (state, verdict)``, without a clock, a disk or a coin.

``estimate`` says what is believed, ``decide`` what to do about it; only this file knows both.
"""

from dataclasses import dataclass, replace

from adaptd.brain.decide import carryover as memory
from adaptd.brain.decide import decision as brain
from adaptd.brain.decide import freshness, safety, shadowing
from adaptd.brain.decide.decision import Sight
from adaptd.brain.decide.planner import Option
from adaptd.brain.decide.words import explain
from adaptd.brain.estimate import accuracy, bands, gauge, pace, power, thermal
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import Mode, OperatingPoint, Snapshot, Telemetry, VariantFacts, Verdict

__all__ = ["State", "adopt", "believed", "explain", "start", "step"]

HORIZONS_S = (1.0, 6.0)
TEMPERATURE_STEP_MC = 4_000  # what noise may move a reading between two looks, whatever the time between them
MAX_STEP_S = 3600.0
MIN_STEP_S = 0.001


@dataclass(frozen=True, slots=True)
class State:
    """Everything that one decision hands to the next: integers, words and tuples only, so that a log can carry it."""

    now_us: int
    seed: int
    mode: Mode
    point: OperatingPoint
    band: str
    facts: tuple[VariantFacts, ...]
    temperature: gauge.Gauge
    rail: gauge.Gauge
    light: gauge.Gauge
    split: power.Split
    heat: thermal.Heat
    paces: tuple[pace.Pace, ...]
    proofs: tuple[accuracy.Proof, ...]
    spent: shadowing.Spent
    watch: safety.Watch
    held: memory.Carryover


@dataclass(frozen=True, slots=True)
class Tables:
    """What follows from policy, profile and facts alone."""

    columns: thermal.Columns
    ahead_s: thermal.Horizons
    rules: accuracy.Rules
    frame: brain.Frame
    temperature: gauge.Limits
    power: gauge.Limits
    light: gauge.Limits
    names: tuple[str, ...]
    book_us: tuple[int, ...]
    joules: tuple[float, ...]
    most_w: tuple[float, ...]
    lease_us: int
    beside: tuple[int, ...]


_last: tuple[Policy, HardwareProfile, tuple[VariantFacts, ...], Tables] | None = None


def _tables(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> Tables:
    """The tables, kept for the very objects they were made from (which are frozen, so this is a pure function)."""
    global _last  # noqa: PLW0603 - a cache of a pure function
    kept = _last
    if kept is not None and kept[0] is policy and kept[1] is profile and kept[2] is facts:
        return kept[3]
    made = _make_tables(policy, profile, facts)
    _last = (policy, profile, facts, made)
    return made


def _make_tables(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> Tables:
    columns = thermal.columns(profile)
    names = tuple(fact.name for fact in facts)
    stale = policy.stale_after_us
    reference = names.index(policy.reference)
    tested = next((names.index(name) for name in policy.efficient if name in names), reference)
    unsupported = frozenset(one.name for one in profile.precisions if one.gains == "unsupported")
    return Tables(
        columns=columns,
        ahead_s=thermal.horizons(columns, HORIZONS_S),
        rules=accuracy.rules(policy),
        frame=brain.frame(policy, brain.dwell_us(profile), unsupported),
        temperature=gauge.Limits(stale, *profile.range_mc, profile.max_slew_mc_per_s, TEMPERATURE_STEP_MC),
        power=gauge.Limits(stale, *profile.range_mw),
        light=gauge.Limits(stale, *profile.range_mlx, zero_is_real=True, may_freeze_below=policy.bands[0].up_at_mlx),
        names=names,
        book_us=tuple(max(1, fact.latency_us) for fact in facts),
        joules=tuple(max(1, fact.energy_uj) / 1e6 for fact in facts),
        most_w=tuple(float(max(1, fact.energy_uj)) / float(max(1, fact.latency_us)) for fact in facts),
        lease_us=min(policy.efficient_lease_us, policy.reduced_lease_us),
        beside=tuple(reference if at != reference else tested for at in range(len(names))),
    )


def start(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...], seed: int, now_us: int) -> State:
    """The state before the first snapshot: the reference at its target rate, nothing known but what bundle and profile say.

    Raises:
        ValueError: ``facts`` does not hold the policy's reference.
    """
    if policy.reference not in [fact.name for fact in facts]:
        raise ValueError(f"policy {policy.name}: the bundle has no facts of the reference {policy.reference!r}, qualify it")
    table = _tables(policy, profile, facts)
    return State(
        now_us=now_us,
        seed=seed,
        mode=Mode.REFERENCE,
        point=OperatingPoint(policy.reference, policy.target_mfps),
        band=bands.UNKNOWN,
        facts=facts,
        temperature=gauge.Gauge(),
        rail=gauge.Gauge(),
        light=gauge.Gauge(),
        split=power.start(profile.idle_power_mw, len(facts)),
        heat=thermal.start(table.columns, profile),
        paces=(pace.Pace(),) * len(facts),
        proofs=accuracy.start(table.rules, policy, facts, {}),
        spent=shadowing.Spent(now_us // shadowing.HOUR_US),
        watch=safety.Watch(),
        held=memory.Carryover(now_us - table.frame.dwell_us, policy.target_mfps, claim=table.frame.claim),
    )


def adopt(state: State, policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> State:
    """The state under a new policy, profile or bundle: what stays true is kept, the rest starts anew; a latched fault is cleared.

    Evidence is kept only while limit, confidence, bands and bundle are what it was gathered under. Where they changed it
    begins again as the next attempt of each band and variant, so that reloading a policy never buys a fresh chance of error.
    """
    new = start(policy, profile, facts, state.seed, state.now_us)
    table = _tables(policy, profile, facts)
    same = facts == state.facts and table.frame.claim == state.held.claim
    held, before = new.held._replace(hot=state.held.hot), state.held
    if same:
        held = held._replace(grant=before.grant, granted_at_us=before.granted_at_us, lapsed=before.lapsed)
    return replace(
        new,
        held=held,
        band=state.band if any(band.name == state.band for band in policy.bands) else bands.UNKNOWN,
        temperature=state.temperature,
        rail=state.rail,
        light=state.light,
        split=state.split if facts == state.facts else new.split,
        heat=state.heat if len(state.heat.z) == len(new.heat.z) else new.heat,
        paces=state.paces if facts == state.facts else new.paces,
        proofs=state.proofs if same else accuracy.start(table.rules, policy, facts, _used(state, policy)),
        spent=state.spent,
    )


def resume(
    old: State, policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...], seed: int, now_us: int
) -> State:
    """The state after a restart: the evidence of the last run goes on, everything that time has overtaken starts anew.

    Evidence that was gathered under another limit, confidence, band or bundle begins again as the next attempt, so that
    restarting never buys a fresh chance of error. Nobody knows how long the device was off, so leases and the shadow budget
    go on as if it had been no time at all.
    """
    new = start(policy, profile, facts, seed, now_us)
    table = _tables(policy, profile, facts)
    new = replace(new, spent=old.spent._replace(hour=new.spent.hour))
    if facts == old.facts and table.frame.claim == old.held.claim:
        ended = freshness.ended(old.held, old.proofs, old.now_us, policy.efficient_lease_us)
        lapsed = tuple((name, now_us - (old.now_us - since_us)) for name, since_us in ended)
        proofs = tuple(proof._replace(last_at_us=None) for proof in old.proofs)
        return replace(new, proofs=proofs, held=new.held._replace(lapsed=lapsed))
    return replace(new, proofs=accuracy.start(table.rules, policy, facts, _used(old, policy)))


def _used(old: State, policy: Policy) -> dict[tuple[str, str], int]:
    """Attempts that count as used under a new claim: the most that any pair has used, since bands may have changed names.

    An attempt that has seen no frame has had no chance to err, and is not used.
    """
    used = max([proof.attempt + (proof.word.samples > 0) for proof in old.proofs], default=0)
    return {(band.name, name): used for band in policy.bands for name in policy.efficient}


@dataclass(slots=True)
class Senses:
    """The three gauges after their readings, the believed values, and why not (empty when believed)."""

    temperature: gauge.Gauge
    rail: gauge.Gauge
    light: gauge.Gauge
    temperature_mc: int | None
    power_mw: int | None
    light_mlx: int | None
    unknown: tuple[str, str, str]


@dataclass(slots=True)
class Beliefs:
    """What is believed after the last interval, and what follows from it for this tick."""

    split: power.Split
    draw: power.Draw
    heat: thermal.Heat
    outlook: thermal.Outlook
    paces: tuple[pace.Pace, ...]
    proofs: tuple[accuracy.Proof, ...]
    spent: shadowing.Spent
    watch: safety.Watch


def step(state: State, snapshot: Snapshot, policy: Policy, profile: HardwareProfile) -> tuple[State, Verdict]:
    """One decision. Pure: the same arguments give the same bytes on every machine."""
    table = _tables(policy, profile, state.facts)
    senses = _sense(table, state, snapshot)
    beliefs = _believe(table, state, snapshot, senses)
    verdict, held = brain.decide(_sight(table, state, snapshot, senses, beliefs, policy), policy, table.frame)
    watch = beliefs.watch
    if verdict.point != state.point:
        step_mw = _book_mw(table, beliefs.paces, verdict.point) - _book_mw(table, beliefs.paces, state.point)
        watch = safety.expect(watch, senses.power_mw, step_mw, int(beliefs.draw.noise_w * 1000), snapshot.now_us)
    after = State(
        now_us=snapshot.now_us,
        seed=state.seed,
        mode=verdict.mode,
        point=verdict.point,
        band=verdict.band,
        facts=state.facts,
        temperature=senses.temperature,
        rail=senses.rail,
        light=senses.light,
        split=beliefs.split,
        heat=beliefs.heat,
        paces=beliefs.paces,
        proofs=beliefs.proofs,
        spent=beliefs.spent,
        watch=watch,
        held=held,
    )
    return after, verdict


def _sense(table: Tables, state: State, snapshot: Snapshot) -> Senses:
    now_us = snapshot.now_us
    temperature, temperature_mc, no_temperature = gauge.read(state.temperature, snapshot.temperature, now_us, table.temperature)
    rail, power_mw, no_power = gauge.read(state.rail, snapshot.power, now_us, table.power)
    light, light_mlx, no_light = gauge.read(state.light, snapshot.light, now_us, table.light)
    return Senses(temperature, rail, light, temperature_mc, power_mw, light_mlx, (no_temperature, no_power, no_light))


def _believe(table: Tables, state: State, snapshot: Snapshot, senses: Senses) -> Beliefs:
    """Take in what the last interval showed: the engines' pace first, since it prices the load that power is split by."""
    now_us, worker = snapshot.now_us, snapshot.worker
    dt_s = min(MAX_STEP_S, max(MIN_STEP_S, (now_us - state.now_us) / 1e6))
    paces = pace.observe(state.paces, worker.served, table.names, table.book_us, int(dt_s * 1e6))
    loads = _loads(table, paces, worker, state.held.shadow_ppm, dt_s)
    split, draw = power.observe(state.split, loads, senses.power_mw, dt_s)
    heat, outlook = thermal.observe(state.heat, table.columns, table.ahead_s, draw.drawn_w, senses.temperature_mc, dt_s)
    proofs = accuracy.absorb(table.rules, state.proofs, worker.shadows, now_us) if snapshot.log_ok else state.proofs
    taken = worker.point == state.point or state.point.variant in worker.quarantined
    taken = taken or now_us - state.now_us >= table.lease_us  # nobody has renewed the setpoint, so it has run out
    stored_mk = int(outlook.stored_k * 1000)
    seen = safety.Seen(now_us, worker.alive, taken, senses.power_mw, senses.temperature_mc, stored_mk)
    spent = shadowing.spend(state.spent, worker.shadow_frames, now_us)
    return Beliefs(split, draw, heat, outlook, paces, proofs, spent, safety.verify(state.watch, seen))


def _sight(table: Tables, state: State, snapshot: Snapshot, senses: Senses, beliefs: Beliefs, policy: Policy) -> Sight:
    """What the decision looks at."""
    outlook, draw = beliefs.outlook, beliefs.draw
    no_temperature, no_power, no_light = senses.unknown
    return Sight(
        now_us=snapshot.now_us,
        mode=state.mode,
        point=state.point,
        band=bands.follow(policy.bands, state.band, senses.light_mlx),
        unknown=(no_temperature or ("doubted" if outlook.risen else ""), no_power, no_light),
        temperature_mc=senses.temperature_mc,
        believed_k=outlook.now_k,
        believed_sd_k=outlook.sd_k,
        ahead=outlook.ahead,
        base_w=draw.base_w,
        drawn_w=draw.drawn_w,
        options=_options(table, draw, beliefs.paces),
        proofs=beliefs.proofs,
        spent=beliefs.spent,
        worker=snapshot.worker,
        log_ok=snapshot.log_ok,
        budget_mw=snapshot.budget_mw if snapshot.budget_mw is not None else policy.budget_mw,
        watch=beliefs.watch,
        held=state.held,
        facts=state.facts,
    )


def believed(state: State) -> tuple[int, int]:
    """The temperature (mc) and the power (mw) that the state believed in at its last step."""
    return thermal.believed_mc(state.heat), state.split.drawn_mw


def _loads(table: Tables, paces: tuple[pace.Pace, ...], worker: Telemetry, share_ppm: int, dt_s: float) -> list[float]:
    """Watts that each variant drew by the book in the last interval, shadow frames on the other engine included.

    Shadow frames count at the share that was asked for, not as drawn: a few whole frames in a short interval are mostly luck, and
    a regression on luck learns too small an energy. Frames that were counted in an interval too short for them were computed
    before it: an engine never draws more than it does when it computes all the time.
    """
    frames = [0.0] * len(paces)
    names = table.names
    for served in worker.served:
        if served.variant in names:
            at = names.index(served.variant)
            frames[at] += served.frames
            if share_ppm:
                frames[table.beside[at]] += served.frames * share_ppm / 1e6
    return [
        min(frames[at] * joules * one.factor_ppm / (1e6 * dt_s), most)
        for at, (joules, most, one) in enumerate(zip(table.joules, table.most_w, paces, strict=True))
    ]


def _book_mw(table: Tables, paces: tuple[pace.Pace, ...], point: OperatingPoint) -> int:
    """What the frames of a point draw by the bundle's book: the watchers trust that more than what was learned since."""
    at = table.names.index(point.variant)
    return int(table.joules[at] * paces[at].factor_ppm * point.fps_mfps / 1e6)


def _options(table: Tables, draw: power.Draw, paces: tuple[pace.Pace, ...]) -> list[Option]:
    """Every variant as believed now."""
    found = []
    for at, (name, joules, book, one) in enumerate(zip(table.names, table.joules, table.book_us, paces, strict=True)):
        slow = one.factor_ppm / 1e6
        a, b, c = draw.doubts[at]
        nominal = joules * slow
        doubt = (a, b * nominal, c * nominal * nominal)
        found.append(Option(name, draw.scales[at] * nominal, book * slow, one.scatter_ppm / 1e6, doubt))
    return found

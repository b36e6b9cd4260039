"""What a policy would do over the plane of temperature and light: computed with the very step that the daemon runs.

Each column starts from a board that has settled at its temperature and knows itself well; each row is a light. A dozen decisions
are made there and the last ones averaged, so that served-in-turns levels show as the rate between them.
"""

from dataclasses import dataclass, replace

from adaptd.brain import tick
from adaptd.brain.estimate.fixed import ONE, store
from adaptd.config.policy import LightBand, Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import QUANTITIES, Mode, RawReading, Served, Snapshot, Stretch, Telemetry, VariantFacts, Verdict

COLUMNS = 60
STEPS, SHOWN = 16, 8
KNOWN = 10_000  # a settled belief's variance is the first guess's over this
DELIVERED = 1_000_000  # frames delivered before in every band, all by the reference: credit is not what is shown here


@dataclass(frozen=True, slots=True)
class Cell:
    """What is done at one temperature in one light: engine, average rate, mode, and the last verdict's rule."""

    variant: str
    mfps: int
    mode: Mode
    rule: str


@dataclass(frozen=True, slots=True)
class Plane:
    """Rows are light bands from bright to dark, columns temperatures; ``cells[row][column]``."""

    policy: Policy
    profile: HardwareProfile
    temperatures_mc: tuple[int, ...]
    bands: tuple[LightBand, ...]
    cells: tuple[tuple[Cell, ...], ...]


def survey(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> Plane:
    """The whole plane, from 10 K below ``resume_c`` to 3 K above ``critical_c``."""
    low, high = policy.resume_mc - 10_000, policy.critical_mc + 3_000
    temperatures = tuple(low + (high - low) * column // (COLUMNS - 1) for column in range(COLUMNS))
    bands = tuple(reversed(policy.bands))
    rows = tuple(tuple(_cell(policy, profile, facts, mc, light_of(band)) for mc in temperatures) for band in bands)
    return Plane(policy, profile, temperatures, bands, rows)


def light_of(band: LightBand) -> int:
    """A light that lies in this band alone: the geometric middle, or a factor of two beyond an open edge."""
    if band.up_at_mlx is None:
        return 2 * (band.down_at_mlx or 1000) * 2
    if band.down_at_mlx is None:
        return band.up_at_mlx // 4
    return int((band.down_at_mlx * band.up_at_mlx) ** 0.5)


def _cell(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...], temperature_mc: int, light_mlx: int) -> Cell:
    energies = {fact.name: fact.energy_uj for fact in facts}
    brain = tick.Brain(policy, profile, facts)
    state = settled(brain, temperature_mc)
    rates, verdict = [], None
    for second in range(1, STEPS + 1):
        point = state.point
        power_mw = profile.idle_power_mw + energies[point.variant] * point.fps_mfps // 1_000_000
        snapshot = _snapshot(second, temperature_mc, power_mw, light_mlx, _worker(state, facts, policy.reference))
        state, verdict = brain.step(state, snapshot)
        rates.append(verdict.point.fps_mfps)
        state = replace(state, heat=settled(brain, temperature_mc).heat)
    if not isinstance(verdict, Verdict):
        raise TypeError("no decision was made")
    return Cell(verdict.point.variant, sum(rates[-SHOWN:]) // SHOWN, verdict.mode, verdict.rule)


def settled(brain: tick.Brain, temperature_mc: int) -> tick.State:
    """A controller that has long known this board, at this temperature, in a window in which the reference has served long."""
    state = brain.start(0, 0)
    heat, split = state.heat, state.split
    rise = sum(stored * gain / ONE for stored, gain in zip(heat.z, heat.mean[2:], strict=True)) / ONE
    mean = (*store([temperature_mc / 1000 - rise]), *heat.mean[1:])
    known = heat._replace(mean=mean, cov=tuple(value // KNOWN for value in heat.cov), age_us=10**11)
    bands = tuple(one._replace(delivered=DELIVERED) for one in state.account.bands)
    split = split._replace(cov=tuple(value // KNOWN for value in split.cov))
    return replace(state, heat=known, split=split, account=state.account._replace(bands=bands))


def _worker(state: tick.State, facts: tuple[VariantFacts, ...], reference: str) -> Telemetry:
    """A second of frames as they were asked for: all in time, and no shadow frame differs."""
    point, share_ppm = state.point, state.held.shadow_ppm
    frames = point.fps_mfps // 1000
    if not frames:
        return Telemetry(True, point)
    latency = next(fact.latency_us for fact in facts if fact.name == point.variant)
    served = Served(point.variant, frames, frames * latency, latency * 21 // 20)
    shadowed = 0 if point.variant == reference else frames * share_ppm // 1_000_000
    first = state.account.last_frame + 1
    told = Stretch(state.band, point.variant, share_ppm, frames, shadowed=shadowed, first=first, last=first + frames - 1)
    return Telemetry(True, point, frames, shadow_frames=shadowed, served=(served,), stretches=(told,))


def _snapshot(second: int, temperature_mc: int, power_mw: int, light_mlx: int, worker: Telemetry) -> Snapshot:
    said = zip((temperature_mc, power_mw, light_mlx), QUANTITIES, strict=True)
    raw = tuple(RawReading(value, 0, second, "plane", quantity, simulated=True) for value, quantity in said)
    return Snapshot(second * 1_000_000, raw, worker)

"""What a policy would do over the plane of temperature and light: computed with the very step that the daemon runs.

Each column starts from a board that has settled at its temperature and knows itself well; each row is a light. A dozen decisions
are made there and the last ones averaged, so that served-in-turns levels show as the rate between them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from adaptd.brain import tick
from adaptd.brain.estimate.fixed import ONE, store
from adaptd.config.policy import LightBand, Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import (
    QUANTITIES,
    Mode,
    OperatingPoint,
    RawReading,
    Served,
    Shadow,
    Snapshot,
    Telemetry,
    VariantFacts,
    Verdict,
)

COLUMNS = 60
STEPS, SHOWN = 16, 8
KNOWN = 10_000  # a settled belief's variance is the first guess's over this


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


def survey(
    policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...], progress: Callable[[int], None] = lambda _: None
) -> Plane:
    """The whole plane, from 10 K below ``resume_c`` to 3 K above ``critical_c``."""
    low, high = policy.resume_mc - 10_000, policy.critical_mc + 3_000
    temperatures = tuple(low + (high - low) * column // (COLUMNS - 1) for column in range(COLUMNS))
    rows = []
    for band in reversed(policy.bands):
        rows.append(tuple(_cell(policy, profile, facts, mc, light_of(band)) for mc in temperatures))
        progress(len(rows))
    return Plane(policy, profile, temperatures, tuple(reversed(policy.bands)), tuple(rows))


def light_of(band: LightBand) -> int:
    """A light that lies in this band alone: the geometric middle, or a factor of two beyond an open edge."""
    if band.up_at_mlx is None:
        return 2 * (band.down_at_mlx or 1000) * 2
    if band.down_at_mlx is None:
        return band.up_at_mlx // 4
    return int((band.down_at_mlx * band.up_at_mlx) ** 0.5)


def _cell(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...], temperature_mc: int, light_mlx: int) -> Cell:
    energies = {fact.name: fact.energy_uj for fact in facts}
    state = settled(policy, profile, facts, temperature_mc)
    rates, verdict = [], None
    for second in range(1, STEPS + 1):
        point = state.point
        power_mw = profile.idle_power_mw + energies[point.variant] * point.fps_mfps // 1_000_000
        snapshot = _snapshot(second, temperature_mc, power_mw, light_mlx, _worker(point, facts, state.band, second))
        state, verdict = tick.step(state, snapshot, policy, profile)
        rates.append(verdict.point.fps_mfps)
        state = replace(state, heat=settled(policy, profile, facts, temperature_mc).heat)
    if not isinstance(verdict, Verdict):
        raise TypeError("no decision was made")
    return Cell(verdict.point.variant, sum(rates[-SHOWN:]) // SHOWN, verdict.mode, verdict.rule)


def settled(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...], temperature_mc: int) -> tick.State:
    """A controller that has long known this board, at this temperature."""
    state = tick.start(policy, profile, facts, 0, 0)
    heat, split = state.heat, state.split
    rise = sum(stored * gain / ONE for stored, gain in zip(heat.z, heat.mean[2:], strict=True)) / ONE
    mean = (*store([temperature_mc / 1000 - rise]), *heat.mean[1:])
    known = heat._replace(mean=mean, cov=tuple(value // KNOWN for value in heat.cov), age_us=10**11)
    return replace(state, heat=known, split=split._replace(cov=tuple(value // KNOWN for value in split.cov)))


def _worker(point: OperatingPoint, facts: tuple[VariantFacts, ...], band: str, second: int) -> Telemetry:
    frames = point.fps_mfps // 1000
    latency = next(fact.latency_us for fact in facts if fact.name == point.variant)
    served = (Served(point.variant, frames, frames * latency, latency * 21 // 20),) if frames else ()
    efficient = tuple(Shadow(band, fact.name, 0) for fact in facts[1:]) if second == 1 else ()
    return Telemetry(True, point, frames, 0, 0, len(efficient), served, efficient)


def _snapshot(second: int, temperature_mc: int, power_mw: int, light_mlx: int, worker: Telemetry) -> Snapshot:
    said = zip((temperature_mc, power_mw, light_mlx), QUANTITIES, strict=True)
    raw = tuple(RawReading(value, 0, second, "plane", quantity, simulated=True) for value, quantity in said)
    return Snapshot(second * 1_000_000, raw, worker)

"""A vehicle's shift before and after, on the software device: frames a second, hours, mAP, and frames per joule, side by side.

Before: the reference at the target rate, always, as without adaptd. After: adaptd's own brain under the same policy. Latency and
energy of the engines are the scenario's (derived for Orin NX); under another profile idle power, heat and sensors are that
board's and the engines' figures stay, which is said. The mAP is that of the shipped inspection bundle, as qualified per light
band and engine, weighed by the frames that each served; it is not measured in the simulation.

A second workload asks for the claim "from 12 frames a second": the same hall and battery with a model whose FP16 engine gives 12
at most, INT8 faster by the scenario's own ratio, and no hours to last. Both are simulated, and every figure says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from adaptd.lab.episode import Episode, run
from adaptd.twin.device import TwinDevice
from adaptd.twin.worker import Tick
from adaptd.twin.world import TrueLight
from adaptd.vocabulary import Snapshot, VariantFacts

CLAIMED_FPS, CLAIMED_HOURS, CLAIMED_MAP, CLAIMED_GAIN_PCT = (12.0, 26.3), (4.0, 9.2), (0.87, 0.86), 35.0
HEAVY_FPS = 12.0
HEAVY_DEADLINE_US, HEAVY_FLOOR_MFPS = 100_000, 6_000
Quality = Mapping[str, Mapping[str, int]]  # band, variant: mAP in ppm
Progress = Callable[[str], None]


@dataclass(slots=True)
class Served:
    """Whole-shift sums by true light band and engine, gathered tick by tick."""

    light: TrueLight
    frames: dict[tuple[str, str], float] = field(default_factory=dict)
    active_uj: float = 0.0

    def __call__(self, device: TwinDevice, snapshot: Snapshot, choice: object, tick: Tick) -> None:
        self.light.follow(device.world.light_mlx(snapshot.now_us))
        key = (self.light.label.name, tick.telemetry.point.variant)
        self.active_uj += tick.active_uj
        self.frames[key] = self.frames.get(key, 0.0) + tick.delivered

    def quality(self, known: Quality) -> float | None:
        """The mAP over all frames; None where an engine that served was not qualified in its light."""
        total, score = sum(self.frames.values()), 0.0
        for (band, variant), frames in self.frames.items():
            found = known.get(band, {}).get(variant)
            if frames and found is None:
                return None
            score += frames * (found or 0) / 1e6
        return score / total if total else None


@dataclass(frozen=True, slots=True)
class Side:
    """One controller's shift."""

    fps: float
    hours: float
    frames: float
    frames_per_joule: float
    frames_per_active_joule: float  # above idle: what the engines alone took, frames run on both included
    over_limit_s: float
    efficient_share: float
    broken: int
    map_at_50: float | None
    charge_left_pct: float | None

    def to_plain(self) -> dict[str, Any]:
        digits = {"fps": 2, "frames": 0, "hours": 3, "over_limit_s": 3, "charge_left_pct": 3}
        values = asdict(self).items()
        return {name: round(value, digits.get(name, 4)) if isinstance(value, float) else value for name, value in values}


@dataclass(frozen=True, slots=True)
class Shift:
    """One profile and workload, before and after."""

    profile: str
    workload: str
    slow: bool  # the model of 12 frames a second, instead of the scenario's own
    before: Side
    after: Side

    @property
    def efficiency_gain_pct(self) -> float:
        """Frames per joule of the whole board, idle included."""
        return (self.after.frames_per_joule / self.before.frames_per_joule - 1) * 100

    @property
    def inference_gain_pct(self) -> float:
        """Frames per joule above idle."""
        return (self.after.frames_per_active_joule / self.before.frames_per_active_joule - 1) * 100

    def to_plain(self) -> dict[str, Any]:
        return {
            "profile": self.profile,
            "workload": self.workload,
            "simulated": True,
            "before": self.before.to_plain(),
            "after": self.after.to_plain(),
            "efficiency_gain_pct": round(self.efficiency_gain_pct, 1),
            "inference_gain_pct": round(self.inference_gain_pct, 1),
        }


def heavy(episode: Episode) -> Episode:
    """The same hall with a model whose reference gives 12 frames a second at the same watts, as fast as it goes."""
    reference = episode.facts[0]
    times = 1e6 / HEAVY_FPS / reference.latency_us
    policy = replace(episode.policy, deadline_us=HEAVY_DEADLINE_US, floor_mfps=HEAVY_FLOOR_MFPS, endurance=None)
    facts = tuple(_scaled(fact, times) for fact in episode.facts)
    variants = tuple(_scaled(fact, times) for fact in episode.scenario.variants)
    return replace(episode, policy=policy, facts=facts, scenario=replace(episode.scenario, variants=variants))


def _shift(episode: Episode, workload: str, quality: Quality, *, slow: bool = False) -> Shift:
    return Shift(episode.profile.name, workload, slow, *(_side(episode, name, quality) for name in ("static-REF", "adaptd")))


def run_table(episodes: Mapping[str, Episode], quality: Quality, tell: Progress = lambda _: None) -> list[Shift]:
    """Every episode (by profile) with the scenario's own model, then the first with the heavy one."""
    found = []
    for name, episode in episodes.items():
        tell(f"{name}: a shift of {episode.scenario.duration_us / 3.6e9:.1f} h, before and after")
        found.append(_shift(episode, "the scenario's model", quality))
    first, episode = next(iter(episodes.items()))
    tell(f"{first}: the same with a model of {HEAVY_FPS:g} frames a second in FP16")
    found.append(_shift(heavy(episode), f"{HEAVY_FPS:g} fps in FP16", quality, slow=True))
    return found


def claimed() -> dict[str, Any]:
    pairs = {"fps": CLAIMED_FPS, "hours": CLAIMED_HOURS, "map_at_50": CLAIMED_MAP}
    return {**{name: list(pair) for name, pair in pairs.items()}, "efficiency_gain_pct": CLAIMED_GAIN_PCT}


def findings(shifts: list[Shift]) -> list[str]:
    """What of the claimed figures the simulation bears out, and what does not hold: one line a claim."""
    own, large = shifts[0], shifts[-1]
    before, after, times = own.before, own.after, own.after.hours / own.before.hours
    speed = f"a model of {large.workload} goes from {large.before.fps:.1f} to {large.after.fps:.1f}"
    board = (
        f"{own.efficiency_gain_pct:+.0f} % with the scenario's model, {large.efficiency_gain_pct:+.0f} % with {large.workload}"
    )
    idle = f"{own.inference_gain_pct:+.0f} and {large.inference_gain_pct:+.0f} %"
    charge = after.charge_left_pct or 0
    left = f"{after.hours:.1f} h with {charge:.0f} % left, at {after.fps:.1f} instead of {before.fps:.1f} frames/s"
    lines = [
        _held(
            large.after.fps >= 0.95 * CLAIMED_FPS[1],
            f"12 to 26.3 frames/s, 2.2 times: here {speed}; no published INT8 gain on Orin is over 1.64",
        ),
        _held(after.hours >= CLAIMED_HOURS[1] - 0.05, f"9.2 h: {before.hours:.1f} h become {left}"),
        _held(
            times >= CLAIMED_HOURS[1] / CLAIMED_HOURS[0],
            f"2.3 times the hours (4 to 9.2): {times:.2f} times here, since no engine saves idle power",
        ),
        _map_line(own),
        _held(own.efficiency_gain_pct >= CLAIMED_GAIN_PCT, f"+35 % frames per joule: {board}; of the energy above idle {idle}"),
    ]
    if broken := sum(one.after.broken for one in shifts):
        lines.append(f"does not hold: {broken} statements of the loss account were broken")
    return lines


def _map_line(own: Shift) -> str:
    before, after = own.before.map_at_50, own.after.map_at_50
    if before is None or after is None:
        return "cannot tell: mAP, an engine served in a light in which the bundle is not qualified"
    words = f"mAP .87 to .86, a loss of one point: {before:.3f} to {after:.3f}, of the shipped bundle on rendered parts"
    return _held(before - after <= 0.01, words)


def _held(holds: bool, words: str) -> str:
    return f"{'holds' if holds else 'does not hold'}: {words}"


def _side(episode: Episode, controller: str, quality: Quality) -> Side:
    served = Served(TrueLight(episode.scenario, episode.policy))
    result = run(episode, controller, served)
    hours = (episode.scenario.duration_us if result.lasted_us is None else result.lasted_us) / 3.6e9
    return Side(
        fps=result.frames_delivered / (hours * 3600),
        hours=hours,
        frames=result.frames_delivered,
        frames_per_joule=result.frames_delivered / (result.energy_uj / 1e6),
        frames_per_active_joule=result.frames_delivered / (served.active_uj / 1e6),
        over_limit_s=result.over_limit_us / 1e6,
        efficient_share=result.efficient_frames / result.frames_executed if result.frames_executed else 0.0,
        broken=result.statements_broken,
        map_at_50=served.quality(quality),
        charge_left_pct=None if result.battery_end_ppm is None else result.battery_end_ppm / 10_000,
    )


def _scaled(fact: VariantFacts, times: float) -> VariantFacts:
    return replace(fact, latency_us=round(fact.latency_us * times), energy_uj=round(fact.energy_uj * times))

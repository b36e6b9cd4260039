"""The worker of the software device: an operating point becomes frames, misses, energy and shadow losses.

Frames are fluid inside (a rate times a time) and whole in telemetry, where an accumulator carries the rest over, so that no
sum is ever off by more than one frame.
"""

from dataclasses import dataclass
from math import sqrt

from adaptd.config.policy import Policy
from adaptd.twin.faults import Hit, Stalls
from adaptd.twin.words import PPM, Scenario, StagedFault
from adaptd.twin.work import FramePace, beside, pace_of, true_work
from adaptd.twin.world import Disagreement, Noise, TrueLight
from adaptd.vocabulary import OperatingPoint, Served, Shadow, Stretch, Telemetry, VariantFacts

DOWN_US = {"crash": 2_000_000, "hang": 4_000_000}  # until the reference serves again: noticed and restarted
DIFFERS, AGREES = PPM, 0


@dataclass(slots=True)
class Tick:
    """What one interval really brought, in fluid frames and microjoules above idle.

    ``efficient`` whole frames were served by an efficient variant; ``lost`` of them delivered what the reference would not have.
    """

    telemetry: Telemetry
    executed: float = 0.0
    delivered: float = 0.0
    late: float = 0.0
    shadowed: float = 0.0
    active_uj: float = 0.0
    efficient: int = 0
    lost: int = 0


class Carry:
    """Turns fluid amounts into whole ones whose sum stays within one of the truth."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = 0.0

    def whole(self, amount: float) -> int:
        """The whole part that is due now."""
        total = self._rest + amount + 1e-9
        whole = int(total)
        self._rest = total - whole - 1e-9
        return whole


class TwinWorker:
    """Serves what it is told, unless it is down or the variant is quarantined (then the reference serves)."""

    def __init__(self, scenario: Scenario, policy: Policy, facts: tuple[VariantFacts, ...]) -> None:
        self._policy, self._scenario = policy, scenario
        self._work = true_work(scenario, facts)
        self._noise_ppm = scenario.truth.noise_latency_ppm / PPM
        self._engine_faults = tuple(fault for fault in scenario.faults if fault.engine)
        self._disagreement = Disagreement(scenario)
        self._latency = Noise(scenario.seed, "latency").normal
        self._differs = Noise(scenario.seed, "disagreement").hits
        self._coin = Noise(scenario.seed, "coin").hits
        self._frames = 0
        self._paces: dict[tuple[str, int, int, float], FramePace] = {}
        self._delivered, self._late, self._dropped = Carry(), Carry(), Carry()
        self._quarantined: tuple[str, ...] = ()
        self._rates = frozenset((0, *policy.levels_mfps))
        self._stalls = Stalls(scenario.seed, scenario.truth.stalls)
        self.idle = Telemetry(True, OperatingPoint(policy.reference, policy.target_mfps))

    def enter(self, facts: tuple[VariantFacts, ...]) -> None:
        """Frames take and cost from now on what ``facts`` say, as the truth scales it: the board is in another power mode."""
        self._work = true_work(self._scenario, facts)
        self._paces.clear()

    def serve(
        self,
        point: OperatingPoint,
        shadow_ppm: int,
        slow_ppm: float,
        light: TrueLight,
        t_us: int,
        dt_us: int,
        most_frames: int | None = None,
        band: str | None = None,
    ) -> Tick:
        """Serve ``point`` from ``t_us`` for ``dt_us`` under contention ``slow_ppm``, in the true ``light``.

        Frames are booked to the ``band`` that the setpoint names, as a real worker does; without one, to that of the true light.
        What differs follows from the true light alone. An efficient variant stops after ``most_frames``, and the reference
        serves the rest of the interval.
        """
        if self._policy.levels_mfps and point.fps_mfps not in self._rates:
            raise ValueError(
                f"{point.fps_mfps} mfps is no level of policy {self._policy.name}, which allows {sorted(self._rates)}"
            )
        down = self._breaks(t_us) if self._engine_faults else False
        if point.variant in self._quarantined or point.variant not in self._work:
            point = OperatingPoint(self._policy.reference, point.fps_mfps)
        if down:
            lost = self._dropped.whole(point.fps_mfps * dt_us / 1e9)
            return Tick(Telemetry(False, point, dropped=lost, quarantined=self._quarantined))
        pace = self._pace(point, shadow_ppm, slow_ppm)
        seconds = dt_us / 1e6
        executed = pace.executed_fps * seconds
        hits = self._stalls.within(t_us, dt_us)
        stalled = sum(hit.part for hit in hits if pace.latency_us * hit.slow > self._policy.deadline_us)
        on_time = executed * (1.0 - pace.late) * max(0.0, 1.0 - stalled)
        delivered = min(on_time, self._policy.target_mfps * dt_us / 1e9)
        late = executed - on_time
        shadow = self._shadow_variant(point.variant)
        shadowed = executed * shadow_ppm / PPM if shadow else 0.0
        whole, missed = self._delivered.whole(on_time), self._late.whole(late)
        efficient, parts = self._shared(point.variant, whole + missed, missed, most_frames)
        named = light.label.name if band is None else band
        tossed = [self._toss(name, shadow, shadow_ppm, light, t_us, frames, missed, named) for name, frames, missed in parts]
        shadows = tuple([one for _, found, _ in tossed for one in found])
        telemetry = Telemetry(
            alive=True,
            point=point,
            delivered=whole,
            missed=missed,
            dropped=self._dropped.whole(point.fps_mfps / 1000 * seconds - executed),
            shadow_frames=len(shadows),
            served=tuple([self._part(point, name, frames, pace, slow_ppm, hits) for name, frames, _ in parts]),
            shadows=shadows,
            stretches=tuple([stretch for stretch, _, _ in tossed]),
            quarantined=self._quarantined,
        )
        lost = sum(wrong for _, _, wrong in tossed)
        shares = [(name, frames / (whole + missed)) for name, frames, _ in parts] or [(point.variant, 1.0)]
        active_uj = self._active_uj(shares, shadow, executed, shadowed) * (slow_ppm / PPM)
        return Tick(telemetry, executed, delivered, late, shadowed, active_uj, efficient, lost)

    def _active_uj(self, shares: list[tuple[str, float]], tested: str, executed: float, shadowed: float) -> float:
        """Energy above idle without contention: each engine's share of the frames, and of the shadows the engine beside it."""
        total = 0.0
        for name, share in shares:
            other = tested if name == self._policy.reference else self._policy.reference
            total += share * executed * self._work[name].energy_uj
            total += share * shadowed * self._work[other].energy_uj if other else 0.0
        return total

    def _shared(self, variant: str, count: int, missed: int, most_frames: int | None) -> tuple[int, list[tuple[str, int, int]]]:
        """How many of ``count`` frames an efficient variant serves, and each engine's part: variant, frames, late ones."""
        efficient = count if variant != self._policy.reference else 0
        if most_frames is not None:
            efficient = min(efficient, most_frames)
        parts = [(variant, efficient, min(missed, efficient))] if efficient else []
        if count - efficient:
            parts.append((self._policy.reference, count - efficient, max(0, missed - efficient)))
        return efficient, parts

    def _pace(self, point: OperatingPoint, shadow_ppm: int, slow_ppm: float) -> FramePace:
        key = (point.variant, point.fps_mfps, shadow_ppm, slow_ppm)
        found = self._paces.get(key)
        if found is None:
            if len(self._paces) > 256:
                self._paces.clear()
            slow = slow_ppm / PPM
            other = beside(self._work, self._policy, point.variant)
            beside_us = self._work[other].latency_us * slow * shadow_ppm / PPM if other else 0.0
            latency_us = self._work[point.variant].latency_us * slow
            found = pace_of(latency_us, beside_us, point.fps_mfps / 1000, self._policy.deadline_us, self._noise_ppm)
            self._paces[key] = found
        return found

    def _part(
        self, point: OperatingPoint, variant: str, frames: int, pace: FramePace, slow_ppm: float, hits: tuple[Hit, ...]
    ) -> Served:
        """What one engine served of an interval that two of them shared."""
        if variant != point.variant:
            pace = self._pace(OperatingPoint(variant, point.fps_mfps), 0, slow_ppm)
        mean = pace.latency_us * (1.0 + self._noise_ppm * self._latency() / sqrt(frames))
        longest = mean * (1.0 + 2.0 * self._noise_ppm)
        whole = [hit for hit in hits if hit.part * frames >= 0.5]  # a stall between two frames is seen by none
        longer = sum(hit.part * (hit.slow - 1.0) for hit in whole)
        longest = max((longest, *(mean * hit.slow for hit in whole)))
        return Served(variant, frames, round(mean * frames * (1.0 + longer)), round(longest))

    def _shadow_variant(self, serving: str) -> str:
        """The efficient variant that a shadow frame compares with the reference; empty where there is none to trust."""
        variant = serving if serving != self._policy.reference else beside(self._work, self._policy, serving)
        return "" if variant in self._quarantined else variant

    def _toss(
        self, variant: str, tested: str, share_ppm: int, light: TrueLight, t_us: int, count: int, missed: int, band: str
    ) -> tuple[Stretch, tuple[Shadow, ...], int]:
        """Which frames the coin chose, what was seen on them, and how many others delivered a wrong answer."""
        efficient = variant != self._policy.reference
        chance = self._disagreement.chance(light.truth.name, tested, t_us) if tested else 0.0
        share = share_ppm / PPM if tested else 0.0
        wrong = set(self._differs(chance, count)) if chance > 0.0 else set()
        chosen = self._coin(share, count) if share > 0.0 else []
        shadows = [Shadow(band, tested, DIFFERS if at in wrong else AGREES) for at in chosen]
        lost = len(wrong.difference(chosen)) if efficient else 0
        drawn = [self._frames + at for at in chosen]
        differed = sum(shadow.loss_ppm > 0 for shadow in shadows)
        stretch = Stretch(
            band=band,
            variant=variant,
            share_ppm=share_ppm,
            frames=count,
            missed=missed,
            shadowed=len(drawn) if efficient else 0,
            differed=differed if efficient else 0,
            loss_ppm=differed * DIFFERS if efficient else 0,
            first=self._frames,
            last=self._frames + count - 1,
            drawn=tuple(drawn),
        )
        self._frames += count
        return stretch, tuple(shadows), lost

    def _breaks(self, t_us: int) -> bool:
        """Whether the worker is down at ``t_us``; quarantines an engine that began to answer garbage."""
        for fault in self._engine_faults:
            if fault.kind == "garbage" and t_us >= fault.from_us and fault.target not in self._quarantined:
                self._quarantined = (*self._quarantined, fault.target)
        return is_down(self._engine_faults, t_us)


def is_down(faults: tuple[StagedFault, ...], t_us: int) -> bool:
    """Whether a crash or a hang keeps the worker from serving at ``t_us``."""
    return any(fault.engine and fault.from_us <= t_us < fault.from_us + DOWN_US.get(fault.kind, 0) for fault in faults)

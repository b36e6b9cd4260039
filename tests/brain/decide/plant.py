"""A small board for closed-loop tests: two poles, noise, a worker that serves what it is told."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from adaptd.brain import tick
from adaptd.config.policy import Policy, load_policy
from adaptd.config.profile import HardwareProfile, load_profile
from adaptd.vocabulary import OperatingPoint, Prior, Served, Shadow, Snapshot, Stretch, Telemetry, VariantFacts, Verdict
from tests.conftest import ROOT
from tests.readings import sensed

Signal = Callable[[int], float]
PROVEN = (Prior("bright", 6000, 0), Prior("dim", 6000, 0))


@cache
def feeder() -> Policy:
    """The shipped feeder policy."""
    return load_policy(ROOT / "policies" / "feeder.yaml")


@cache
def board() -> HardwareProfile:
    """The shipped Orin NX profile."""
    return load_profile(ROOT / "hw_profiles" / "orin-nx-16gb.yaml")


def facts(reference_mj: float = 260, efficient_mj: float = 160, priors: tuple[Prior, ...] = PROVEN) -> tuple[VariantFacts, ...]:
    """A large network: 32.6 ms and 19.9 ms a frame, so that its heat counts."""
    return (
        VariantFacts("fp16", int(reference_mj * 1000), 32_600),
        VariantFacts("int8", int(efficient_mj * 1000), 19_900, priors=priors),
    )


@dataclass
class Board:
    """The truth. Scales multiply the profile's resistances and time constants; signals are functions of the second."""

    policy: Policy = field(default_factory=feeder)
    profile: HardwareProfile = field(default_factory=board)
    facts: tuple[VariantFacts, ...] = field(default_factory=facts)
    r_scale: float = 1.0
    tau_scale: float = 1.0
    ambient_c: Signal = lambda second: 40.0
    light_lux: Signal = lambda second: 500.0
    other_w: Signal = lambda second: 0.5
    slow_down: Signal = lambda second: 1.0
    loss: Callable[[str], float] = lambda band: 0.0
    noise: tuple[float, float, float] = (0.3, 0.2, 0.05)
    seed: int = 1
    change: Callable[[int, Snapshot], Snapshot] = lambda second, snapshot: snapshot
    obeys: Callable[[OperatingPoint], OperatingPoint] = lambda point: point

    def run(self, seconds: int, state: tick.State | None = None) -> Iterator["Second"]:
        """Serve for ``seconds``, one decision a second."""
        draw = random.Random(self.seed)
        state = state or tick.start(self.policy, self.profile, self.facts, self.seed, 0)
        by_name = {fact.name: fact for fact in self.facts}
        heat_k = [pole.r_uk_per_mw / 1000 * self.r_scale * self.profile.idle_power_mw / 1000 for pole in self.profile.poles]
        point, share, owed, band, numbered = state.point, 0, 0.0, "unknown", 0
        for second in range(1, seconds + 1):
            served = self.obeys(point)
            fact, slow = by_name[served.variant], self.slow_down(second)
            owed += served.fps_mfps / 1000
            frames = int(owed)
            owed -= frames
            shadows = [draw.random() for _ in range(frames) if draw.random() * 1e6 < share]
            tested = served.variant if served.variant != self.policy.reference else (*self.policy.efficient, served.variant)[0]
            beside = by_name[self.policy.reference if served.variant != self.policy.reference else tested]
            active_j = (frames * fact.energy_uj + len(shadows) * beside.energy_uj) / 1e6 * slow
            power_w = self.profile.idle_power_mw / 1000 + self.other_w(second) + active_j
            for at, pole in enumerate(self.profile.poles):
                keep = math.exp(-1000 / (pole.tau_ms * self.tau_scale))
                heat_k[at] = keep * heat_k[at] + (1 - keep) * pole.r_uk_per_mw / 1000 * self.r_scale * power_w
            true_c = self.ambient_c(second) + sum(heat_k)
            latency = int(fact.latency_us * slow)
            in_time = frames if latency <= self.policy.deadline_us else 0
            seen = tuple(Shadow(band, tested, 1_000_000 * (x < self.loss(band))) for x in shadows)
            told = self._stretch(served.variant, band, share, frames, frames - in_time, numbered, seen)
            numbered += frames
            telemetry = Telemetry(
                True,
                served,
                in_time,
                frames - in_time,
                0,
                len(shadows),
                (Served(served.variant, frames, frames * latency, latency * 21 // 20),) if frames else (),
                seen,
                stretches=(told,) if frames else (),
            )
            noisy = [draw.gauss(0, sigma) for sigma in self.noise]
            snapshot = sensed(
                second * 1_000_000,
                int((true_c + noisy[0]) * 1000),
                int((power_w + noisy[1]) * 1000),
                max(0, int(self.light_lux(second) * (1 + noisy[2]) * 1000)),
                telemetry,
            )
            snapshot = self.change(second, snapshot)
            before = state
            state, verdict = tick.step(state, snapshot, self.policy, self.profile)
            point, share, band = verdict.point, verdict.shadow_ppm, verdict.band
            yield Second(second, true_c, power_w, before, snapshot, state, verdict)

    def _stretch(
        self, variant: str, band: str, share: int, frames: int, missed: int, first: int, seen: tuple[Shadow, ...]
    ) -> Stretch:
        """What a worker tells of a second's frames; the shadows of the reference's frames are no part of the account."""
        mine = seen if variant != self.policy.reference else ()
        loss_ppm = sum(shadow.loss_ppm for shadow in mine)
        differed = sum(shadow.loss_ppm > 0 for shadow in mine)
        last = first + max(0, frames - 1)
        return Stretch(band, variant, share, frames, missed, len(mine), differed, loss_ppm, 0, first, last)

    def last(self, seconds: int) -> "Second":
        """The last of ``seconds``."""
        return list(self.run(seconds))[-1]


@dataclass(frozen=True)
class Second:
    """One second: the truth at its end, the state before the decision, what was seen, and what came out."""

    at: int
    true_c: float
    power_w: float
    before: tick.State
    snapshot: Snapshot
    state: tick.State
    verdict: Verdict

    def again(self, **changes: object) -> Verdict:
        """The verdict that the same state gives on a changed snapshot."""
        board_ = board()
        return tick.step(self.before, replace(self.snapshot, **changes), feeder(), board_)[1]  # type: ignore[arg-type]

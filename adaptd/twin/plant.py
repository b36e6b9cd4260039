"""The physics of the software device: what a point costs, how the board warms, which frames arrive in time.

power = (idle + other load + delivered rate x marginal energy x slow-down + shadow frames on the other engine);
temperature = ambient + sum of first-order poles driven by power, each stepped exactly: x += (R P - x)(1 - exp(-dt/tau)).
A frame whose latency, with its jitter, is past the deadline is a miss. Watts, seconds and degrees Celsius, as floats: only the
software device uses them, nothing here is replayed.
"""

from dataclasses import dataclass
from math import erf, exp, sqrt

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.twin.curve import Curve
from adaptd.twin.scenario import Scenario
from adaptd.vocabulary import OperatingPoint


@dataclass(slots=True)
class Bands:
    """The true light band, with the policy's own hysteresis."""

    policy: Policy
    at: int = -1

    def follow(self, lux: float) -> str:
        """The band at this light."""
        bands, mlx = self.policy.bands, lux * 1000
        self.at = max(self.at, 0)
        while self.at > 0 and mlx < (bands[self.at].down_at_mlx or 0):
            self.at -= 1
        while self.at < len(bands) - 1 and mlx > (bands[self.at].up_at_mlx or 0):
            self.at += 1
        return bands[self.at].name


@dataclass(slots=True)
class Load:
    """What one tick did. Frames are whole; energies in joules; ``late`` of ``delivered`` were past the deadline."""

    power_w: float = 0.0
    energy_j: float = 0.0
    delivered: int = 0
    late: int = 0
    shadow: int = 0
    latency_us: int = 0


class Plant:
    """The device as it truly is in a scenario."""

    def __init__(self, scenario: Scenario, profile: HardwareProfile, policy: Policy) -> None:
        truth, signals = scenario.truth, scenario.signals
        self.facts = {fact.name: fact for fact in scenario.facts}
        self.energy_j = {n: f.energy_uj / 1e6 * truth.energy_scale.get(n, 1.0) for n, f in self.facts.items()}
        self.latency_s = {n: f.latency_us / 1e6 * truth.latency_scale.get(n, 1.0) for n, f in self.facts.items()}
        self.jitter = truth.noise.latency_pct / 100
        self.idle_w = profile.idle_power_mw / 1000 * truth.idle_power_scale
        self.resistance = [pole.r_uk_per_mw / 1000 * truth.r_scale for pole in profile.poles]
        self.tau_s = [pole.tau_ms / 1000 * truth.tau_scale for pole in profile.poles]
        self.ambient_c, self.lux = Curve(signals.ambient_c), Curve(signals.light_lux)
        self.other_w, self.slow_down = Curve(signals.other_load_w), Curve(signals.slow_down)
        self.budget_w = None if signals.power_budget_w is None else Curve(signals.power_budget_w)
        self.deadline_s = policy.deadline_us / 1e6
        self.reference = policy.reference
        self.t_s = 0.0
        self.rise = [r * (self.idle_w + self.other_w(0.0)) for r in self.resistance]
        if truth.start_c is not None:
            extra = truth.start_c - self.temperature_c
            total = sum(self.resistance)
            self.rise = [x + extra * r / total for x, r in zip(self.rise, self.resistance, strict=True)]
        self._owed = [0.0, 0.0, 0.0]
        self._decay: tuple[float, list[float]] = (0.0, [])

    @property
    def temperature_c(self) -> float:
        """The regulated temperature now."""
        return self.ambient_c(self.t_s) + sum(self.rise)

    def idle(self, dt_s: float) -> Load:
        """A tick in which nothing is served."""
        return self.step(dt_s, OperatingPoint(self.reference, 0), 0.0)

    def step(self, dt_s: float, point: OperatingPoint, shadow_share: float) -> Load:
        """Serve ``point`` for ``dt_s`` with this share of frames run on another engine too, and warm up accordingly."""
        slow = self.slow_down(self.t_s)
        variant = point.variant
        latency_s = self.latency_s[variant] * slow
        other = self._other(variant)
        per_frame_s = latency_s + (shadow_share * self.latency_s[other] * slow if other else 0.0)
        fps = min(point.fps_mfps / 1000, 1 / per_frame_s)
        delivered = self._whole(0, fps * dt_s)
        late = min(delivered, self._whole(1, delivered * self._late_share(latency_s)))
        shadow = min(delivered, self._whole(2, delivered * shadow_share)) if other else 0
        frames_j = (delivered * self.energy_j[variant] + (shadow * self.energy_j[other] if other else 0.0)) * slow
        power_w = self.idle_w + self.other_w(self.t_s) + frames_j / dt_s
        self._warm(dt_s, power_w)
        return Load(power_w, power_w * dt_s, delivered, late, shadow, int(latency_s * 1e6))

    def _other(self, variant: str) -> str | None:
        """The engine a shadow frame runs on besides: the reference, or the first efficient one where the reference serves."""
        if variant != self.reference:
            return self.reference
        return next((name for name in self.facts if name != self.reference), None)

    def _late_share(self, latency_s: float) -> float:
        if self.jitter == 0:
            return 1.0 if latency_s > self.deadline_s else 0.0
        sigmas = (self.deadline_s - latency_s) / (self.jitter * latency_s)
        return 0.5 * (1 - erf(sigmas / sqrt(2)))

    def _whole(self, which: int, amount: float) -> int:
        """Whole frames out of a fractional amount; the rest is owed to the next tick."""
        owed = self._owed[which] + amount
        whole = int(owed + 1e-9)
        self._owed[which] = owed - whole
        return whole

    def _warm(self, dt_s: float, power_w: float) -> None:
        if self._decay[0] != dt_s:
            self._decay = (dt_s, [1 - exp(-dt_s / tau) for tau in self.tau_s])
        self.rise = [x + (r * power_w - x) * a for x, r, a in zip(self.rise, self.resistance, self._decay[1], strict=True)]
        self.t_s += dt_s

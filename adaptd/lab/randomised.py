"""Random hours: boards, nets, weather, light, load and wrong profiles drawn from a seed, one scenario a number.

Resistance and time constants are off by up to 30 %, energies by 20 %, idle power and latencies by 10 %. The air is drawn so
that the limit binds in many hours and can be kept in all: what a policy may give up (a pause, or the floor) keeps it by a kelvin.
"""

from dataclasses import dataclass
from random import Random

from adaptd.config.policy import Policy, load_policy
from adaptd.config.profile import HardwareProfile, load_profile
from adaptd.config.shipped import policies_dir, profiles_dir
from adaptd.lab.episode import Episode
from adaptd.twin.words import PPM, Curve, Scenario, Scenes, Truth
from adaptd.vocabulary import Prior, VariantFacts

HOUR_US = 3_600_000_000
TICK_US = 1_000_000
OFF = 0.3
PLAIN_SHARE = 0.3  # of the bands whose losses come at every moment alike; the others' come in scenes
SPARE_K = 1.0
POLICIES = ("feeder", "agv-inspection", "battery-robot")
# Milliseconds in FP16 and INT8, YOLO11 s to x (Ultralytics' Jetson guide); 8.17 and 6.52 W above idle (see policies/scenarios).
NETS = {
    "orin-nano-super": ((6.93, 5.08), (13.5, 9.12), (17.48, 11.87), (32.58, 19.9)),
    "orin-nx-16gb": ((7.31, 5.33), (14.48, 9.74), (18.59, 12.6), (35.78, 21.6)),
}
ACTIVE_W = (8.17, 6.52)
DEADLINE_ROOM, WORTH_ROOM = 0.6, 1.1


@dataclass(slots=True)
class RandomCase:
    """A stream of choices."""

    source: Random

    def off(self, most: float = OFF) -> int:
        """A factor in ppm, at most ``most`` away from one."""
        return round(PPM * self.source.uniform(1 - most, 1 + most))

    def steps(self, low: float, high: float, most: int, factor: int) -> Curve:
        """Levels between ``low`` and ``high`` that change abruptly, up to ``most`` times an hour."""
        times = sorted(self.source.randrange(60, 3540) * 1_000_000 for _ in range(self.source.randint(0, most)))
        level = round(self.source.uniform(low, high) * factor)
        curve: list[tuple[int, int | None]] = [(0, level)]
        for t_us in times:
            curve.append((t_us, level))
            level = round(self.source.uniform(low, high) * factor)
            curve.append((t_us + 1_000_000, level))
        return tuple(curve)


def random_episode(seed: int, number: int) -> Episode:
    """Hour ``number`` of the sweep ``seed``: always the same."""
    draw = RandomCase(Random(f"hour/{seed}/{number}"))  # noqa: S311 - repeatable on purpose
    policy = load_policy(policies_dir() / f"{draw.source.choice(POLICIES)}.yaml")
    board = draw.source.choice(sorted(NETS))
    profile = load_profile(profiles_dir() / f"{board}.yaml")
    facts = _facts(draw, policy, draw.source.choice(_sensible(policy, board)))
    truth = _truth(draw, policy, facts)
    other = draw.steps(0.2, 2.0, 3, 1000)
    slow = _slow(draw)
    scenario = Scenario(
        name=f"random-{seed}-{number}",
        sha256="",
        seed=draw.source.getrandbits(40),
        duration_us=HOUR_US,
        tick_us=TICK_US,
        profile=board,
        policy=policy.name,
        bundle=None,
        variants=facts,
        truth=truth,
        ambient_mc=_ambient(draw, policy, profile, truth, facts, (other, slow)),
        light_mlx=_light(draw, policy),
        other_load_mw=other,
        budget_mw=_budget(draw, profile),
        slow_down_ppm=slow,
        faults=(),
    )
    return Episode(scenario, policy, profile, facts)


def _sensible(policy: Policy, board: str) -> list[tuple[float, float]]:
    """The nets that someone would deploy: the reference meets the deadline with room, and its frame is worth its energy."""
    return [
        latency_ms
        for latency_ms in NETS[board]
        if latency_ms[0] * 1000 <= DEADLINE_ROOM * policy.deadline_us
        and latency_ms[0] * ACTIVE_W[0] * 1000 * WORTH_ROOM <= policy.frame_value_uj
    ]


def _facts(draw: RandomCase, policy: Policy, latency_ms: tuple[float, float]) -> tuple[VariantFacts, ...]:
    """The reference and one efficient variant; priors in most bands but the darkest."""
    names = (policy.reference, policy.efficient[0])
    facts = []
    for name, ms, watts in zip(names, latency_ms, ACTIVE_W, strict=True):
        bands = [band.name for band in policy.bands[1:] if draw.source.random() < 0.8] if name != policy.reference else []
        priors = tuple(Prior(band, 5000, draw.source.randint(0, 6)) for band in bands)
        facts.append(VariantFacts(name, round(ms * watts * 1000), round(ms * 1000), False, priors))
    return tuple(facts)


def _scenes(draw: RandomCase, ppm: int) -> Scenes:
    """The same mean share of frames that differ, at every moment or gathered in scenes of seconds to an hour."""
    if draw.source.random() < PLAIN_SHARE:
        return Scenes(0, ((PPM, ppm),))
    bad_ppm = min(PPM // 2, round(ppm * draw.source.uniform(5, 60)))
    share_ppm = min(PPM, ppm * PPM // max(bad_ppm, 1))
    length_s = draw.source.choice((20, 120, 600, 3600))
    return Scenes(length_s * 1_000_000, ((PPM - share_ppm, 0), (share_ppm, bad_ppm)))


def _truth(draw: RandomCase, policy: Policy, facts: tuple[VariantFacts, ...]) -> Truth:
    dark, limit = policy.bands[0].name, policy.max_loss_ppm
    efficient = facts[1].name
    light = {band.name: draw.source.uniform(0.02, 0.5) * limit for band in policy.bands[1:]}
    light[dark] = draw.source.uniform(2, 10) * limit
    return Truth(
        r_scale_ppm=draw.off(),
        tau_scale_ppm=draw.off(),
        idle_scale_ppm=draw.off(0.1),
        energy_scale_ppm=tuple((fact.name, draw.off(0.2)) for fact in facts),
        latency_scale_ppm=tuple((fact.name, draw.off(0.1)) for fact in facts),
        disagreement=tuple((band, efficient, _scenes(draw, round(ppm))) for band, ppm in light.items()),
        noise_temperature_mc=round(draw.source.uniform(100, 400)),
        noise_power_mw=round(draw.source.uniform(50, 200)),
        noise_light_ppm=round(draw.source.uniform(20_000, 60_000)),
        noise_latency_ppm=round(draw.source.uniform(10_000, 40_000)),
        lag_temperature_us=round(draw.source.uniform(0, 2_000_000)),
    )


def _slow(draw: RandomCase) -> Curve:
    """No contention in half of the hours, bursts of up to twice the latency in the others."""
    return ((0, PPM),) if draw.source.random() < 0.5 else draw.steps(1.0, 2.0, 4, PPM)


def _light(draw: RandomCase, policy: Policy) -> Curve:
    """A light level inside a band chosen by chance, up to four changes an hour."""
    levels: list[int] = []
    for _ in range(draw.source.randint(1, 5)):
        band = draw.source.choice(policy.bands)
        low = 500 if band.down_at_mlx is None else band.down_at_mlx * 3 // 2
        high = low * 6 if band.up_at_mlx is None else max(low + 1, band.up_at_mlx * 2 // 3)
        levels.append(draw.source.randint(low, max(low + 1, high)))
    curve: list[tuple[int, int | None]] = []
    for n, level in enumerate(levels):
        start = n * HOUR_US // len(levels)
        curve += [(start + (TICK_US if n else 0), level), ((n + 1) * HOUR_US // len(levels), level)]
    return tuple(curve)


def _budget(draw: RandomCase, profile: HardwareProfile) -> Curve:
    """The policy's budget in two thirds of the hours, else one that leaves 0.8 to 4 W above idle and the most other load."""
    if draw.source.random() < 0.67:
        return ((0, None),)
    floor = profile.idle_power_mw / 1000 * 1.1 + 2.0
    return draw.steps(floor + 0.8, floor + 4.0, 2, 1000)


def _ambient(
    draw: RandomCase,
    policy: Policy,
    profile: HardwareProfile,
    truth: Truth,
    facts: tuple[VariantFacts, ...],
    loads: tuple[Curve, Curve],
) -> Curve:
    """A slow curve whose hottest moment leaves between nothing that matters and just enough."""
    other, slow = (max(value or 0 for _, value in curve) for curve in loads)
    resistance = sum(pole.r_uk_per_mw for pole in profile.poles) / 1000 * truth.r_scale_ppm / PPM
    passive_w = (profile.idle_power_mw * truth.idle_scale_ppm / PPM + other) / 1000
    scales = dict(truth.energy_scale_ppm)
    frames_j = [fact.energy_uj * scales[fact.name] / PPM / 1e6 * slow / PPM for fact in facts]
    frame_j, cheap_j = max(frames_j), min(frames_j)  # the limit can be kept by the dearest engine and binds the cheapest
    floor_w = frame_j * policy.floor_mfps / 1000 if policy.on_conflict == "protect_service" else 0.0
    hottest = policy.limit_mc / 1000 - SPARE_K - resistance * (passive_w + floor_w)
    full_k = resistance * cheap_j * policy.target_mfps / 1000
    peak = hottest - (draw.source.uniform(0, full_k / 2) if draw.source.random() < 0.6 else draw.source.uniform(5, 25))
    peak_at = draw.source.randint(600, 3000)
    start, end = (peak - draw.source.uniform(0, 8) for _ in range(2))
    return tuple((t * 1_000_000, round(c * 1000)) for t, c in ((0, start), (peak_at, peak), (3600, end)))

"""Simulated boxes that differ from their profile, each with some days of log: what a twin is fitted to in tests and figures."""

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from adaptd.lab.episode import Episode, load_episode
from adaptd.lab.record import Texts, record
from adaptd.twin.words import PPM, Curve
from tests.lab import ROOT

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
START_MS = 1_790_000_000_000
POLICY = ROOT / "policies" / "feeder.yaml"
PROFILE = ROOT / "hw_profiles" / "orin-nano-super.yaml"


@dataclass(frozen=True)
class Box:
    """How a box really differs: factors on what profile and bundle say, all 1 for one that does not."""

    seed: int
    days: int
    tick_s: int = 60
    r: float = 1.0
    tau: float = 1.0
    idle: float = 1.0
    fp16: float = 1.0
    int8: float = 1.0
    ambient_sd_c: float = 1.0
    load_sd_w: float = 0.06


def drawn(seed: int, days: int, tick_s: int = 60) -> Box:
    """A box whose R and tau lie 30 % off at one standard deviation (60 % at most), and whose energies lie 8 % off."""
    random = Random(f"box/{seed}")

    def off(sd: float) -> float:
        return 1 + max(-2 * sd, min(2 * sd, random.gauss(0, sd)))

    return Box(seed, days, tick_s, off(0.3), off(0.3), off(0.1), off(0.08), off(0.08))


def episode(box: Box) -> Episode:
    """The box's days: the room and the load change from day to day, the light comes and goes at the same hours."""
    base = load_episode(ROOT / "policies" / "scenarios" / "calm-day.yaml")
    random, scenario = Random(f"days/{box.seed}"), base.scenario
    shifts = [random.gauss(0, box.ambient_sd_c * 1000) for _ in range(box.days)]
    truth = replace(
        scenario.truth,
        r_scale_ppm=round(box.r * PPM),
        tau_scale_ppm=round(box.tau * PPM),
        idle_scale_ppm=round(box.idle * PPM),
        energy_scale_ppm=(("fp16", round(box.fp16 * PPM)), ("int8", round(box.int8 * PPM))),
    )
    hours = range(24 * box.days)
    load: Curve = tuple(
        (h * HOUR_US, max(0, round(500 + 300 * (8 <= h % 24 < 20) + random.gauss(0, box.load_sd_w * 1000)))) for h in hours
    )
    ambient = tuple(
        (t + d * DAY_US, (v or 0) + round(shifts[d])) for d in range(box.days) for t, v in scenario.ambient_mc if t < DAY_US
    )  # the room passes from one day to the next within the last hours of it
    light = tuple((t + d * DAY_US, v) for d in range(box.days) for t, v in scenario.light_mlx)
    made = replace(
        scenario,
        seed=box.seed,
        duration_us=box.days * DAY_US,
        tick_us=box.tick_s * 1_000_000,
        truth=truth,
        ambient_mc=ambient,
        light_mlx=light,
        other_load_mw=load,
    )
    return replace(base, scenario=made)


def texts(policy: Path = POLICY, profile: Path = PROFILE) -> Texts:
    """The texts that a log of such a box carries."""
    return Texts(policy.name, policy.read_text(), profile.name, profile.read_text())


def log_of(box: Box, folder: Path) -> Path:
    """Write the box's log and name its folder."""
    record(episode(box), texts(), folder, START_MS)
    return folder

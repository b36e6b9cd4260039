"""What each quantity can plausibly say. Age comes from the policy, range and slew from the profile, the rest is physics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import LIGHT, POWER, TEMPERATURE

TEMPERATURE_STEP_MC = 4_000  # what noise may move a reading between two looks, whatever the time between them
NEAR_ZERO_MC = 2_000  # a temperature of exactly 0 is believed from a sensor that was this near to it
SURE_IDLES = 3  # a change of power up to this many times idle is believed at once
SURE_FACTOR = 8  # and one of light up to this factor
FACTOR_FROM = 1_000  # below one lux every change is small
SHOWS_MC, SHOWS_MW, SHOWS_DOUBLINGS = 500, 2_000, 2  # what a cause must have moved its effect by before standing still is odd
SHOWS_WITHIN_MS = 1_000


@dataclass(frozen=True, slots=True)
class Limits:
    """The rules of one quantity. An answer may be ``stale_us`` old, or what ``own_us`` says of its source.

    A change up to ``step`` is believed at once; ``slew_per_s`` bounds what changes slowly (temperature) beyond that. What may
    jump (power, light) is believed at once up to ``sure_step`` or a factor of ``sure_factor``; beyond that a second answer must
    agree. ``zero_from`` is how near to 0 the value before must have been (None: 0 is always real). ``effect_per_1000`` is the
    change, in the quantity's unit, that 1000 units of its cause show within a second, and ``smallest`` what must have been due
    before standing still means anything.
    """

    quantity: str
    stale_us: int
    low: int
    high: int
    slew_per_s: int | None = None
    step: int = 0
    sure_step: int | None = None
    sure_factor: int | None = None
    zero_from: int | None = None
    may_freeze_below: int | None = None
    effect_per_1000: int = 0
    smallest: int = 0
    in_steps: bool = True
    own_us: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of all quantities; ``floor_mw`` is the least that a machine takes while it serves frames."""

    of: dict[str, Limits]
    floor_mw: int


def rules(policy: Policy, profile: HardwareProfile) -> Rules:
    """What follows from policy and profile."""
    return rules_of(policy.stale_after_us, policy.bands[0].up_at_mlx, profile)


def rules_of(stale_us: int, dark_mlx: int | None, profile: HardwareProfile) -> Rules:
    """The same where there is no policy: ``dark_mlx`` is the light below which a sensor may stand still."""
    low_mc, high_mc = profile.range_mc
    low_mw, high_mw = profile.range_mw
    low_mlx, high_mlx = profile.range_mlx
    own_us = dict(profile.valid_us)
    temperature = Limits(
        quantity=TEMPERATURE,
        own_us=own_us,
        stale_us=stale_us,
        low=low_mc,
        high=high_mc,
        slew_per_s=profile.max_slew_mc_per_s,
        step=TEMPERATURE_STEP_MC,
        zero_from=NEAR_ZERO_MC,
        effect_per_1000=_prompt_uk_per_mw(profile),
        smallest=SHOWS_MC,
    )
    power = Limits(
        quantity=POWER,
        own_us=own_us,
        stale_us=stale_us,
        low=max(low_mw, 1),  # a running machine never takes 0 W
        high=high_mw,
        step=SURE_IDLES * profile.idle_power_mw,
        sure_step=SURE_IDLES * profile.idle_power_mw,
        effect_per_1000=1000,
        smallest=SHOWS_MW,
    )
    light = Limits(
        quantity=LIGHT,
        own_us=own_us,
        stale_us=stale_us,
        low=low_mlx,
        high=high_mlx,
        sure_factor=SURE_FACTOR,
        may_freeze_below=dark_mlx,
        effect_per_1000=1000,
        smallest=SHOWS_DOUBLINGS * 1000,
        in_steps=False,
    )
    floor_mw = 0 if "idle_power_w" in profile.assumed else profile.idle_power_mw // 2
    return Rules({TEMPERATURE: temperature, POWER: power, LIGHT: light}, floor_mw)


def _prompt_uk_per_mw(profile: HardwareProfile) -> int:
    """Millikelvin per watt that a step of power shows promptly: each pole's R times 1 s / tau, at most R."""
    return sum([pole.r_uk_per_mw * SHOWS_WITHIN_MS // max(pole.tau_ms, SHOWS_WITHIN_MS) for pole in profile.poles])

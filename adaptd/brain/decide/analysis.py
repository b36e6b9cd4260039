"""What can be said of a policy before it runs: can it oscillate, has every state a safe exit, does it hold long enough?

Findings are one line each: key, what is wrong, what would be right. With a profile the plant is known: a sum of first-order poles
that settles at ambient + R P and falls as sum_i R_i dP (1 - e^(-t/tau_i)) after a step of dP.
"""

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.vocabulary import VariantFacts

LIGHT_OVERLAP = 1.25  # a lux sensor within 5 % must not cross both edges of an overlap by noise alone: 4 sigma, and some
SENSOR_NOISE_K = 0.3
NOISE_SPAN = 8  # a hysteresis must be wider than the noise from its lowest to its highest: 4 sigma each way


def findings(policy: Policy) -> list[str]:
    """What is wrong with the policy on any hardware; empty when nothing is."""
    found = []
    for below, above in zip(policy.bands, policy.bands[1:], strict=False):
        up, down = below.up_at_mlx or 0, above.down_at_mlx or 0
        if up < LIGHT_OVERLAP * down:
            found.append(
                f"light.bands: {below.name} and {above.name} overlap from {down / 1000:g} to {up / 1000:g} lux, which noise "
                f"can cross: it can oscillate, raise up_at_lux of {below.name} to {LIGHT_OVERLAP * down / 1000:g} or more"
            )
    gap_k = (policy.limit_mc - policy.resume_mc) / 1000
    if gap_k < NOISE_SPAN * SENSOR_NOISE_K:
        found.append(
            f"thermal.resume_c: is {gap_k:g} K below limit_c, within the noise of a sensor: it can oscillate, lower it to "
            f"{policy.limit_mc / 1000 - NOISE_SPAN * SENSOR_NOISE_K:g} or less"
        )
    return found


def against(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...], dwell_us: int) -> list[str]:
    """What is wrong with the policy on this hardware with these variants; empty when nothing is."""
    reference = next(fact for fact in facts if fact.name == policy.reference)
    round_uj = reference.energy_uj * policy.streams
    floor_mw = policy.floor_mfps * round_uj // 1_000_000
    target_mw = policy.target_mfps * round_uj // 1_000_000
    return [
        *_oscillates(policy, profile, target_mw - floor_mw, dwell_us),
        *_traps(policy, profile, floor_mw),
        *_short(policy, dwell_us),
    ]


def unreachable(policy: Policy, profile: HardwareProfile) -> str:
    """Why no pause keeps the power budget on this board, with the number to change; empty where one does."""
    for key, cap_mw in (("budget_w", policy.budget_mw), ("peak_w", policy.peak_mw)):
        if cap_mw is not None and cap_mw < profile.idle_power_mw:
            return (
                f"power.{key}: is {cap_mw / 1000:g} W, but this board draws {profile.idle_power_mw / 1000:g} W without a single "
                f"frame: no rate keeps it, raise it above {profile.idle_power_mw / 1000:g} or leave `power` out"
            )
    return ""


def settled_mc(profile: HardwareProfile, power_mw: int) -> int:
    """Where the board settles at constant power, at the profile's reference temperature."""
    return profile.ambient_mc + sum(pole.r_uk_per_mw for pole in profile.poles) * power_mw // 1000


def seconds_to_fall(profile: HardwareProfile, step_mw: int, fall_mk: int) -> float | None:
    """Seconds until a drop of ``step_mw`` has cooled the board by ``fall_mk``; None when it never does."""
    if sum(pole.r_uk_per_mw for pole in profile.poles) * step_mw // 1000 <= fall_mk:
        return None
    low, high = 0.0, 40.0 * max(pole.tau_ms for pole in profile.poles) / 1000
    for _ in range(60):
        middle = 0.5 * (low + high)
        fallen = 0.0
        for pole in profile.poles:
            fallen += pole.r_uk_per_mw * step_mw / 1000 * (1.0 - _fade(middle * 1000 / pole.tau_ms))
        low, high = (middle, high) if fallen < fall_mk else (low, middle)
    return high


def _fade(x: float) -> float:
    """e^-x by (1 - x/4096)^4096: a check needs three digits."""
    base = max(0.0, 1.0 - x / 4096.0)
    for _ in range(12):
        base *= base
    return base


def _oscillates(policy: Policy, profile: HardwareProfile, swing_mw: int, dwell_us: int) -> list[str]:
    found = []
    fall = seconds_to_fall(profile, swing_mw, policy.limit_mc - policy.resume_mc)
    if fall is not None and fall * 1e6 < dwell_us:
        found.append(
            f"thermal.resume_c: is reached {fall:.1f} s after shedding load at limit_c, before the dwell of {dwell_us / 1e6:g} s "
            f"that the board's time constants ask for: it can oscillate, lower it"
        )
    if policy.limit_mc >= profile.passive_mc:
        found.append(
            f"thermal.limit_c: is at or above the board's passive trip of {profile.passive_mc / 1000:g} degC, where the kernel "
            f"cuts clocks too: two controllers on one knob can oscillate, lower it below"
        )
    return found


def _traps(policy: Policy, profile: HardwareProfile, floor_mw: int) -> list[str]:
    found = []
    idle_mc = settled_mc(profile, profile.idle_power_mw)
    if idle_mc >= policy.resume_mc:
        found.append(
            f"thermal.resume_c: idle alone settles at {idle_mc / 1000:.1f} degC on this board, so protection has no safe exit: "
            f"raise it, or cool the board"
        )
    floor_mc = settled_mc(profile, profile.idle_power_mw + floor_mw)
    if idle_mc < policy.resume_mc and floor_mc >= policy.limit_mc:
        found.append(
            f"thermal.limit_c: the reference at floor_fps settles at {floor_mc / 1000:.1f} degC on this board, so falling back "
            f"to it is no safe exit: lower floor_fps or raise limit_c"
        )
    least_mw = profile.idle_power_mw + floor_mw
    if words := unreachable(policy, profile):
        found.append(words)
    elif policy.budget_mw is not None and least_mw > policy.budget_mw:
        found.append(
            f"power.budget_w: the reference at floor_fps draws {least_mw / 1000:.1f} W with idle on this board, so falling back "
            f"to it is no safe exit: raise the budget or lower floor_fps"
        )
    if policy.critical_mc > profile.critical_mc:
        found.append(
            f"thermal.critical_c: the board switches itself off at {profile.critical_mc / 1000:g} degC, before critical_c: no "
            f"safe exit is left, lower it"
        )
    return found


def _short(policy: Policy, dwell_us: int) -> list[str]:
    found = []
    for key, lease_us in (("efficient", policy.efficient_lease_us), ("reduced_rate", policy.reduced_lease_us)):
        if lease_us < dwell_us:
            found.append(
                f"lease_s.{key}: {lease_us / 1e6:g} s is shorter than the dwell of {dwell_us / 1e6:g} s that the board's time "
                f"constants ask for, raise it"
            )
    return found

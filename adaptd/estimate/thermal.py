"""Temperature from power: a sum of first-order poles whose strengths, and whose surroundings, are learned on the device.

    T(t) = ambient(t) + sum_i g_i z_i(t),     dz_i/dt = (power - z_i) / tau_i

Each z_i is power seen through a known time constant, so T is linear in the unknowns [ambient, g_1 .. g_m] and recursive least
squares needs no linearisation. A time constant that is wrong is not estimated: a slow pole is given to the learner as two
columns, faster and slower than the profile says, and the mixture of the two follows any time constant between them.
"""

from dataclasses import dataclass
from math import sqrt

from adaptd.config.profile import HardwareProfile
from adaptd.estimate.fixed import exp_minus, fetch, store
from adaptd.estimate.linear import dot, learn, variance_along, widen

NOISE_K = 0.3
NOISE_FLOOR_K, NOISE_CEILING_K = 0.05, 2.0
NOISE_MEMORY = 1.0 / 128.0
GAIN_SD = 0.35  # relative doubt about a resistance, one sigma
BLEND_SD = 0.5  # doubt about the share of the faster column, one sigma
AMBIENT_SD_K = 15.0
AMBIENT_DRIFT_K = 0.012  # per square root of a second
SETTLING_DRIFT_K = 0.12  # the same while the heat stored before the start is still unknown
GAIN_DRIFT = 1e-4
FAST_TAU_S = 5.0
FASTER, SLOWER = 0.65, 1.5
JUMP_SIGMAS = 5.0
SURPRISE_MEMORY = 1.0 / 16.0

Prediction = tuple[float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Columns:
    """What the learner sees of a profile: time constants, first strengths (K/W), first covariance, and settling time."""

    taus_s: tuple[float, ...]
    gains: tuple[float, ...]
    cov: tuple[float, ...]
    settle_s: float


@dataclass(frozen=True, slots=True)
class Heat:
    """The belief, fixed point: stored power ``z`` (W), unknowns [ambient degC, strengths K/W], covariance, noise variance.

    ``strain`` is the running mean of surprise^2 over what was expected (1 when the model fits); ``age_us`` counts readings' time.
    """

    z: tuple[int, ...]
    mean: tuple[int, ...]
    cov: tuple[int, ...]
    noise: int
    strain: int
    age_us: int = 0
    doubt: int = 0


def columns(profile: HardwareProfile) -> Columns:
    """The learner's columns: a fast pole as it is, a slow one as a faster and a slower half."""
    taus: list[float] = []
    gains: list[float] = []
    blocks: list[tuple[int, float, float]] = []
    for pole in profile.poles:
        tau, r = pole.tau_ms / 1000.0, pole.r_uk_per_mw / 1000.0
        if tau <= FAST_TAU_S:
            blocks.append((1, r, r))
            taus.append(tau)
            gains.append(r)
        else:
            blocks.append((2, r, r))
            taus += [FASTER * tau, SLOWER * tau]
            gains += [0.5 * r, 0.5 * r]
    return Columns(tuple(taus), tuple(gains), tuple(_prior(blocks)), 3.0 * max(taus))


def _prior(blocks: list[tuple[int, float, float]]) -> list[float]:
    """Upper triangle: a pair's sum is known to GAIN_SD, its difference to BLEND_SD."""
    size = 1 + sum(block[0] for block in blocks)
    full = [[0.0] * size for _ in range(size)]
    full[0][0] = AMBIENT_SD_K * AMBIENT_SD_K
    at = 1
    for width, r, _ in blocks:
        both, apart = GAIN_SD * r * GAIN_SD * r, BLEND_SD * r * BLEND_SD * r
        if width == 1:
            full[at][at] = both
        else:
            full[at][at] = full[at + 1][at + 1] = 0.25 * (both + apart)
            full[at][at + 1] = 0.25 * (both - apart)
        at += width
    return [full[i][j] for i in range(size) for j in range(i, size)]


def start(table: Columns, profile: HardwareProfile) -> Heat:
    """Before any reading: the profile's poles, settled at idle power."""
    idle = profile.idle_power_mw / 1000.0
    mean = [profile.ambient_mc / 1000.0, *table.gains]
    return Heat(
        store([idle] * len(table.taus_s)), store(mean), store(list(table.cov)), store([NOISE_K * NOISE_K])[0], store([1.0])[0]
    )


def observe(heat: Heat, table: Columns, power_w: float, temperature_mc: int | None, dt_s: float) -> Heat:
    """An interval of ``dt_s`` at ``power_w``, ended by a reading; None where nothing was measured."""
    z = fetch(heat.z)
    for i, tau in enumerate(table.taus_s):
        a = exp_minus(dt_s / tau)
        z[i] = a * z[i] + (1.0 - a) * power_w
    mean, cov = fetch(heat.mean), fetch(heat.cov)
    noise, strain = fetch((heat.noise, heat.strain))
    settling = 1.0 / (1.0 + heat.age_us / 1e6 / table.settle_s * 3.0)
    drift = AMBIENT_DRIFT_K + SETTLING_DRIFT_K * settling * settling
    loose = max(1.0, strain)
    widen(cov, [drift * drift * dt_s * loose * loose] + [GAIN_DRIFT * GAIN_DRIFT * dt_s] * len(z))
    doubt, age_us = 0, heat.age_us
    if temperature_mc is not None:
        age_us += int(dt_s * 1e6)
        row = [1.0, *z]
        y = temperature_mc / 1000.0
        surprise = y - dot(row, mean)
        total = variance_along(cov, row) + noise
        ratio = surprise * surprise / total
        doubt = heat.doubt + 1 if ratio > JUMP_SIGMAS * JUMP_SIGMAS else 0
        if doubt == 0 or doubt >= 3 or age_us < 5_000_000:
            if doubt:
                cov[0] += surprise * surprise
            learn(mean, cov, row, y, noise)
            capped = min(ratio, 16.0)
            strain += SURPRISE_MEMORY * (capped - strain)
            if not doubt:
                noise += NOISE_MEMORY * (surprise * surprise - total)
                low, high = NOISE_FLOOR_K * NOISE_FLOOR_K, NOISE_CEILING_K * NOISE_CEILING_K
                noise = max(low, min(noise, high))
    return Heat(store(z), store(mean), store(cov), store([noise])[0], store([strain])[0], age_us, doubt)


def temperature(heat: Heat) -> tuple[float, float]:
    """The believed temperature now in degC, and one sigma."""
    row = [1.0, *fetch(heat.z)]
    return dot(row, fetch(heat.mean)), sqrt(variance_along(fetch(heat.cov), row))


def ahead(heat: Heat, fades: tuple[tuple[float, tuple[float, ...]], ...], power_w: float) -> list[Prediction]:
    """For each (horizon_s, e^-horizon/tau per column) of ``fades``: horizon, free, gain, sigma, sigma of the gain.

    The temperature at the horizon under constant power u is free + gain * u degC; sigma holds at ``power_w``, drawn now.
    """
    z, mean, cov = fetch(heat.z), fetch(heat.mean), fetch(heat.cov)
    found = []
    for horizon_s, kept in fades:
        free, gain = mean[0], 0.0
        row, up = [1.0], [0.0]
        for z_i, g_i, a in zip(z, mean[1:], kept, strict=True):
            b = 1.0 - a
            free += g_i * z_i * a
            gain += g_i * b
            row.append(z_i * a + power_w * b)
            up.append(b)
        sigma2 = variance_along(cov, row)
        gain2 = variance_along(cov, up)
        found.append((horizon_s, free, gain, sqrt(sigma2 + AMBIENT_DRIFT_K * AMBIENT_DRIFT_K * horizon_s), sqrt(gain2)))
    return found


def fades(table: Columns, horizons_s: tuple[float, ...]) -> tuple[tuple[float, tuple[float, ...]], ...]:
    """The part of each column's stored power that is left after each horizon."""
    return tuple((h, tuple(exp_minus(h / tau) for tau in table.taus_s)) for h in horizons_s)


def stored_k(heat: Heat, table: Columns) -> float:
    """The rise over ambient in kelvin by the profile's own strengths, whatever was learned since."""
    return dot(list(table.gains), fetch(heat.z))

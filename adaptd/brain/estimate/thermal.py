"""Temperature from power: a sum of first-order poles whose strengths, and whose surroundings, are learned on the device.

    T(t) = ambient(t) + sum_i g_i z_i(t),     dz_i/dt = (power - z_i) / tau_i,     dambient/dt = slope(t)

Each z_i is power seen through a known time constant, so T is linear in the unknowns [ambient, slope, g_1 .. g_m] and recursive
least squares needs no linearisation. A time constant that is wrong is not estimated: a slow pole is given to the learner as two
columns, faster and slower than the profile says, and the mixture of the two follows any time constant between them.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt
from typing import NamedTuple

from adaptd.brain.estimate.fixed import INVERSE, ONE, exp_minus, fetch, store
from adaptd.brain.estimate.linear import Triangle, Vector, along, dot, leaning, learn, look, looseness, widen, worst
from adaptd.config.profile import HardwareProfile

NOISE_K = 0.3
NOISE_FLOOR_K, NOISE_CEILING_K = 0.05, 2.0
NOISE_MEMORY = 1.0 / 128.0
GAIN_SD = 0.35  # relative doubt about a resistance, one sigma
BLEND_SD = 0.5  # doubt about the share of the faster column, one sigma
AMBIENT_SD_K = 15.0
AMBIENT_DRIFT_K = 0.0005  # per square root of a second, beside its slope
SETTLING_DRIFT_K = 0.12  # the same while the heat stored before the start is still unknown
SLOPE_SD_K = 0.0002  # per second: 0.7 K an hour
SLOPE_MEMORY_S = 600.0
SENSOR_LAG_S = 1.5  # sensors follow the chip; assuming no lag would teach the learner too weak a fast pole
GAIN_DRIFT = 1e-5
FAST_TAU_S = 5.0
FASTER, SLOWER = 0.65, 1.5
JUMP_SIGMAS = 5.0
LEAN_MEMORY = 24.0  # readings over which surprises are averaged
BELIEVED_AFTER = 3  # readings in a row far from the prediction, before they are believed
START_US = 5_000_000
GAP_SHARE = 0.2  # part of the power drawn while nobody looked that may have been otherwise, one sigma
SETTLED = 3.0  # settling times after which a longer watch says no more of the heat stored before it
BLIND_S = 600.0  # without a thermometer nothing is corrected: what counts is where the board settles
BLIND_K, BLIND_K_PER_S = 10.0, 1.0 / 60.0  # what may happen unseen: a fan that dies, at once; doors and the day, as time goes by

Prediction = tuple[float, float, float, float, float]
Horizons = tuple[tuple[float, Vector, Vector], ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """What the learner sees of a profile: time constants, first strengths (K/W), first covariance, and settling time."""

    taus_s: tuple[float, ...]
    strengths: list[float]
    cov: tuple[int, ...]
    settle_s: float
    settled: Horizons = ()


class Heat(NamedTuple):
    """The belief, fixed point: stored power ``z`` (W), the same as a lagging sensor shows it (``felt``), the unknowns
    [ambient degC, its slope K/s, strengths K/W], their
    covariance, the noise variance.

    ``surprise`` is the last one (K), ``lean`` the running mean of surprises in their own sigma: far from 0 the belief lags behind
    what happens and must move faster; ``age_us`` is the time with readings, ``blind_us`` that since the last one.
    """

    z: tuple[int, ...]
    felt: tuple[int, ...]
    mean: tuple[int, ...]
    cov: tuple[int, ...]
    noise: int
    lean: int
    surprise: int
    age_us: int = 0
    doubt: int = 0
    blind_us: int = 0


@dataclass(slots=True)
class Outlook:
    """What follows for this tick: temperature now and one sigma (degC), predictions, the rise that the profile alone expects.

    Without a reading they are those after the highest reading that would still have been believed, and the last of them is where
    the board settles if unseen things have happened besides (``modelled``). ``risen``: the reading is so
    far above the prediction that it is not believed yet; the prediction then is not to be relied on either.
    """

    now_k: float
    sd_k: float
    ahead: list[Prediction]
    stored_k: float
    risen: bool = False
    modelled: bool = False


def columns(profile: HardwareProfile) -> Columns:
    """The learner's columns: a fast pole as it is, a slow one as a faster and a slower half."""
    taus: list[float] = []
    gains: list[float] = []
    blocks: list[tuple[int, float]] = []
    for pole in profile.poles:
        tau, r = pole.tau_ms / 1000.0, pole.r_uk_per_mw / 1000.0
        if tau <= FAST_TAU_S:
            blocks.append((1, r))
            taus.append(tau)
            gains.append(r)
        else:
            blocks.append((2, r))
            taus += [FASTER * tau, SLOWER * tau]
            gains += [0.5 * r, 0.5 * r]
    table = Columns(tuple(taus), gains, store(_prior(blocks)), 3.0 * max(taus))
    return replace(table, settled=horizons(table, (BLIND_S,)))


def _prior(blocks: list[tuple[int, float]]) -> Triangle:
    """A pair's sum is known to GAIN_SD, its difference to BLEND_SD."""
    size = 2 + sum(width for width, _ in blocks)
    full = [[0.0] * size for _ in range(size)]
    full[0][0] = AMBIENT_SD_K * AMBIENT_SD_K
    full[1][1] = SLOPE_SD_K * SLOPE_SD_K
    at = 2
    for width, r in blocks:
        both, apart = GAIN_SD * r * GAIN_SD * r, BLEND_SD * r * BLEND_SD * r
        if width == 1:
            full[at][at] = both
        else:
            full[at][at] = full[at + 1][at + 1] = 0.25 * (both + apart)
            full[at][at + 1] = 0.25 * (both - apart)
        at += width
    return [value for line, row in enumerate(full) for value in row[line:]]


def start(table: Columns, profile: HardwareProfile) -> Heat:
    """Before any reading: the profile's poles, settled at idle power."""
    idle = profile.idle_power_mw / 1000.0
    mean = [profile.ambient_mc / 1000.0, 0.0, *table.strengths]
    settled = store([idle] * len(table.taus_s))
    return Heat(settled, settled, store(mean), table.cov, int(NOISE_K * NOISE_K * ONE), 0, 0)


def resume(before: Heat, table: Columns, fresh: Heat, gap_us: int | None, mean_w: float) -> Heat:
    """The belief after a restart: what was learned of the board goes on, what nobody saw is open.

    In the ``gap_us`` that were not seen the board drew ``mean_w`` on average, give or take a part. The air may have become
    another one as fast as before the first reading. None: nobody knows how long it was; the board is then taken to have
    settled, so that heat which is still stored counts as the air's, and the learned strengths are only a better guess than the
    profile's.
    """
    mean, cov = fetch(before.mean), fetch(before.cov)
    size = len(mean)
    if gap_us is None:
        mean[1] = 0.0
        return fresh._replace(mean=store(mean), noise=before.noise)
    gap_s = gap_us / 1e6
    keeps, _, fade = _fading(table.taus_s, gap_s)
    z = [mean_w + keep * (stored * INVERSE - mean_w) for keep, stored in zip(keeps, before.z, strict=True)]
    unsure_k = GAP_SHARE * mean_w * dot(mean[2:], [1.0 - keep for keep in keeps])
    mean[1] *= fade
    for at in range(1, size):  # nothing that was learned together with the air of before holds it now
        cov[at] = 0.0
    for at in range(size + 1, 2 * size - 1):
        cov[at] = 0.0
    cov[size] = SLOPE_SD_K * SLOPE_SD_K
    moved = SETTLING_DRIFT_K * SETTLING_DRIFT_K * gap_s + unsure_k * unsure_k
    widen(cov, size, moved, GAIN_DRIFT * GAIN_DRIFT * gap_s, AMBIENT_SD_K * AMBIENT_SD_K)
    age_us = int(min(before.age_us, SETTLED * table.settle_s * 1e6) * exp_minus(3.0 * gap_s / table.settle_s))
    return before._replace(
        z=store(z), felt=store(z), mean=store(mean), cov=store(cov), lean=0, surprise=0, age_us=age_us, doubt=0, blind_us=0
    )


def observe(
    heat: Heat, table: Columns, ahead_s: Horizons, power_w: float, temperature_mc: int | None, dt_s: float
) -> tuple[Heat, Outlook]:
    """An interval of ``dt_s`` at ``power_w``, ended by a reading (None: nothing was measured), and the outlook from its end."""
    keeps, lag, fade = _fading(table.taus_s, dt_s)
    z, felt = [], []
    for keep, stored, shown in zip(keeps, heat.z, heat.felt, strict=True):
        now = power_w + keep * (stored * INVERSE - power_w)
        z.append(now)
        felt.append(now + lag * (shown * INVERSE - now))
    size, known = len(heat.mean), fetch(heat.mean + heat.cov)
    mean = known[:size]
    noise, lean, age_us, doubt = heat.noise * INVERSE, heat.lean * INVERSE, heat.age_us, 0
    surprise = 0.0
    cov = _drift(mean, known[size:], age_us / 1e6 / table.settle_s, looseness(lean, LEAN_MEMORY), fade, dt_s)
    row = [1.0, 0.0, *felt]
    predicted, product, variance = look(mean, cov, row)
    if temperature_mc is not None:
        age_us += int(dt_s * 1e6)
        surprise, total = temperature_mc / 1000.0 - predicted, variance + noise
        square = surprise * surprise
        doubt = heat.doubt + 1 if square > JUMP_SIGMAS * JUMP_SIGMAS * total else 0
        if doubt >= BELIEVED_AFTER or (doubt and age_us < START_US):
            cov[0] += square
            product[0] += square
            variance += square
            total += square
        if doubt == 0 or doubt >= BELIEVED_AFTER or age_us < START_US:
            lean = leaning(lean, surprise, total, LEAN_MEMORY)
            mean, cov = learn(mean, cov, product, surprise, total)
            between = surprise - heat.surprise * INVERSE
            variance *= 1.0 - variance / total
        if doubt == 0 and age_us > START_US:
            # Half the mean square difference of neighbours: a belief that lags behind does not look like noise.
            noise += NOISE_MEMORY * (0.5 * between * between - noise)
            noise = max(NOISE_FLOOR_K * NOISE_FLOOR_K, min(NOISE_CEILING_K * NOISE_CEILING_K, noise))
    blind_us = 0 if temperature_mc is not None else heat.blind_us + int(dt_s * 1e6)
    fixed, poles, rest = store([*z, *felt, *mean, *cov]), len(z), 2 * len(z) + size
    after = Heat(
        fixed[:poles],
        fixed[poles : 2 * poles],
        fixed[2 * poles : rest],
        fixed[rest:],
        int(noise * ONE),
        int(lean * ONE),
        int(surprise * ONE),
        age_us,
        doubt,
        blind_us,
    )
    if temperature_mc is None:
        mean = worst(mean, product, variance, noise, JUMP_SIGMAS)
    now_k, stored_k = _standing(z, mean, table.strengths)
    ahead = _ahead(z, mean, cov, variance, ahead_s)
    modelled = temperature_mc is None and age_us >= START_US and not heat.doubt
    if modelled:
        ahead += _unseen(_ahead(z, mean, cov, variance, table.settled)[0], blind_us)
    risen = 0 < doubt < BELIEVED_AFTER and surprise > 0.0 and age_us >= START_US
    return after, Outlook(now_k, sqrt(variance), ahead, stored_k, risen, modelled)


def _standing(z: Vector, mean: Vector, strengths: Vector) -> tuple[float, float]:
    """The temperature now by what was learned, and the stored heat at the strengths of the profile, in kelvin."""
    now_k, stored_k, learned = mean[0], 0.0, mean[2:]
    for watts, strength, first in zip(z, learned, strengths, strict=True):
        now_k += strength * watts
        stored_k += first * watts
    return now_k, stored_k


def _drift(mean: Vector, cov: Triangle, age: float, loose: float, fade: float, dt_s: float) -> Triangle:
    """Kalman's time update: ambient moves along its slope, the slope fades, everything wanders; ``mean`` in place.

    ``age`` is the time with readings over the settling time, ``loose`` how many times more than usual things move.
    """
    size = len(mean)
    mean[0] += mean[1] * dt_s
    mean[1] *= fade
    ambient, both, slope = cov[0], cov[1], cov[size]
    with_ambient, with_slope = cov[2:size], cov[size + 1 : 2 * size - 1]
    along_slope = both + slope * dt_s
    wandered = SLOPE_SD_K * SLOPE_SD_K * (1.0 - fade * fade) * loose * loose
    for at, tie in enumerate(with_slope):
        with_ambient[at] += tie * dt_s
        with_slope[at] = tie * fade
    after = [
        ambient + both * dt_s + along_slope * dt_s,
        along_slope * fade,
        *with_ambient,
        slope * fade * fade + wandered,
        *with_slope,
        *cov[2 * size - 1 :],
    ]
    settling = 1.0 / (1.0 + 3.0 * age)
    drift = (AMBIENT_DRIFT_K + SETTLING_DRIFT_K * settling * settling) * loose
    widen(after, size, drift * drift * dt_s, GAIN_DRIFT * GAIN_DRIFT * dt_s, AMBIENT_SD_K * AMBIENT_SD_K)
    return after


@lru_cache(maxsize=64)
def _fading(taus_s: tuple[float, ...], dt_s: float) -> tuple[tuple[float, ...], float, float]:
    """e^(-dt/tau) of every column, of the sensor's lag and of the slope."""
    keeps = tuple([exp_minus(dt_s / tau) for tau in taus_s])
    return keeps, exp_minus(dt_s / SENSOR_LAG_S), exp_minus(dt_s / SLOPE_MEMORY_S)


def _ahead(z: Vector, mean: Vector, cov: Triangle, variance: float, horizons: Horizons) -> list[Prediction]:
    """For each of ``horizons``: horizon, free, gain, sigma, sigma of the gain.

    Temperature at the horizon under constant power u is free + gain * u degC; sigma holds near the power drawn now, for which the
    belief about the temperature now, of this ``variance``, is carried forward along the slope.
    """
    found = []
    size = len(mean)
    slope_variance, drift_variance, strengths = cov[size], AMBIENT_DRIFT_K * AMBIENT_DRIFT_K, mean[2:]
    block = cov[2 * size - 1 :]
    for horizon_s, kept, risen in horizons:
        ties = along(block, risen)
        rest = gain = gain_variance = 0.0
        for strength, stored, left, gone, tie in zip(strengths, z, kept, risen, ties, strict=True):
            rest += strength * stored * left
            gain += strength * gone
            gain_variance += gone * tie
        sigma = sqrt(variance + (slope_variance * horizon_s + drift_variance) * horizon_s)
        found.append((horizon_s, mean[0] + mean[1] * horizon_s + rest, gain, sigma, sqrt(max(0.0, gain_variance))))
    return found


def _unseen(settled: Prediction, blind_us: int) -> list[Prediction]:
    """Where the board settles, warmer by what may have happened since anyone looked."""
    horizon_s, free, gain, sigma, gain_sigma = settled
    return [(horizon_s, free + BLIND_K + BLIND_K_PER_S * blind_us / 1e6, gain, sigma, gain_sigma)]


def believed_mc(heat: Heat) -> int:
    """The believed temperature in millidegrees, without its doubt."""
    return int(dot([1.0, 0.0, *fetch(heat.z)], fetch(heat.mean)) * 1000)


def horizons(table: Columns, seconds: tuple[float, ...]) -> Horizons:
    """For each horizon: the part of each column's stored power that is left after it, and the part that has been replaced."""
    found = []
    for horizon_s in seconds:
        kept = [exp_minus(horizon_s / tau) for tau in table.taus_s]
        found.append((horizon_s, kept, [1.0 - part for part in kept]))
    return tuple(found)

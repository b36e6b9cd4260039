"""Splits measured power into idle and other load (one unknown) and the energy per frame of each variant (one scale each).

    power = base + sum over variants of scale_v * load_v,    load_v = rate_v * nominal energy_v * slow-down_v

``base`` may step at any time (another program starts), the scales hardly move. All unknowns in watts or as pure numbers.
"""

from dataclasses import dataclass

from adaptd.estimate.fixed import fetch, store
from adaptd.estimate.linear import deviation, dot, learn, triangle, variance_along, widen

NOISE_W = 0.2  # first guess of the sensor's noise; learned afterwards
NOISE_FLOOR_W, NOISE_CEILING_W = 0.02, 1.0
NOISE_MEMORY = 1.0 / 64.0
SCALE_SD = 0.2  # what qualification may be wrong by, one sigma
BASE_DRIFT_W = 0.02  # random walk of idle and other load, per square root of a second
SCALE_DRIFT = 0.0005
JUMP_SIGMAS = 4.0


@dataclass(frozen=True, slots=True)
class Split:
    """The belief: unknowns [base, scale of each variant], their covariance, the sensor's noise variance (W^2), all fixed point.

    ``used_uw`` is the power believed to have been drawn during the last interval. ``doubt`` counts refused falls in a row.
    """

    mean: tuple[int, ...]
    cov: tuple[int, ...]
    noise: int
    used_uw: int
    doubt: int = 0


def start(idle_mw: int, variants: int) -> Split:
    """Before any reading: the profile's idle power, give or take half of it, and the bundle's energies, give or take 20 %."""
    idle = idle_mw / 1000.0
    spread = triangle([0.25 * idle * idle + 0.25] + [SCALE_SD * SCALE_SD] * variants)
    return Split(store([idle] + [1.0] * variants), store(spread), store([NOISE_W * NOISE_W])[0], idle_mw * 1000)


def observe(split: Split, loads: list[float], power_mw: int | None, dt_s: float) -> Split:
    """One interval in which variant v drew ``loads[v]`` watts by the book; ``power_mw`` None where nothing was measured."""
    mean, cov = fetch(split.mean), fetch(split.cov)
    noise = fetch((split.noise,))[0]
    row = [1.0, *loads]
    doubt = 0
    widen(cov, [BASE_DRIFT_W * BASE_DRIFT_W * dt_s] + [SCALE_DRIFT * SCALE_DRIFT * dt_s] * len(loads))
    if power_mw is not None:
        y = power_mw / 1000.0
        surprise = y - dot(row, mean)
        total = variance_along(cov, row) + noise
        if surprise * surprise > JUMP_SIGMAS * JUMP_SIGMAS * total:
            # A rise is believed at once, a fall only when it is seen twice: a dead sensor must not look like spare power.
            doubt = split.doubt + 1 if surprise < 0.0 else 2
            if doubt >= 2:
                cov[0] += surprise * surprise
                learn(mean, cov, row, y, noise)
        else:
            learn(mean, cov, row, y, noise)
            noise = _relearn_noise(noise, surprise, total)
    return Split(store(mean), store(cov), store([noise])[0], int(dot(row, mean) * 1e6), doubt)


def _relearn_noise(noise: float, surprise: float, total: float) -> float:
    """Sensor noise from surprises: E[surprise^2] = total when the model is right."""
    noise += NOISE_MEMORY * (surprise * surprise - total)
    low, high = NOISE_FLOOR_W * NOISE_FLOOR_W, NOISE_CEILING_W * NOISE_CEILING_W
    return max(low, min(noise, high))


def predict(split: Split, loads: list[float]) -> tuple[float, float]:
    """Predicted power in watts at ``loads``, and its variance."""
    row = [1.0, *loads]
    return dot(row, fetch(split.mean)), variance_along(fetch(split.cov), row)


def base_w(split: Split) -> float:
    """Believed idle and other load in watts."""
    return fetch(split.mean[:1])[0]


def scales(split: Split) -> list[float]:
    """Believed energy of each variant over the book's; never below a tenth."""
    return [max(0.1, scale) for scale in fetch(split.mean[1:])]


def deviation_w(split: Split, loads: list[float]) -> float:
    """One sigma of the believed power at ``loads``, in watts."""
    return deviation(variance_along(fetch(split.cov), [1.0, *loads]))


def noise_mw(split: Split) -> int:
    """One sigma of the sensor, in milliwatts."""
    return int(deviation(fetch((split.noise,))[0]) * 1000)

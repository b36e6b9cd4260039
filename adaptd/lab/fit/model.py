"""From a box's days to what its twin needs: energy and pace per engine, poles, and what the world did hour by hour.

    P(t) = base(t) + sum_v E_v (frames_v + shadow frames_v)(t) slow(t)
    T(t) = ambient(t) + sum_i x_i(t),   dx_i/dt = (scale_r r_i P - x_i) / (scale_tau tau_i)

base and ambient are what our choices do not touch (exogenous): piecewise linear with a knot an hour, as random walks. E_v starts
from the bundle's figure and the poles from the profile's, each with a prior; what the log cannot tell keeps its prior's width.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptd.lab.fit.least_squares import Normal, Solution, hat, normal, prior_rows, solve
from adaptd.lab.fit.light import compared
from adaptd.lab.fit.readings import Grid
from adaptd.lab.fit.scenes import Differs, differs_of
from adaptd.lab.timeline import Array

BLOCK_S = 60.0
KNOT_S = 3600.0
PRIOR_SHARE = 0.3  # how far energies and poles of the same board and bundle may lie from what is written, one standard deviation
BASE_STEP_W, AMBIENT_STEP_K = 0.3, 1.0  # how much base power and ambient change within an hour, one standard deviation
FREE_K = 20.0
TAU_GRID = np.exp(np.linspace(np.log(0.4), np.log(2.5), 23))
CALM = 0.02  # contention that changes less than this is none
MOST_ROWS = 24_000
PINNED = 1e-6
SMOOTH_S = 300.0


@dataclass(slots=True)
class Estimate:
    """A number with one standard deviation."""

    value: float
    sd: float


@dataclass(slots=True)
class Fitted:
    """What a set of days says. Curves are arrays over the knots, one an hour since the log began, of the whole log.

    ``energy_j`` above idle a frame, ``latency_us`` without contention, ``differs`` by band and variant.
    """

    base_w: Array
    ambient_c: Array
    slow: Array
    energy_j: dict[str, Estimate]
    latency_us: dict[str, Estimate]
    r_scale: Estimate
    tau_scale: Estimate
    differs: dict[tuple[str, str], Differs]
    noise_temperature_c: float
    noise_power_w: float
    noise_light_pct: float
    noise_latency_pct: float
    days: tuple[int, ...]

    @property
    def idle_w(self) -> float:
        """The least base power of any hour: what is above it is other load."""
        return max(0.05, float(np.min(self.base_w)))


def blocks_of(grid: Grid, values: Array) -> Array:
    """Means over blocks of about a minute, (blocks,); NaN where a block holds nothing."""
    return means(values, _width(grid))


def _width(grid: Grid) -> int:
    return max(1, round(BLOCK_S / grid.tick_s))


def _middles(grid: Grid, width: int) -> Array:
    """Seconds since the log began of the middle of every ``width`` rows."""
    return np.asarray((np.arange(grid.ticks // width) + 0.5) * width * grid.tick_s, dtype=np.float64)


def means(values: Array, width: int) -> Array:
    count = len(values) // width
    parts = values[: count * width].reshape(count, width)
    known = np.isfinite(parts)
    sums = np.where(known, parts, 0.0).sum(axis=1)
    return np.asarray(np.where(known.sum(axis=1) * 2 >= width, sums / np.maximum(1, known.sum(axis=1)), np.nan))


def fit(grid: Grid, days: tuple[int, ...], pinned: "Fitted | None" = None) -> Fitted:
    """Fit on these days of the grid, the other days' readings unseen.

    With ``pinned`` energies and poles are those of another fit, and only what the world did is read from the days.

    Raises:
        ValueError: no block of these days holds both power and frames.
    """
    times = _middles(grid, _width(grid))
    chosen = np.isin((times // 86_400).astype(int), days)
    knots = np.arange(0.0, times[-1] + 2 * KNOT_S, KNOT_S)
    latency, spread, slow_block = _pace(grid, chosen)
    slow = _curve_of(times, slow_block, knots, chosen)
    power, energies = _power(grid, times, knots, chosen, np.interp(times, knots, slow), pinned)
    heat, tau = _heat(grid, knots, days, _drawn(grid, knots, power.theta, slow), pinned)
    k = len(knots)
    return Fitted(
        base_w=power.theta[:k],
        ambient_c=heat.theta[:k],
        slow=slow,
        energy_j=energies,
        latency_us=latency,
        r_scale=Estimate(max(0.05, float(heat.theta[k])), heat.sd(k)),
        tau_scale=tau,
        differs={key: differs_of(minutes) for key, minutes in compared(grid, days).items()},
        noise_temperature_c=_jitter(grid.temperature_c),
        noise_power_w=_jitter(grid.power_w),
        noise_light_pct=min(50.0, 100 * _jitter(np.log(np.maximum(grid.light_lux, 1e-3)))),
        noise_latency_pct=min(50.0, spread),
        days=days,
    )


def _jitter(values: Array) -> float:
    """One standard deviation of a reading's noise: the middle of its second differences, which no slow curve reaches."""
    steps = np.abs(np.diff(values, 2))
    steps = steps[np.isfinite(steps)]
    return float(np.median(steps) / (0.6745 * np.sqrt(6))) if len(steps) else 0.0


def _pace(grid: Grid, chosen: NDArray[np.bool_]) -> tuple[dict[str, Estimate], float, Array]:
    """Latency of each variant in its calmest half, the spread of one frame in per cent, and contention by block."""
    found: dict[str, Estimate] = {}
    ratio = np.full(len(chosen), np.nan)
    spread = 0.0
    for v, fact in enumerate(grid.facts):
        frames, busy = blocks_of(grid, grid.frames[v]), blocks_of(grid, grid.busy_us[v])
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.where(frames > 0, busy / frames, np.nan)
        ours = each[chosen & np.isfinite(each)]
        if len(ours) < 5:
            found[fact.name] = Estimate(fact.latency_us, PRIOR_SHARE * fact.latency_us)
            continue
        base = float(np.quantile(ours, 0.25) + np.quantile(ours, 0.5)) / 2
        found[fact.name] = Estimate(base, float(np.std(ours) / np.sqrt(len(ours))))
        jump = np.abs(np.diff(ours)) / base * np.sqrt(np.median(frames[chosen & (frames > 0)]) * _width(grid))
        spread = max(spread, 100 * float(np.median(jump) / (0.6745 * np.sqrt(2))))
        ratio = np.where(np.isfinite(each), each / base, ratio)
    return found, spread, ratio


def _curve_of(times: Array, values: Array, knots: Array, chosen: NDArray[np.bool_]) -> Array:
    """Medians around each knot; 1 everywhere where nothing changes."""
    curve = np.ones(len(knots))
    hour = np.rint(times / KNOT_S).astype(int)
    for at in np.unique(hour[chosen]):
        here = values[chosen & (hour == at) & np.isfinite(values)]
        if len(here) >= 3:
            curve[at] = np.median(here)
    return curve if float(np.std(curve)) > CALM else np.ones(len(knots))


def _power(
    grid: Grid, times: Array, knots: Array, chosen: NDArray[np.bool_], slow: Array, pinned: Fitted | None
) -> tuple[Solution, dict[str, Estimate]]:
    """Base power by the hour and energy a frame of each variant."""
    y = blocks_of(grid, grid.power_w)
    rates = [blocks_of(grid, grid.frames[v] + grid.beside[v]) / grid.tick_s * slow for v in range(len(grid.facts))]
    use = chosen & np.isfinite(y) & np.all(np.isfinite(rates), axis=0)
    if int(use.sum()) < 10:
        raise ValueError("no stretch of these days has both power and frames")
    k = len(knots)
    x = np.hstack([hat(times[use], knots), np.array(rates).T[use]])
    idle = grid.profile.idle_power_mw / 1000
    priors = [(0, idle, idle)]
    for v, fact in enumerate(grid.facts):
        told = fact.energy_uj / 1e6 if pinned is None else pinned.energy_j[fact.name].value
        priors.append((k + v, told, told * (PRIOR_SHARE if pinned is None else PINNED)))
    found = solve(x, y[use], *prior_rows(k + len(rates), priors, k, BASE_STEP_W))
    energies = {fact.name: Estimate(max(1e-5, float(found.theta[k + v])), found.sd(k + v)) for v, fact in enumerate(grid.facts)}
    return found, energies


def _drawn(grid: Grid, knots: Array, theta: Array, slow: Array) -> Array:
    """Power without the meter's noise: what the engines explain, and of the rest, smoothed over minutes, what is no noise.

    Noise in what drives the poles would make every pole look weaker and slower than it is (errors in variables). Of a smoothed
    rest as small as the meter's noise would leave it nothing counts (James and Stein's shrinkage).
    """
    clock = np.arange(grid.ticks) * grid.tick_s
    told = np.interp(clock, knots, theta[: len(knots)])
    for v in range(len(grid.facts)):
        rate = np.nan_to_num(grid.frames[v] + grid.beside[v]) / grid.tick_s
        told = told + theta[len(knots) + v] * rate * np.interp(clock, knots, slow)
    width = min(grid.ticks, max(1, round(SMOOTH_S / grid.tick_s)) | 1)
    rest = _filled(grid.power_w) - told
    sums, counts = (np.convolve(one, np.ones(width), mode="same") for one in (rest, np.ones(grid.ticks)))
    smooth = sums / counts
    noise = _jitter(grid.power_w) ** 2 / width
    return np.asarray(told + smooth * max(0.0, 1 - noise / max(1e-12, float(np.mean(smooth**2)))))


def _heat(grid: Grid, knots: Array, days: tuple[int, ...], drawn: Array, pinned: Fitted | None) -> tuple[Solution, Estimate]:
    """Ambient by the hour and the scale of all resistances, for the scale of all time constants that explains most."""
    soak = _Soak(grid, knots, days, drawn, None if pinned is None else pinned.r_scale.value)
    if pinned is not None:
        return soak.solve(pinned.tau_scale.value), pinned.tau_scale
    losses = np.array([soak.loss(float(scale)) for scale in TAU_GRID]) + (np.log(TAU_GRID) / PRIOR_SHARE) ** 2
    at = int(np.argmin(losses))
    low, high = max(0, at - 1), min(len(TAU_GRID) - 1, at + 1)
    scale, sd = float(TAU_GRID[at]), PRIOR_SHARE
    if low < at < high:
        logs = np.log(TAU_GRID[low : high + 1])
        bend, slope, _ = np.polyfit(logs - logs[1], losses[low : high + 1], 2)
        if bend > 0:
            scale = float(np.exp(logs[1] + np.clip(-slope / (2 * bend), logs[0] - logs[1], logs[2] - logs[1])))
            sd = float(min(PRIOR_SHARE, np.sqrt(1 / bend)))
    return soak.solve(scale), Estimate(scale, scale * sd)


class _Soak:
    """The temperature equations of some days, for any scale of the time constants: only two columns depend on it."""

    def __init__(self, grid: Grid, knots: Array, days: tuple[int, ...], drawn: Array, r_scale: float | None) -> None:
        slowest_s = max(pole.tau_ms for pole in grid.profile.poles) / 1000
        self._width = max(1, round(min(BLOCK_S, slowest_s / 4) / grid.tick_s), -(-grid.ticks // MOST_ROWS))
        self._grid, self._power = grid, drawn
        times = _middles(grid, self._width)
        y = means(grid.temperature_c, self._width)
        self._use = np.isin((times // 86_400).astype(int), days) & np.isfinite(y)
        if int(self._use.sum()) < 10:
            raise ValueError("no stretch of these days has a temperature")
        self._y, self._hat = y[self._use], hat(times[self._use], knots)
        self._fixed = normal(self._hat, self._y)
        k = len(knots)
        scale = (k, r_scale or 1.0, PINNED if r_scale else PRIOR_SHARE)
        expected = [(0, grid.profile.ambient_mc / 1000, FREE_K), scale, (k + 1, 0.0, 5.0)]
        self._prior, self._wants = prior_rows(k + 2, expected, k, AMBIENT_STEP_K)

    def loss(self, scale: float) -> float:
        """What is left unexplained at this scale."""
        z, fixed = self._moving(scale), self._fixed
        cross = self._hat.T @ z
        gram = np.block([[fixed.gram, cross], [cross.T, z.T @ z]])
        moment = np.concatenate([fixed.moment, z.T @ self._y])
        return Normal(gram, moment, fixed.square, fixed.rows).minimum(self._prior, self._wants, 0.01)[2]

    def solve(self, scale: float) -> Solution:
        """Ambient at the knots, then the scale of the resistances, then what the start still held."""
        return solve(np.hstack([self._hat, self._moving(scale)]), self._y, self._prior, self._wants, floor=0.01)

    def _moving(self, scale: float) -> Array:
        """The rise that the profile's poles would have, and how what they held at the start fades, (rows, 2)."""
        grid, rise = self._grid, np.zeros(self._grid.ticks)
        for pole in grid.profile.poles:
            keep = float(np.exp(-grid.tick_s / (pole.tau_ms / 1000 * scale)))
            rise += pole.r_uk_per_mw / 1000 * _first_order(self._power, keep)
        slowest_s = max(pole.tau_ms for pole in grid.profile.poles) / 1000 * scale
        fade = np.exp(-np.arange(grid.ticks) * grid.tick_s / slowest_s)
        return np.stack([means(column, self._width)[self._use] for column in (rise, fade)], axis=1)


def _first_order(drive: Array, keep: float) -> Array:
    """x[k] = keep x[k-1] + (1 - keep) drive[k], from the drive's own first value on."""
    from scipy.signal import lfilter

    out, _ = lfilter([1 - keep], [1.0, -keep], drive, zi=[keep * drive[0]])
    return np.asarray(out, dtype=np.float64)


def _filled(values: Array) -> Array:
    """Holes filled with the last value before them, the first with the first known one."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        raise ValueError("no power reading at all: a box without a meter gives no energy to fit")
    at = known[np.clip(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0, len(known) - 1)]
    return np.asarray(values[at])

"""The integer tables of the loss account: which rates the coin may have, and the grid over which its bound is the least.

``v = e^-theta`` at a row's own rate of the coin; ``e^c = (1 - q v) / (1 - q)`` follows. The weights were chosen so that the bound
is within 1.3 of the exact binomial one at no loss and at ten losses seen in a million frames (tests/brain/estimate).
"""

from dataclasses import dataclass
from functools import cache

from adaptd.brain.estimate.logarithm import nanonats
from adaptd.config.policy import Policy

M = 1_000_000
SCALE = 1 << 20
BURST_PPM = 160_000  # while the account is young: its bound begins at some 50 frames
LARGEST_PPM = 500_000
MIDDLE_TIMES, THIN_PARTS = 2, 2  # of the policy's shadow share: what is used between, and when the account is grown
LOAN_S = 2  # the loan covers the opening bound and this many seconds of frames
GRID = ((1, 128, 30), (30, 100, 10), (45, 100, 16), (60, 100, 8), (75, 100, 6))  # v as a ratio, and its weight
GRID_SUM = 70
THIN_PART, OTHER_PART = 7, 3  # of the weight: the thinnest rate, and all others together


@dataclass(frozen=True, slots=True)
class Row:
    """One ``c`` of the grid: the bound where nothing was seen (ppm of a frame), and theta_q / c for every rate, times SCALE.

    None where the rate is too thin for this ``c``: with frames at that rate the row says nothing.
    """

    base_ppm: int
    thetas: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class AccountRules:
    """What follows from a policy: rates of the coin from burst to thin, the grid, limit, loan and length of a window.

    ``bearing``: by the number of the thinnest rate that is used, the rows that can bear it. ``spotless`` is the bound under each
    of these while no loss was seen, with what it were after one whole loss seen at each rate (None where no row bears it).
    """

    shares: tuple[int, ...]
    grid: tuple[Row, ...]
    bearing: tuple[tuple[Row, ...], ...]
    spotless: tuple[tuple[int, tuple[int, ...]] | None, ...]
    limit_ppm: int
    loan_ppm: int
    window_us: int


def shares_of(shadow_ppm: int) -> tuple[int, ...]:
    """The rates that a coin may have under a budget of shadow frames, from the largest; none where nothing may be shadowed."""
    if shadow_ppm <= 0:
        return ()
    wanted = (BURST_PPM, MIDDLE_TIMES * shadow_ppm, max(1, shadow_ppm // THIN_PARTS))
    return tuple(sorted({min(LARGEST_PPM, share) for share in wanted}, reverse=True))


@cache
def rules(policy: Policy) -> AccountRules:
    """The tables under a policy. The chance that a statement of a window is wrong is shared out evenly over the light bands,
    and over the cameras where there are several."""
    shares = shares_of(policy.shadow_ppm)
    alpha = (policy.alpha_ppm, M * max(1, len(policy.bands)) * policy.streams)
    grid = tuple(_row(shares, at, v, _weight(shares, at, v[2]), alpha) for at in range(len(shares)) for v in GRID)
    loan = policy.loan_frames * M if policy.loan_frames is not None else _loan(grid, policy)
    bearing = tuple([tuple([row for row in grid if row.thetas[at] is not None]) for at in range(len(shares))])
    spotless = tuple([_spotless(rows, at) for at, rows in enumerate(bearing)])
    return AccountRules(shares, grid, bearing, spotless, policy.max_loss_ppm, loan, policy.window_us)


def _spotless(rows: tuple[Row, ...], last: int) -> tuple[int, tuple[int, ...]] | None:
    """The least bound of these rows where no loss was seen, and where one was, at each rate up to number ``last``."""
    if not rows:
        return None
    after_one = [min([row.base_ppm + (SCALE - 1 + (row.thetas[at] or 0) * M) // SCALE for row in rows]) for at in range(last + 1)]
    return min([row.base_ppm for row in rows]), tuple(after_one)


def _weight(shares: tuple[int, ...], at: int, weight: int) -> tuple[int, int]:
    """The weight of a row as a ratio; all rows together have 1 at most."""
    whole = GRID_SUM * (THIN_PART + OTHER_PART)
    if len(shares) == 1:
        return weight, GRID_SUM
    if at == len(shares) - 1:
        return weight * THIN_PART, whole
    return weight * OTHER_PART, whole * (len(shares) - 1)


def _row(shares: tuple[int, ...], at: int, v: tuple[int, int, int], weight: tuple[int, int], alpha: tuple[int, int]) -> Row:
    share, top, bottom = shares[at], v[0], v[1]
    grown = (M * bottom - share * top, (M - share) * bottom)  # e^c
    c_down = nanonats(*grown)
    thetas = tuple(_theta(other, grown, c_down) for other in shares)
    need = -nanonats(alpha[0] * weight[0], alpha[1] * weight[1])
    return Row(-(-need * M // c_down), thetas)


def _theta(share: int, grown: tuple[int, int], c_down: int) -> int | None:
    """theta / c at rate ``share``, times SCALE and rounded up; None where e^c is more than that rate can bear."""
    left = M * grown[1] - (M - share) * grown[0]  # times M * grown[1]: 1 - (1 - q) e^c
    if left <= 0:
        return None
    theta_up = -nanonats(left, share * grown[1]) + 2
    return -(-theta_up * SCALE // c_down)


def _loan(grid: tuple[Row, ...], policy: Policy) -> int:
    """What the bound is at the opening under the largest rate, and LOAN_S of frames of all cameras at the target rate."""
    if not grid:
        return 0
    opening = min(row.base_ppm for row in grid)
    return -(-opening // M) * M + LOAN_S * policy.target_mfps * policy.streams // 1000 * M

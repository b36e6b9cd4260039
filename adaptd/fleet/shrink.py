"""Priors for a new box from the boxes that are known: group means drawn together as far as their scatter says (empirical Bayes).

Three levels: the profile, the board, the enclosure on that board. Scatter between boxes, and between enclosures, is estimated by
moments (DerSimonian and Laird 1986, the method of random-effects meta-analysis); a group of few boxes leans on its board, a board
of few boxes on the profile. Rates of frames that differ are beta-binomial: how many frames the prior is worth follows from how
far boxes lie apart (Kleinman 1973, moments of the beta-binomial). Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import exp, sqrt

from adaptd.fleet.statistics import BoxStatistics, Known

PROFILE_SD = 0.3  # how far a board may lie from its profile, one standard deviation of the logarithm: as `adaptd twin fit` says
MOST_WORTH = 100_000  # frames that a prior is worth at most
LEAST_WORTH = 300  # frames; a rate that is worth fewer says nothing, as the box's own scene guard sees it
LEAST_SD = 0.01


@dataclass(frozen=True, slots=True)
class Pole:
    """A prior for one factor on the profile: ``factor`` in the middle, ``sd`` of its logarithm for one new box."""

    factor: float
    sd: float


@dataclass(frozen=True, slots=True)
class Rate:
    """A prior for how often an engine differs in a band: ``differed`` of ``frames``, both as if counted on the new box."""

    frames: int
    differed: int


@dataclass(frozen=True, slots=True)
class BoxPrior:
    """What is expected of a new box on this board in this enclosure, from ``boxes`` that are there already.

    ``band_h``: hours of a day in each light band, the mean of those boxes that say it.
    """

    board: str
    enclosure: str
    boxes: int
    r: Pole
    tau: Pole
    differs: dict[tuple[str, str], Rate]
    band_h: dict[str, float] = field(default_factory=dict)

    def expected_h(self, efficient: Sequence[str], limit_ppm: int) -> dict[str, float]:
        """Hours of a day in the bands in which one of the ``efficient`` engines keeps the policy's limit by what is known, to
        tenths. A band of which too little is known is left out: nothing is kept for it, and nothing is lost by that."""
        found = {}
        for band, hours in sorted(self.band_h.items()):
            rates = [self.differs[band, name] for name in efficient if (band, name) in self.differs]
            pays = any(one.frames >= LEAST_WORTH and one.differed * 1_000_000 <= limit_ppm * one.frames for one in rates)
            if pays and round(hours, 1) > 0:
                found[band] = round(hours, 1)
        return found


def priors(boxes: Sequence[BoxStatistics]) -> list[BoxPrior]:
    """A prior for every board and enclosure that was heard of."""
    groups = sorted({(one.board, one.enclosure) for one in boxes})
    return [prior_for(boxes, board, enclosure) for board, enclosure in groups]


def prior_for(boxes: Sequence[BoxStatistics], board: str, enclosure: str) -> BoxPrior:
    """The prior of a new box; of an enclosure or a board that nobody has it is the board's, or the profile's own."""
    mates = [one for one in boxes if one.board == board]
    own = [one for one in mates if one.enclosure == enclosure]
    groups = [[one for one in mates if one.enclosure == name] for name in sorted({one.enclosure for one in mates})]
    kinds = sorted({kind for one in own for kind in one.differs})
    rates = {kind: rate([one.differs[kind] for one in own if kind in one.differs]) for kind in kinds}
    return BoxPrior(
        board=board,
        enclosure=enclosure,
        boxes=len(own),
        r=_pole([[one.log_r for one in group] for group in groups], [one.log_r for one in own]),
        tau=_pole([[one.log_tau for one in group] for group in groups], [one.log_tau for one in own]),
        differs={kind: found for kind, found in rates.items() if found is not None},
        band_h=_mean_day([one.band_h for one in own if one.band_h]),
    )


def _mean_day(days: Sequence[dict[str, float]]) -> dict[str, float]:
    """Hours in each band, the mean over boxes."""
    return {band: sum(day.get(band, 0.0) for day in days) / len(days) for band in sorted({band for day in days for band in day})}


def _pole(groups: Sequence[Sequence[Known]], own: Sequence[Known]) -> Pole:
    """One factor of a new box: its group drawn to its board, the board to the profile (a factor of one)."""
    within = scatter(groups)
    means = [mean_of(group, within) for group in groups]
    between = _moment(means)
    board = posterior(Known(0.0, PROFILE_SD), mean_of(means, between) if means else None)
    expected = Known(board.mean, sqrt(board.sd**2 + between))
    group = posterior(expected, mean_of(own, within) if own else None)
    return Pole(exp(group.mean), max(LEAST_SD, sqrt(group.sd**2 + within)))


def posterior(prior: Known, seen: Known | None) -> Known:
    """Two normals on the same number, by their precision."""
    if seen is None:
        return prior
    a, b = prior.sd**-2, seen.sd**-2
    return Known((a * prior.mean + b * seen.mean) / (a + b), (a + b) ** -0.5)


def mean_of(seen: Sequence[Known], variance: float) -> Known:
    """The mean of numbers that scatter by ``variance`` beside their own errors."""
    weights = [1 / (one.sd**2 + variance) for one in seen]
    total = sum(weights)
    return Known(sum(w * one.mean for w, one in zip(weights, seen, strict=True)) / total, total**-0.5)


def scatter(groups: Iterable[Sequence[Known]]) -> float:
    """The variance between boxes of one group, pooled over groups by degrees of freedom; the profile's where none tells."""
    pairs = [(len(group) - 1, _moment(group)) for group in groups if len(group) > 1]
    freedom = sum(count for count, _ in pairs)
    return sum(count * found for count, found in pairs) / freedom if freedom else PROFILE_SD**2 / 2


def _moment(seen: Sequence[Known]) -> float:
    """Scatter beyond what the errors explain (DerSimonian and Laird), never below 0."""
    if len(seen) < 2:
        return PROFILE_SD**2 / 2 if seen else 0.0
    weights = [one.sd**-2 for one in seen]
    total = sum(weights)
    middle = sum(w * one.mean for w, one in zip(weights, seen, strict=True)) / total
    spread = sum(w * (one.mean - middle) ** 2 for w, one in zip(weights, seen, strict=True))
    return max(0.0, (spread - (len(seen) - 1)) / (total - sum(w * w for w in weights) / total))


def rate(counts: Sequence[tuple[int, int]]) -> Rate | None:
    """How often an engine differs on a new box, from (compared, differed) of the others; None where nothing was compared.

    Boxes that lie further apart than chance explains make a prior of few frames.
    """
    counts = [(n, bad) for n, bad in counts if n > 0]
    total, bad = sum(n for n, _ in counts), sum(b for _, b in counts)
    if not total:
        return None
    share = (bad + 0.5) / (total + 1)
    worth = _worth(counts, share) if len(counts) > 1 else min(total, 100)
    return Rate(worth, round(worth * share))


def _worth(counts: Sequence[tuple[int, int]], share: float) -> int:
    """Frames a beta of the same scatter stands for: rho = 1 / (1 + frames)."""
    total, many = sum(n for n, _ in counts), len(counts)
    spread = sum(n * (bad / n - share) ** 2 for n, bad in counts)
    plain = share * (1 - share) * (many - 1)
    room = share * (1 - share) * (total - sum(n * n for n, _ in counts) / total - (many - 1))
    rho = max(0.0, (spread - plain) / room) if room > 0 else 1.0
    worth = MOST_WORTH if rho <= 1 / MOST_WORTH else 1 / rho - 1
    return max(1, int(min(worth, total)))

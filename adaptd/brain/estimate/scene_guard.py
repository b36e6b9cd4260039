"""The scene guard: is an efficient variant worth serving in the scene at hand, and out fast where it is not.

It promises nothing: what was served is bounded by the loss account alone. So it may be quick in both directions. A variant owes
clean shadow frames before it serves: few at the beginning, none where qualification spoke well of it, more after a scene in which
it differed. There is no attempt to be used up: a good variant that met a bad scene comes back.

Looking costs shadow frames, so it slows down the longer a variant waits in vain: every PATIENCE looks without coming clear halve
the rate, every KEEN clean ones in a row double it again. A scene that lasted an hour is thus left within minutes of its end, and
a variant that never agrees costs some hundred looks a day.
"""

from typing import NamedTuple

from adaptd.config.cells import band_of
from adaptd.config.policy import Policy
from adaptd.vocabulary import Prior, Shadow, VariantFacts

M = 1_000_000
FIRST_OWED = 30  # clean frames before a variant without a prior serves for the first time
HOLD_OWED = 40  # clean frames after a loss was seen while it served
MORE_OWED, MOST_OWED = 20, 60  # each loss seen while it waits, and the most that it can come to owe
PATIENCE, KEEN = 25, 2  # looks in vain that halve the rate of looking; clean ones in a row that double it again
DRIFT_TIMES = 2  # a mean loss of this many times the limit and more is a scene to leave
STRIKE_PPM = (
    500_000  # loss above the drift, in ppm of a frame, that strikes: one frame that differs, or many boxes that are a bit off
)
STRIKE_LOOKS = 75  # while it serves, loss that the limit itself brings in so many looks is no scene to leave
PRIOR_FRAMES = 300  # a prior of fewer frames is none


class Guard(NamedTuple):
    """What one variant owes in one band, the loss gathered above the drift, and what was seen since the start.

    ``waited`` counts looks in vain, and falls again while it serves; ``clean`` is the run of clean ones up to now.
    """

    band: str
    variant: str
    owed: int
    heat_ppm: int = 0
    samples: int = 0
    loss_ppm: int = 0
    strikes: int = 0
    waited: int = 0
    clean: int = 0

    @property
    def halvings(self) -> int:
        """How often the rate of looking is to be halved."""
        return max(0, self.waited // PATIENCE - self.clean // KEEN)

    @property
    def clear(self) -> bool:
        """Whether the scene at hand speaks for serving."""
        return not self.owed


def start(policy: Policy, facts: tuple[VariantFacts, ...]) -> tuple[Guard, ...]:
    """Every band (of every camera) and efficient variant at its beginning, shortened by what qualification found."""
    found = []
    for name in policy.efficient:
        fact = next((one for one in facts if one.name == name), None)
        for cell in policy.cells:
            prior = next((one for one in fact.priors if one.band == band_of(cell)), None) if fact else None
            found.append(Guard(cell, name, _first_owed(policy.max_loss_ppm, prior)))
    return tuple(found)


def _first_owed(limit_ppm: int, prior: Prior | None) -> int:
    if prior is None or prior.n < PRIOR_FRAMES:
        return FIRST_OWED
    if prior.disagreed * M <= limit_ppm * prior.n:
        return 0
    return HOLD_OWED if prior.disagreed * M > DRIFT_TIMES * limit_ppm * prior.n else FIRST_OWED


def absorb(guards: tuple[Guard, ...], shadows: tuple[Shadow, ...], limit_ppm: int) -> tuple[Guard, ...]:
    """Take in the losses of an interval, in order."""
    if not shadows:
        return guards
    losses: dict[tuple[str, str], list[int]] = {}
    for shadow in shadows:
        losses.setdefault((shadow.band, shadow.variant), []).append(min(M, max(0, shadow.loss_ppm)))
    after = list(guards)
    for at, guard in enumerate(guards):
        seen = losses.get((guard.band, guard.variant))
        if seen is not None:
            after[at] = _after(guard, seen, limit_ppm)
    return tuple(after)


def _after(guard: Guard, losses: list[int], limit_ppm: int) -> Guard:
    drift_ppm, serving_ppm = DRIFT_TIMES * limit_ppm, max(STRIKE_PPM, STRIKE_LOOKS * limit_ppm)
    owed, heat_ppm, strikes, waited, clean = guard.owed, guard.heat_ppm, guard.strikes, guard.waited, guard.clean
    lost_ppm = guard.loss_ppm
    for loss_ppm in losses:
        lost_ppm += loss_ppm
        waited = waited + 1 if owed else max(0, waited - 1)
        clean = clean + 1 if loss_ppm <= drift_ppm else 0
        heat_ppm = max(0, heat_ppm + loss_ppm - drift_ppm)
        if heat_ppm >= (STRIKE_PPM if owed else serving_ppm):
            owed = min(MOST_OWED, owed + MORE_OWED) if owed else HOLD_OWED
            heat_ppm, strikes = 0, strikes + 1
        elif owed:
            owed -= 1
    return Guard(
        band=guard.band,
        variant=guard.variant,
        owed=owed,
        heat_ppm=heat_ppm,
        samples=guard.samples + len(losses),
        loss_ppm=lost_ppm,
        strikes=strikes,
        waited=waited,
        clean=clean,
    )

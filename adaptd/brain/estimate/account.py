"""The loss account: what the efficient engine really served, bounded at every moment without assuming anything about scenes.

Every frame that an efficient variant serves is run on the reference too where a coin says so; that frame delivers the
reference's answer. With chance ``q`` of the coin, losses ``l`` in [0, 1] and coins ``C``, for every ``0 < v < 1``

    exp( c sum l (1 - C)  -  theta_q sum l C ),    theta_q = -ln((1 - (1 - q) e^c) / q)

is a supermartingale under the coin alone: both exponentials are convex in ``l``, so its mean factor is largest at l = 0 or 1,
where it is 1. ``q`` may change from frame to frame as long as it is chosen before the coin falls; ``theta_q`` then follows from
the one ``c``. So with chance at least 1 - a, at every moment at once, over a grid of ``c`` with weights ``w`` that sum to 1

    loss delivered  <=  min over c of  ( sum over q of theta_q S_q  +  ln(1 / (a w)) ) / c

where ``S_q`` is the loss seen at rate ``q`` (Ville's inequality). What is certain at one moment stays certain, so the debit of
a band is the least of two: the debit before plus every frame since that the coin left alone, and the bound. An efficient
variant serves only while debit + the frames until the next decision <= max(credit, loan). Sums are in ppm of a frame; nothing
here rounds in favour of the efficient variant. The grid is that of ``account_table``; the proof with its assumptions is in
docs/control.md.
"""

from typing import NamedTuple

from adaptd.brain.estimate.account_table import SCALE, AccountRules
from adaptd.config.cells import band_of
from adaptd.vocabulary import BandStatement, Stretch, Telemetry

M = 1_000_000
COIN_SIGMAS = 8  # a coin that fell this many deviations too seldom was not tossed


class Stratum(NamedTuple):
    """Frames that efficient variants served at one rate of the coin, those shadowed, and the loss seen on them in ppm."""

    frames: int = 0
    shadowed: int = 0
    loss_ppm: int = 0


class BandAccount(NamedTuple):
    """One light band in one window. ``debit_ppm``: at most so much loss was delivered, with the policy's confidence.

    ``whole_ppm`` is loss that counts in full: seen but delivered, or never tossed for.

    ``broken`` names what made the counts unusable; nothing is served on them any more in this window.
    """

    band: str
    delivered: int = 0
    efficient: int = 0
    differed: int = 0
    debit_ppm: int = 0
    whole_ppm: int = 0
    strata: tuple[Stratum, ...] = ()
    broken: str = ""


class Account(NamedTuple):
    """The window in force: its number, when it was opened (monotonic), the loan it was opened with, one account a band.

    ``last_frame`` is the last one booked in this run: a number that comes again is a coin that has been seen.
    """

    number: int
    opened_us: int
    loan_ppm: int
    bands: tuple[BandAccount, ...]
    last_frame: int = -1


class Offer(NamedTuple):
    """What the account allows in a band now: the rate of the coin, and how many frames the efficient variant may serve."""

    share_ppm: int
    frames: int


CLOSED = Offer(0, 0)


def start(rules: AccountRules, bands: tuple[str, ...], now_us: int, number: int = 0, *, loan: bool = True) -> Account:
    """A window that opens now. Without ``loan`` it begins with what its own frames credit."""
    strata = (Stratum(),) * len(rules.shares)
    fresh = tuple(BandAccount(band, strata=strata) for band in bands)
    return Account(number, now_us, rules.loan_ppm if loan else 0, fresh)


def most_frames(rules: AccountRules, account: Account, cell: str) -> int:
    """How many frames an efficient variant may serve now for one camera, whatever they lose."""
    one = next((each for each in account.bands if each.band == cell), None)
    return 0 if one is None else _offer(rules, account, one, 1, lean=False).frames


def resume(account: Account, gone_us: int) -> Account:
    """The same window after a restart. Nobody knows how long the device was off, so it lasts as much longer: no second loan."""
    return account._replace(opened_us=account.opened_us + gone_us, last_frame=-1)


def observe(rules: AccountRules, account: Account, stretches: tuple[Stretch, ...], reference: str) -> Account:
    """Book what the worker served since the last tick."""
    if not stretches:
        return account
    after, last_frame = list(account.bands), account.last_frame
    for stretch in stretches:
        for at, one in enumerate(after):
            if one.band == stretch.band:
                after[at] = _book(rules, one, stretch, reference, account.last_frame)
        last_frame = max(last_frame, stretch.last)
    return Account(account.number, account.opened_us, account.loan_ppm, tuple(after), last_frame)


def _book(rules: AccountRules, one: BandAccount, stretch: Stretch, reference: str, last_frame: int) -> BandAccount:
    why = _nonsense(stretch) or ("" if last_frame < stretch.first <= stretch.last else "frames_go_back")
    if why:
        return one._replace(broken=one.broken or why)
    delivered = one.delivered + stretch.frames - stretch.missed
    if stretch.variant == reference:
        return one._replace(delivered=delivered)
    efficient, differed = one.efficient + stretch.frames, one.differed + stretch.differed
    if stretch.share_ppm not in rules.shares:
        return _lost(one._replace(delivered=delivered, efficient=efficient, differed=differed), stretch.frames)
    at = rules.shares.index(stretch.share_ppm)
    old = one.strata[at]
    new = Stratum(old.frames + stretch.frames, old.shadowed + stretch.shadowed, old.loss_ppm + stretch.loss_ppm)
    strata = (*one.strata[:at], new, *one.strata[at + 1 :])
    whole_ppm = one.whole_ppm + stretch.late_ppm
    debit_ppm = one.debit_ppm + (stretch.frames - stretch.shadowed) * M + stretch.late_ppm
    return BandAccount(
        band=one.band,
        delivered=delivered,
        efficient=efficient,
        differed=differed,
        debit_ppm=min(debit_ppm, bounds(rules, strata, whole_ppm)[0]),
        whole_ppm=whole_ppm,
        strata=strata,
        broken=one.broken or ("coin_not_tossed" if _too_seldom(new, stretch.share_ppm) else ""),
    )


def _lost(one: BandAccount, frames: int) -> BandAccount:
    """Frames that count as lost in full."""
    return one._replace(whole_ppm=one.whole_ppm + frames * M, debit_ppm=one.debit_ppm + frames * M)


def unheard(account: Account, band: str, frames: int) -> Account:
    """An efficient variant may have served ``frames`` in ``band`` of which no count has come: they are lost in full.

    Nobody knows of which camera they were, so every camera's account of that band is charged.
    """
    return account._replace(bands=tuple([_lost(one, frames) if band_of(one.band) == band else one for one in account.bands]))


def _nonsense(stretch: Stretch) -> str:
    """Why a worker's counts cannot be: then they are never a credit."""
    counts = (stretch.frames, stretch.missed, stretch.shadowed, stretch.differed, stretch.loss_ppm, stretch.late_ppm)
    if min(counts) < 0:
        return "negative_count"
    if stretch.shadowed > stretch.frames or stretch.missed > stretch.frames or stretch.differed > stretch.shadowed:
        return "more_than_served"
    return "more_than_served" if stretch.loss_ppm > stretch.differed * M or stretch.late_ppm > stretch.loss_ppm else ""


def _too_seldom(one: Stratum, share_ppm: int) -> bool:
    """Whether the coin fell much too seldom: shadowed < expected - COIN_SIGMAS sqrt(expected), with a floor of a few frames."""
    short_ppm = one.frames * share_ppm - one.shadowed * M
    return short_ppm > 0 and short_ppm * short_ppm > COIN_SIGMAS * COIN_SIGMAS * M * (one.frames * share_ppm + COIN_SIGMAS * M)


def bounds(rules: AccountRules, strata: tuple[Stratum, ...], whole_ppm: int, also: int | None = None) -> tuple[int, int]:
    """Upper bound from the coin alone on the loss delivered so far in a band, in ppm of a frame: as it is, and as it were after
    one whole loss more, seen at rate number ``also`` (the thinnest that was used where none is given).

    Both are as if that rate had been used too.
    """
    last, alone = -1, 0
    lost: list[tuple[int, int]] = []
    for at, stratum in enumerate(strata):
        if stratum.frames or at == also:
            last = at
            alone += stratum.frames - stratum.shadowed
            if stratum.loss_ppm:
                lost.append((at, stratum.loss_ppm))
    if last < 0:
        return whole_ppm, whole_ppm
    spotless, next_at = rules.spotless[last], last if also is None else also
    if spotless is None:
        return whole_ppm + alone * M, whole_ppm + alone * M
    if not lost:
        return whole_ppm + spotless[0], whole_ppm + spotless[1][next_at]
    now, then = [], []
    for row in rules.bearing[last]:
        thetas = row.thetas
        seen = SCALE - 1
        for at, loss_ppm in lost:
            seen += (thetas[at] or 0) * loss_ppm
        now.append(row.base_ppm + seen // SCALE)
        then.append(row.base_ppm + (seen + (thetas[next_at] or 0) * M) // SCALE)
    return whole_ppm + min(now), whole_ppm + min(then)


def credit_ppm(rules: AccountRules, account: Account, one: BandAccount) -> int:
    """What may be lost so far: the limit's share of what was delivered, or the loan."""
    return max(rules.limit_ppm * one.delivered, account.loan_ppm)


def standing(account: Account) -> dict[str, tuple[int, int]]:
    """Per band: frames shadowed, and the bound as a share in ppm of the frames delivered; all of it where none was delivered."""
    found = {}
    for one in account.bands:
        if one.delivered and not one.broken:
            shadowed = 0
            for stratum in one.strata:
                shadowed += stratum.shadowed
            found[one.band] = shadowed, _two_digits(min(M, one.debit_ppm // max(1, one.delivered)))
        else:
            found[one.band] = 0, M
    return found


def _two_digits(ppm: int) -> int:
    """Rounded up to two digits: what is said of a bound changes seldom, and never in favour of the efficient variant."""
    step = 1
    while ppm >= 100 * step:
        step *= 10
    return -(-(ppm + 1) // step) * step if ppm else 0


def offer(rules: AccountRules, account: Account, band: str, least_frames: int, *, lean: bool = False) -> Offer:
    """What an efficient variant may serve in a band before the next decision; CLOSED where that is less than ``least_frames``.

    The frames offered are all that could be lost before the debit passes the credit: the worker stops there by itself. Whichever
    of several cameras they come from, it is the largest coin and the fewest frames that any camera's account offers, and CLOSED
    where one of them is. ``lean`` is said where the budget of shadow frames holds no more than the thinnest coin takes.
    """
    found: Offer | None = None
    for one in account.bands:
        if band_of(one.band) == band:
            each = _offer(rules, account, one, least_frames, lean=lean)
            if not each.frames:
                return CLOSED
            if found is None:
                found = each
            else:
                found = Offer(max(found.share_ppm, each.share_ppm), min(found.frames, each.frames))
    return CLOSED if found is None else found


def _offer(rules: AccountRules, account: Account, one: BandAccount, least_frames: int, *, lean: bool) -> Offer:
    """What one camera's account offers. The coin is the thinnest whose bound leaves room for ``least_frames``, a quarter of the
    way to where one loss more seen under it would bring it, so that a first difference does not shut the account for long; the
    largest where none does. ``lean``: it is the thinnest, and CLOSED where that does not do.
    """
    shares = rules.shares
    if one.broken or not shares:
        return CLOSED
    credit = credit_ppm(rules, account, one)
    frames = (credit - one.debit_ppm) // M
    if frames < max(1, least_frames):
        return CLOSED
    for at in range(len(shares) - 1, -1, -1):
        now, after_one = bounds(rules, one.strata, one.whole_ppm, at)
        if lean:
            return Offer(shares[at], frames) if credit - now >= least_frames * M else CLOSED
        if (credit - (3 * now + after_one) // 4) // M >= least_frames:
            return Offer(shares[at], frames)
    return Offer(shares[0], frames)


def shortage(rules: AccountRules, account: Account, band: str, least_frames: int, *, lean: bool) -> tuple[int, int, int] | None:
    """Why no frame is offered: whole frames that may be lost in the window so far, those that must be left, and those that are.

    Of several cameras the one with the least left; None where the band has no account or its counts are broken.
    """
    found = []
    for one in account.bands:
        if band_of(one.band) != band or one.broken or not rules.shares:
            continue
        credit, thin = credit_ppm(rules, account, one), bounds(rules, one.strata, one.whole_ppm, len(rules.shares) - 1)[0]
        spent = max(one.debit_ppm, thin) if lean else one.debit_ppm
        found.append((credit // M, max(1, least_frames), max(0, credit - spent) // M))
    return min(found, key=lambda row: row[2]) if found else None


def due(rules: AccountRules, account: Account, now_us: int) -> bool:
    """Whether the window is over."""
    return now_us - account.opened_us >= rules.window_us


def statements(rules: AccountRules, account: Account) -> tuple[BandStatement, ...]:
    """What the log says of every band in which anything was delivered."""
    found = []
    for one in account.bands:
        if not one.delivered and not one.efficient:
            continue
        found.append(
            BandStatement(
                band=one.band,
                delivered=one.delivered,
                efficient=one.efficient,
                shadowed=sum(stratum.shadowed for stratum in one.strata),
                differed=one.differed,
                bound_ppm_frames=one.debit_ppm,
                allowed_ppm_frames=credit_ppm(rules, account, one),
                broken=one.broken,
            )
        )
    return tuple(found)


def turn(
    rules: AccountRules, account: Account, band: str, cells: tuple[str, ...], reference: str, worker: Telemetry, now_us: int
) -> tuple[Account, tuple[BandStatement, ...]]:
    """The account after an interval served in ``band``, and the statements of its window where that is over."""
    window = observe(rules, account, worker.stretches, reference)
    untold = 0  # frames served by an efficient variant, of which no stretch tells the coin
    for served in worker.served:
        if served.variant != reference:
            untold += served.frames
    for told in worker.stretches:
        if told.variant != reference:
            untold -= told.frames
    if untold > 0:
        window = unheard(window, band, untold)
    if not due(rules, window, now_us):
        return window, ()
    new = start(rules, cells, now_us, window.number + 1)
    return new._replace(last_frame=window.last_frame), statements(rules, window)

"""Shadow frames kept for later: what the light bands that are expected today will still need of the coin's middle rates.

A young account serves under the largest coin, which spends most shadow frames and saves least: of 100 frames 16 run on both
engines. The next rates spend a quarter of that and less, and save nearly all that there is to save. A box that spends its day's
shadow frames (`shadow_pct`) in its first hour has none left for them, and then waits on the reference until the thinnest coin
alone bears the account. Which bands are worth keeping frames for nobody can know on a box's first day but whoever knows boxes
like it: the policy says it (`accuracy.expected_h`). It only ever holds an efficient variant back.
"""

from typing import NamedTuple

from adaptd.brain.estimate import account as loss
from adaptd.brain.estimate.account import Account, BandAccount, Offer
from adaptd.brain.estimate.account_table import AccountRules
from adaptd.config.cells import band_of
from adaptd.config.policy import Policy

M = 1_000_000
DAY_S = 86_400


class Span(NamedTuple):
    """From how many frames delivered to how many a middle coin serves while no loss is seen, and its rate."""

    start: int
    end: int
    share_ppm: int


class Foresight(NamedTuple):
    """Frames of one camera that are expected in a window by band, and the spans of the middle coins."""

    frames: tuple[tuple[str, int], ...]
    spans: tuple[Span, ...]


def foresight(policy: Policy, rules: AccountRules, least_frames: int) -> Foresight | None:
    """What follows from the policy; None where it expects nothing or the coin has no middle rate."""
    starts = [_start(rules, at, least_frames) for at in range(1, len(rules.shares))]
    known = [one for one in starts if one is not None]
    if not policy.expected_s or len(known) < 2 or len(known) < len(starts):
        return None
    spans = tuple([Span(known[at], known[at + 1], rules.shares[at + 1]) for at in range(len(known) - 1)])
    frames = [
        (band, seconds * policy.target_mfps // 1000 * (rules.window_us // M) // DAY_S) for band, seconds in policy.expected_s
    ]
    return Foresight(tuple(frames), spans)


def _start(rules: AccountRules, at: int, least_frames: int) -> int | None:
    """How many frames must be delivered until ``account.offer`` takes the coin of this number, while no loss is seen."""
    spotless = rules.spotless[at]
    if spotless is None:
        return None
    need_ppm = (3 * spotless[0] + spotless[1][at]) // 4 + least_frames * M
    return -(-need_ppm // rules.limit_ppm)


def kept(known: Foresight, account: Account) -> int:
    """The shadow frames that the expected bands will still need of the middle coins in this window."""
    total = 0
    for one in account.bands:
        expected = 0
        for band, frames in known.frames:
            if band == band_of(one.band):
                expected = frames
        for span in known.spans:
            total += max(0, min(expected, span.end) - max(span.start, one.delivered)) * span.share_ppm
    return total // M


def waits(known: Foresight, rules: AccountRules, account: Account, offer: Offer, to_look: int) -> bool:
    """Whether what is offered is the largest coin while the budget holds no more shadow frames than are kept for later."""
    return offer.share_ppm == rules.shares[0] and offer.frames > 0 and to_look <= kept(known, account)


def shortage(rules: AccountRules, account: Account, band: str, least_frames: int) -> tuple[int, int, int]:
    """Why no frame is offered, as ``account.shortage`` says it: held against the bound under the first middle coin."""
    found = []
    for one in account.bands:
        if band_of(one.band) == band:
            credit = loss.credit_ppm(rules, account, one)
            found.append((credit // M, least_frames, max(0, credit - _borne(rules, one)) // M))
    return min(found, key=lambda row: row[2])


def _borne(rules: AccountRules, one: BandAccount) -> int:
    now, after_one = loss.bounds(rules, one.strata, one.whole_ppm, 1)
    return (3 * now + after_one) // 4

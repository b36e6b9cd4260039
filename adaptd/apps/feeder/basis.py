"""What a figure rests on: which engine saw it, in which light, at which rate, and whether that engine's accuracy was proven.

A drop is held against it: how much of it could the change of engine, light or rate alone explain? The bound of the account
says how many of all frames an efficient engine may get wrong; at a bowl, where a pet eats in one frame of sixty, all of these
could be eating. So a bound that looks small can explain a large drop, and this module counts it that way.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from adaptd.apps.feeder.settings import DAY_US, PPM, SECOND_US, Settings
from adaptd.apps.feeder.tally import larger


class Excuse(Enum):
    """What could explain a drop, or forbids to speak of it."""

    NONE = "none"
    ENGINE = "engine"
    LIGHT = "light"
    RATE = "rate"
    UNPROVEN = "unproven"


EXCUSE_WORDS = {
    Excuse.NONE: "no change of engine, light or frame rate explains it",
    Excuse.ENGINE: "the change of engine could explain it",
    Excuse.LIGHT: "the change of light could explain it",
    Excuse.RATE: "the lower frame rate could explain it",
    Excuse.UNPROVEN: "an engine served whose accuracy was not proven",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Time seen by one engine in one light. ``bound_ppm`` is the loss its account allowed, None where nobody said."""

    variant: str
    band: str
    efficient: bool
    seen_us: int
    frames: int
    unproven_us: int
    bound_ppm: int | None


@dataclass(frozen=True, slots=True)
class Basis:
    """What one period rests on."""

    shares: tuple[Share, ...] = ()

    @property
    def seen_us(self) -> int:
        """All the time that counts."""
        return sum(share.seen_us for share in self.shares)

    @property
    def efficient_ppm(self) -> int:
        """Share of the time that an efficient engine served."""
        return _part(sum(share.seen_us for share in self.shares if share.efficient), self.seen_us)

    @property
    def unproven_ppm(self) -> int:
        """Share of the time in which an engine served whose account was shut."""
        return _part(sum(share.unproven_us for share in self.shares), self.seen_us)

    @property
    def bound_ppm(self) -> int | None:
        """The largest loss any account allowed an efficient engine; None where one said nothing."""
        bounds = [share.bound_ppm for share in self.shares if share.efficient and share.seen_us]
        known = [bound for bound in bounds if bound is not None]
        return None if len(known) < len(bounds) else max(known, default=0)

    @property
    def rate_mfps(self) -> int:
        """Frames a second, in thousandths."""
        return sum(share.frames for share in self.shares) * 1_000 * SECOND_US // max(self.seen_us, 1)

    def variants_ppm(self) -> dict[str, int]:
        return self._by("variant")

    def bands_ppm(self) -> dict[str, int]:
        return self._by("band")

    def document(self) -> dict[str, Any]:
        """For an alert: shares in ppm, rate in mfps."""
        return {
            "engines_ppm": self.variants_ppm(),
            "light_ppm": self.bands_ppm(),
            "rate_mfps": self.rate_mfps,
            "seen_h": self.seen_us * 24 // DAY_US,
            "unproven_ppm": self.unproven_ppm,
            "account_bound_ppm": self.bound_ppm,
        }

    def _by(self, name: str) -> dict[str, int]:
        sums: dict[str, int] = {}
        for share in self.shares:
            sums[getattr(share, name)] = sums.get(getattr(share, name), 0) + share.seen_us
        return {key: _part(value, self.seen_us) for key, value in sorted(sums.items())}


def together(parts: Iterable[Basis]) -> Basis:
    """Several days as one period."""
    sums: dict[tuple[str, str], Share] = {}
    for share in (share for basis in parts for share in basis.shares):
        old = sums.get((share.variant, share.band))
        sums[share.variant, share.band] = share if old is None else _sum(old, share)
    return Basis(tuple(sums[key] for key in sorted(sums)))


def excuse_for_refusal(now: Basis, usual: Basis, usual_us: int | None, settings: Settings) -> Excuse:
    """Whether something else than the pet could have made ``usual_us``, where it is known, into nothing at all.

    A change of light or rate that leaves the model to be believed loses a part of the eating, never all of it: neither counts
    here.
    """
    if now.unproven_ppm > settings.unproven_ppm:
        return Excuse.UNPROVEN
    explains = bool(usual_us) and _engine_explains(now, usual, 0, usual_us or 0, PPM, settings)
    return Excuse.ENGINE if explains else Excuse.NONE


def excuse_for(low: Basis, usual: Basis, low_us: int, usual_us: int, settings: Settings) -> Excuse:
    """Whether something else than the pet could have made ``usual_us`` into ``low_us`` (eating in 24 h seen)."""
    if low.unproven_ppm > settings.unproven_ppm:
        return Excuse.UNPROVEN
    if _engine_explains(low, usual, low_us, usual_us, settings.drop_ppm, settings):
        return Excuse.ENGINE
    if _moved(low.bands_ppm(), usual.bands_ppm()) > settings.mix_change_ppm:
        return Excuse.LIGHT
    if low.rate_mfps * 2 < usual.rate_mfps and low.rate_mfps < 2_000:
        return Excuse.RATE
    return Excuse.NONE


def _engine_explains(low: Basis, usual: Basis, low_us: int, usual_us: int, enough_ppm: int, settings: Settings) -> bool:
    more_ppm = low.efficient_ppm - usual.efficient_ppm
    if more_ppm <= 0:
        return _moved(low.variants_ppm(), usual.variants_ppm()) > settings.mix_change_ppm and low.bound_ppm is None
    bound = low.bound_ppm
    if bound is None:
        return more_ppm > settings.mix_change_ppm
    lost_us = DAY_US * bound // PPM * more_ppm // PPM
    return low_us + lost_us >= usual_us * enough_ppm // PPM


def _moved(one: dict[str, int], other: dict[str, int]) -> int:
    """How much of the time changed its class: half the sum of differences (total variation)."""
    return sum(abs(one.get(key, 0) - other.get(key, 0)) for key in {*one, *other}) // 2


def _sum(one: Share, other: Share) -> Share:
    return replace(
        one,
        efficient=one.efficient or other.efficient,
        seen_us=one.seen_us + other.seen_us,
        frames=one.frames + other.frames,
        unproven_us=one.unproven_us + other.unproven_us,
        bound_ppm=larger(one.bound_ppm, other.bound_ppm),
    )


def _part(part: int, whole: int) -> int:
    return part * PPM // whole if whole else 0

"""The coin of the loss account: what was committed is what was revealed, and every frame was drawn as the revealed seed says.

A commitment (``window_open``) stands in the log before the first frame is drawn; the seed (``window_close``) after the last. A
stretch names the frames that the coin chose, and the range of numbers it served. Where every number of the range was served, the
chosen ones must be exactly those that the seed draws; where some were dropped before they were served, no more may be missing
than were dropped. The frames between a new commitment and the first decision after it may still have been drawn with the old one.

To draw is the only work here that a few bytes of a log can ask for without end, so there is room for so many frames: as many as
one long silence can hold, and for every decision DRAWS more. No worker comes near it: it serves at most 1000 frames a second.
"""

from dataclasses import dataclass, field
from typing import Any

from adaptd.base import coin
from adaptd.log.format.decisions import stretches_in
from adaptd.vocabulary import Stretch

OPEN, CLOSE = "window_open", "window_close"
SHARES, STRETCHES = 16, 1024  # rates of the coin that a window may name, and stretches of which one decision may tell
DRAWS = 10_000  # frames for which every decision makes room, up to those of LONGEST_SPAN
OVERLAP = 2  # decisions after a new commitment that may tell of frames of the old one


class CoinError(ValueError):
    """A reveal that does not fit its commitment, or a draw that does not follow from the seed."""


@dataclass(slots=True)
class _Tossed:
    """What was told under one commitment. ``before``: the seed revealed just before it, for the first decisions."""

    window: int
    before: coin.Seed | None
    stretches: list[tuple[Stretch, bool]] = field(default_factory=list)
    decisions: int = 0


class Coins:
    """Fed with every record in order; raises CoinError at the first that does not fit."""

    def __init__(self) -> None:
        self._open: dict[str, _Tossed] = {}
        self._now: _Tossed | None = None
        self._seed: coin.Seed | None = None
        self._room = coin.LONGEST_SPAN
        self.revealed = 0
        self.drawn = 0
        self.frames = 0

    @property
    def waiting(self) -> int:
        """Commitments that nobody has revealed yet."""
        return len(self._open)

    def feed(self, record: dict[str, Any]) -> None:
        """Take the next record."""
        kind = record["kind"]
        if kind == "decision":
            self._decision(record)
        elif kind == OPEN:
            shares = record.get("shares") or ()
            if type(shares) is list and len(shares) > SHARES:
                raise CoinError(f"it names {len(shares)} rates of the coin, more than the {SHARES} of any table")
            self._now = _Tossed(_integer(record, "window"), self._seed)
            self._open[_text(record, "coin")] = self._now
            self._seed = None
        elif kind == CLOSE:
            self._reveal(record)
        elif kind == "start":
            self._now = self._seed = None

    def _decision(self, record: dict[str, Any]) -> None:
        if self._now is None:
            return
        mixed = self._now.before is not None and self._now.decisions < OVERLAP
        self._now.decisions += 1
        told = stretches_in(record)
        if len(told) > STRETCHES:
            raise CoinError(f"it tells of {len(told)} stretches, more than the {STRETCHES} of any worker")
        frames = sum(max(0, one.last - one.first + 1) for one in told)
        self._room = min(coin.LONGEST_SPAN, self._room + DRAWS) - frames
        if self._room < 0:
            raise CoinError(f"it tells of {frames} frames, which are more than any worker serves between two decisions")
        self._now.stretches += [(one, mixed) for one in told]

    def _reveal(self, record: dict[str, Any]) -> None:
        tossed = self._open.pop(_text(record, "coin"), None)
        if tossed is None:
            return  # its commitment lies in what was pruned
        window, seed, salt = _integer(record, "window"), _seed(record), _text(record, "salt")
        if window != tossed.window or coin.commitment(window, seed, salt) != record["coin"]:
            raise CoinError(f"the coin of window {window} that is revealed is not the one that was committed to")
        for stretch, mixed in tossed.stretches:
            _check(stretch, seed, tossed.before if mixed else None)
            self.frames += stretch.frames
            self.drawn += len(stretch.drawn)
        self.revealed += 1
        self._seed = seed
        if tossed is self._now:
            self._now = None


def _check(stretch: Stretch, seed: coin.Seed, before: coin.Seed | None) -> None:
    share, chosen = stretch.share_ppm, set(stretch.drawn)
    for frame in stretch.drawn:
        if not coin.drawn(seed, frame, share) and (before is None or not coin.drawn(before, frame, share)):
            raise CoinError(f"frame {frame} was shadowed and the coin had not chosen it")
    if before is not None or share <= 0:
        return
    span = stretch.last - stretch.first + 1
    passed_over = sum(coin.drawn(seed, at, share) for at in range(stretch.first, stretch.last + 1)) - len(chosen)
    if passed_over > span - stretch.frames:
        raise CoinError(f"between frames {stretch.first} and {stretch.last} the coin chose frames that were served unshadowed")


def _integer(record: dict[str, Any], name: str) -> int:
    value = record.get(name)
    if type(value) is not int:
        raise CoinError(f"a {record['kind']} record has no {name}")
    return value


def _seed(record: dict[str, Any]) -> coin.Seed:
    """128 bits in hexadecimal digits, or the number that logs of before have."""
    return _integer(record, "seed") if type(record.get("seed")) is int else _hexadecimal(_text(record, "seed"))


def _hexadecimal(text: str) -> str:
    if len(text) != 2 * coin.SEED_BYTES or set(text) - set("0123456789abcdef"):
        raise CoinError(f"a seed of {len(text)} characters is not {2 * coin.SEED_BYTES} hexadecimal digits")
    return text


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    if type(value) is not str:
        raise CoinError(f"a {record['kind']} record has no {name}")
    return value

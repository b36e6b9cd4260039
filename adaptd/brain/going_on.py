"""What a restarted daemon goes on with: what was learned of this board, as far as time has not overtaken it.

The log keeps a whole state every few minutes and at a clean end, and every decision since then with the frames served. Monotonic
time runs on while the machine does: as long as it has not gone back, the gap is known. After a reboot nobody knows how long the
machine was off; what was learned is then a better guess than the profile's, with the profile's doubt.
"""

from typing import NamedTuple

from adaptd.brain.estimate import pace, power, thermal
from adaptd.brain.estimate.fixed import INVERSE
from adaptd.brain.pricing import Book
from adaptd.vocabulary import Stretch

OLD_US = 86_400_000_000  # a day: dust, a fan and the place may have become others
PPM = 1_000_000


class Known(NamedTuple):
    """What is learned of a board and its engines."""

    split: power.Split
    heat: thermal.Heat
    paces: tuple[pace.Pace, ...]


def gap_us(then_us: int, now_us: int) -> int | None:
    """How long nobody looked; None where the clock has gone back, or where it is longer than anything learned is trusted."""
    gone = now_us - then_us
    return gone if 0 <= gone <= OLD_US else None


def kept(book: Book, columns: thermal.Columns, old: Known, fresh: Known, unseen: tuple[Stretch, ...], gap: int | None) -> Known:
    """What goes on of ``old`` under the same engines; ``unseen`` are the frames served in the gap, as the log has them."""
    split = power.resume(old.split, (OLD_US if gap is None else gap) / 1e6)
    mean_w = old.split.mean[0] * INVERSE + _served_w(book, old.paces, unseen, gap)
    heat = thermal.resume(old.heat, columns, fresh.heat, gap, mean_w)
    return Known(split, heat, fresh.paces if gap is None else old.paces)


def _served_w(book: Book, paces: tuple[pace.Pace, ...], unseen: tuple[Stretch, ...], gap: int | None) -> float:
    """Watts that the frames of the gap drew over all of it, by the book and the pace of before."""
    if not gap:
        return 0.0
    joules = 0.0
    for stretch in unseen:
        if stretch.variant in book.names:
            at = book.names.index(stretch.variant)
            for one, frames in ((at, stretch.frames), (book.beside[at], stretch.shadowed)):
                joules += frames * book.joules[one] * paces[one].factor_ppm / PPM
    return joules * 1e6 / gap

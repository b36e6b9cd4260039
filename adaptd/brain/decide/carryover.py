"""What the decisions of earlier ticks leave behind."""

from typing import NamedTuple

from adaptd.brain.decide.endure import Memory
from adaptd.brain.decide.settle import Owed
from adaptd.brain.decide.shift import Shift

PAYS_MOST = 60  # ticks for which a variant that would not pay is still looked at in earnest


class BandEdges(NamedTuple):
    """A light band as the policy draws it, in millilux; None where it has no such edge."""

    name: str
    down_at_mlx: int | None
    up_at_mlx: int | None


class Claim(NamedTuple):
    """What the loss account promises: a window goes on only while all of this is the same."""

    reference: str = ""
    efficient: tuple[str, ...] = ()
    max_loss_ppm: int = 0
    alpha_ppm: int = 0
    shadow_ppm: int = 0
    window_us: int = 0
    loan_frames: int | None = None
    miss_weight_ppm: int = 1_000_000
    bands: tuple[BandEdges, ...] = ()
    cameras: tuple[str, ...] = ()


class Carryover(NamedTuple):
    """When the engine changed, the lower level in turn and the credit of slicing, whether the limit was passed, the shadow share,
    what the loss account promises, whether a limit binds, for how many ticks an efficient variant is still taken to pay, what the
    held rate has forgone since it was last changed, what energy costs while a battery must last, and what is remembered of the
    board's power modes."""

    swapped_at_us: int
    low_mfps: int
    credit_ppm: int = 0
    hot: bool = False
    shadow_ppm: int = 0
    claim: Claim = Claim()
    bound: bool = False
    pays: int = PAYS_MOST
    owed: Owed = Owed()
    lasting: Memory | None = None
    shift: Shift | None = None

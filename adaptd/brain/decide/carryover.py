"""What the decisions of earlier ticks leave behind."""

from typing import NamedTuple


class Carryover(NamedTuple):
    """When the engine changed, the lower level in turn and the credit of slicing, whether the limit was passed, the shadow share,
    and what the evidence was gathered under."""

    swapped_at_us: int
    low_mfps: int
    credit_ppm: int = 0
    hot: bool = False
    shadow_ppm: int = 0
    claim: str = ""
    grant: str = ""
    granted_at_us: int = 0
    lapsed: tuple[tuple[str, int], ...] = ()
    bound: bool = False

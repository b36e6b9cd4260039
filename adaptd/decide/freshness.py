"""An admission is a lease: without a new shadow frame it lapses, and only a new shadow frame restores it.

The lease runs from the last shadow frame in the band, or from when the variant was granted it, whichever is later. So a band
that is proven can be served at once, even where nothing can be shadowed before it is served.
"""

from adaptd.decide.memory import Held
from adaptd.decide.sight import Proof


def key(band: str, variant: str) -> str:
    """The name of one variant in one band."""
    return f"{band}/{variant}"


def fresh(held: Held, proof: Proof, now_us: int, lease_us: int) -> bool:
    """Whether the admission of ``proof`` still stands."""
    name = key(proof.word.band, proof.word.variant)
    last_us = proof.last_at_us
    for lapsed, at_us in held.lapsed:
        if lapsed == name and (last_us is None or last_us <= at_us):
            return False
    if held.grant != name:
        return True
    return now_us - max(held.granted_at_us, last_us or 0) <= lease_us


def remember(
    held: Held, variant: str, reference: str, band: str, stale: tuple[str, ...], now_us: int
) -> tuple[str, int, tuple[tuple[str, int], ...]]:
    """The grant after a decision, when it was given, and what has lapsed, with when."""
    lapsed = held.lapsed
    for one in stale:
        name = key(band, one)
        if held.grant == name:
            lapsed = (*[pair for pair in lapsed if pair[0] != name], (name, now_us))
    if variant == reference:
        return "", 0, lapsed
    name = key(band, variant)
    return name, held.granted_at_us if held.grant == name else now_us, lapsed

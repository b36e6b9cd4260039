"""An admission is a lease: without a new shadow frame it lapses, and only a new shadow frame restores it.

The lease runs from the last shadow frame in the band, or from when the variant was granted it, whichever is later. So a band
that is proven can be served at once, even where nothing can be shadowed before it is served. A grant that ends without having
seen a shadow frame is remembered with its beginning: being granted again, a reload or a restart does not wind its clock up anew.
"""

from collections.abc import Iterable

from adaptd.brain.decide.carryover import Carryover
from adaptd.brain.decide.inputs import Proof

Lapsed = tuple[tuple[str, int], ...]


def key(band: str, variant: str) -> str:
    """The name of one variant in one band."""
    return f"{band}/{variant}"


def fresh(held: Carryover, proof: Proof, now_us: int, lease_us: int) -> bool:
    """Whether the admission of ``proof`` still stands."""
    name = key(proof.word.band, proof.word.variant)
    last_us = proof.last_at_us
    for lapsed, since_us in held.lapsed:
        if lapsed == name and (last_us is None or last_us <= since_us):
            return now_us - since_us <= lease_us
    if held.grant != name:
        return True
    return now_us - max(held.granted_at_us, last_us or 0) <= lease_us


def remember(
    held: Carryover, variant: str, reference: str, band: str, proofs: Iterable[Proof], now_us: int, lease_us: int
) -> tuple[str, int, Lapsed]:
    """The grant after a decision, when it was given, and the grants that have seen no shadow frame, each with its beginning."""
    name = "" if variant == reference else key(band, variant)
    lapsed = held.lapsed
    if held.grant and held.grant != name:
        lapsed = ended(held, proofs, now_us, lease_us)
    if not name:
        return "", 0, lapsed
    return name, held.granted_at_us if held.grant == name else now_us, lapsed


def ended(held: Carryover, proofs: Iterable[Proof], now_us: int, lease_us: int) -> Lapsed:
    """What is remembered when the grant ends: it, where it has lapsed or saw no shadow frame; not what has been seen since."""
    last = {key(proof.word.band, proof.word.variant): proof.last_at_us for proof in proofs}
    kept = {name: since_us for name, since_us in held.lapsed if (last.get(name) or since_us) <= since_us}
    if held.grant and held.grant not in kept:
        seen_us = max(held.granted_at_us, last.get(held.grant) or 0)
        if seen_us == held.granted_at_us or now_us - seen_us > lease_us:
            kept[held.grant] = seen_us
    return tuple(kept.items())

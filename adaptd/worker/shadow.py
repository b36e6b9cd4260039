"""Which frames run on both engines: a draw that anyone can repeat from the seed and the frame's number."""

from hashlib import blake2b

PPM = 1_000_000


def drawn(seed: int, frame: int, share_ppm: int) -> bool:
    """Whether frame ``frame`` is a shadow frame.

    The first 8 bytes of blake2b("seed:frame"), read as a big-endian number, are below ``share_ppm`` millionths of 2^64.
    Draws of one seed are nested: a frame drawn at one share is drawn at every larger one.
    """
    if share_ppm <= 0:
        return False
    digest = blake2b(b"%d:%d" % (seed, frame), digest_size=8).digest()
    return int.from_bytes(digest, "big") * PPM < share_ppm << 64


def which(seed: int, frame: int, candidates: tuple[str, ...]) -> str | None:
    """Which of several efficient variants a shadow frame tests while the reference serves; None where there is none."""
    if not candidates:
        return None
    digest = blake2b(b"%d:%d:which" % (seed, frame), digest_size=8).digest()
    return candidates[int.from_bytes(digest, "big") % len(candidates)]

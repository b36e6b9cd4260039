"""Which frames run on both engines: a draw that anyone can repeat from the seed and the frame's number.

The seed is committed to before the first draw and revealed after the last, so nobody can have chosen it, or the frames. It has
128 bits: whoever sees which frames were shadowed cannot search for it.
"""

from hashlib import blake2b, sha256

Seed = str | int  # 32 hexadecimal digits, 128 bits; a number in logs that were written before
SEED_BYTES = 16

PPM = 1_000_000
LONGEST_SPAN = 1_000_000  # frames between two decisions: beyond it a log is nonsense


def commitment(window: int, seed: Seed, salt: str) -> str:
    """What is published before the first draw: SHA-256 (hex) of window, seed and salt. The salt keeps it from being guessed."""
    return sha256(f"adaptd coin 1\n{window}\n{seed}\n{salt}\n".encode()).hexdigest()


def drawn(seed: Seed, frame: int, share_ppm: int) -> bool:
    """Whether frame ``frame`` is a shadow frame.

    The first 8 bytes of blake2b("seed:frame"), read as a big-endian number, are below ``share_ppm`` millionths of 2^64.
    Draws of one seed are nested: a frame drawn at one share is drawn at every larger one.
    """
    if share_ppm <= 0:
        return False
    digest = blake2b(f"{seed}:{frame}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * PPM < share_ppm << 64


def which(seed: Seed, frame: int, candidates: tuple[str, ...]) -> str | None:
    """Which of several efficient variants a shadow frame tests while the reference serves; None where there is none."""
    if not candidates:
        return None
    digest = blake2b(f"{seed}:{frame}:which".encode(), digest_size=8).digest()
    return candidates[int.from_bytes(digest, "big") % len(candidates)]

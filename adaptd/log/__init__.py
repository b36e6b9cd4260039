"""The log that proves itself: canonical lines, a Merkle tree over their bytes, signed checkpoints, and what reads them."""

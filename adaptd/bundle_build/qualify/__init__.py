"""Score, disagreement, latency and energy of a bundle."""

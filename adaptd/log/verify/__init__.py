"""The verifier's half of the log: structure, trust, replay."""

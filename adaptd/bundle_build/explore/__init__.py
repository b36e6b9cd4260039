"""Builds chosen by measurement: candidates of one model, by latency, energy and disagreement, in a box of time."""

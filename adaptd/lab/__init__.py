"""Scenarios at work: harness, baselines, oracle, bench."""

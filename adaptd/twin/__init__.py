"""A device in software, scenarios, baselines and the oracle."""

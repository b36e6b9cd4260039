"""Sensors: one file a source, each gives Measured or Missing."""

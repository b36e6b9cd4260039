"""The judge of readings."""

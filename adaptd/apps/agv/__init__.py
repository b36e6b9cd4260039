"""Inspection from a vehicle: parts, verdicts with what they rest on, and a mission on a battery; on the public client alone."""

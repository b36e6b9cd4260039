"""Efficiency packs: policy, bundle, profile and the evidence for them in one signed file."""

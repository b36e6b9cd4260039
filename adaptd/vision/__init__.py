"""Preprocessing and task heads, shared by the worker and the bundle build."""

"""Policies against clusters of boxes in their twins: on this machine's cores, or on a Ray cluster, with the same numbers."""

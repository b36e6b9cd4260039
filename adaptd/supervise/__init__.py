"""The daemon's half of the worker: start, watch, restart, standby."""

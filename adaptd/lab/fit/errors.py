"""What keeps a log from being fitted, as one line for people."""


class FitError(Exception):
    """One line: what, where, remedy."""

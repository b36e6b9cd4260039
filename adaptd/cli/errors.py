"""What every command group refuses with: one line for people, and numbers that cannot be meant."""

import argparse
from collections.abc import Callable


class CommandError(Exception):
    """One line: what, where, remedy. ``code`` is the exit code, 1 unless the usage was wrong (2)."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def whole(least: int) -> Callable[[str], int]:
    """For ``type=`` of an option: a whole number that is not below ``least``."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}")
        return value

    return number

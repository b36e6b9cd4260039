"""What every command group refuses with: one line for people, and numbers that cannot be meant."""

import argparse
import contextlib
from collections.abc import Callable, Iterator


class CommandError(Exception):
    """One line: what, where, remedy. ``code`` is the exit code, 1 unless the usage was wrong (2)."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def refusing(*kinds: type[Exception], where: str = "", code: int = 1) -> Iterator[None]:
    """What the rooms below raise inside, of these ``kinds``, is one line already: behind ``where`` it refuses the command."""
    try:
        yield
    except kinds as error:
        raise CommandError(f"{where}{error}", code) from None


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

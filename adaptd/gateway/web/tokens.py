"""Tokens of readers and commanders, from a file that only its owner can read.

One a line: ``TOKEN``, ``NAME TOKEN``, or ``NAME TOKEN commands`` for somebody who may also change things. ``#`` begins a comment.
"""

import hmac
import os
import re
from dataclasses import dataclass
from pathlib import Path

from adaptd.gateway import GatewayError

SHORTEST = 16
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, by name, and whether they may change things."""

    name: str
    may_command: bool = False


class Tokens:
    """The tokens of one file."""

    def __init__(self, known: tuple[tuple[str, Caller], ...]) -> None:
        self._known = known

    def __bool__(self) -> bool:
        return bool(self._known)

    @property
    def commander(self) -> bool:
        """Whether anybody may command."""
        return any(caller.may_command for _, caller in self._known)

    def find(self, presented: str) -> Caller | None:
        """Whose token that is. Every token is compared, each in constant time."""
        found = None
        for token, caller in self._known:
            if hmac.compare_digest(token.encode(), presented.encode(errors="replace")):
                found = caller
        return found


def read_tokens(path: Path | None) -> Tokens:
    """The tokens in ``path``; none where there is no file.

    Raises:
        GatewayError: the file cannot be read, others can read it, or a line is no token.
    """
    if path is None:
        return Tokens(())
    try:
        with path.open() as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = file.read(64 * 1024).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "is no text"
        raise GatewayError(f"{path}: the tokens cannot be read ({words}), write one into it") from None
    if mode & 0o077:
        raise GatewayError(f"{path}: others can read these tokens, run `chmod 600 {path}`")
    known = tuple(_line(path, number, line) for number, line in enumerate(lines, 1) if line.partition("#")[0].strip())
    if not known:
        raise GatewayError(f"{path}: holds no token, write one of {SHORTEST} characters or more into it")
    return Tokens(known)


def _line(path: Path, number: int, line: str) -> tuple[str, Caller]:
    words = line.partition("#")[0].split()
    may_command = len(words) == 3 and words[2] == "commands"
    if len(words) > 2 and not may_command:
        raise GatewayError(f"{path}:{number}: is no token line, write TOKEN, NAME TOKEN or NAME TOKEN commands")
    name, token = ("reader", words[0]) if len(words) == 1 else (words[0], words[1])
    if len(token) < SHORTEST or not _TOKEN.fullmatch(token):
        raise GatewayError(f"{path}:{number}: the token needs {SHORTEST} or more letters and digits, make a longer one")
    return token, Caller(name[:64], may_command)

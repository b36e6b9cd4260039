"""Tokens of readers and commanders, from a file that only its owner can read, and how often one address may ask.

One a line: ``TOKEN``, ``NAME TOKEN``, or ``NAME TOKEN commands`` for somebody who may also change things. ``#`` begins a comment.
"""

import hmac
import re
from dataclasses import dataclass, field
from pathlib import Path

from adaptd.gateway import GatewayError
from adaptd.gateway.secret_file import secret_lines

SHORTEST = 16
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
REQUESTS_PER_S = 40
REQUESTS_BURST = 200
GUESSES_PER_MINUTE = 5
MAX_TRACKED = 256
MINUTE_US = 60_000_000


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
        GatewayError: the file cannot be read, others can read it, it is over 64 kB, or a line is no token.
    """
    if path is None:
        return Tokens(())
    lines = enumerate(secret_lines(path, "write one token a line into it"), 1)
    known = tuple(_line(path, number, line) for number, line in lines if line.partition("#")[0].strip())
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


@dataclass(slots=True)
class Bucket:
    """``per_s`` on average, ``burst`` at once. Levels are micro-tokens, so that no fraction is lost."""

    per_s: int
    burst: int
    level: int
    at_us: int

    def take(self, now_us: int) -> bool:
        """True when one more is within the rate."""
        passed_us = max(0, now_us - self.at_us)
        self.at_us = max(now_us, self.at_us)
        self.level = min(self.burst * 1_000_000, self.level + passed_us * self.per_s)
        if self.level < 1_000_000:
            return False
        self.level -= 1_000_000
        return True


@dataclass(slots=True)
class Rates:
    """One bucket an address, and how often it guessed a token wrongly in this minute. Both tables are bounded."""

    per_s: int = REQUESTS_PER_S
    burst: int = REQUESTS_BURST
    buckets: dict[str, Bucket] = field(default_factory=dict)
    wrong: dict[str, list[int]] = field(default_factory=dict)

    def allow(self, peer: str, now_us: int) -> bool:
        """True when ``peer`` may ask once more now."""
        if peer not in self.buckets:
            _make_room(self.buckets)
            self.buckets[peer] = Bucket(self.per_s, self.burst, self.burst * 1_000_000, now_us)
        return self.buckets[peer].take(now_us)

    def may_guess(self, peer: str, now_us: int) -> bool:
        """False once ``peer`` presented ``GUESSES_PER_MINUTE`` wrong tokens within a minute."""
        recent = [at_us for at_us in self.wrong.get(peer, ()) if now_us - at_us < MINUTE_US]
        return len(recent) < GUESSES_PER_MINUTE

    def guessed(self, peer: str, now_us: int) -> None:
        recent = [at_us for at_us in self.wrong.pop(peer, ()) if now_us - at_us < MINUTE_US]
        _make_room(self.wrong)
        self.wrong[peer] = [*recent, now_us]


def _make_room(table: dict[str, "Bucket"] | dict[str, list[int]]) -> None:
    """Forget the address known longest where the table is full."""
    if len(table) >= MAX_TRACKED:
        table.pop(next(iter(table)))

"""Log folders that try to hurt whoever reads them, drawn from a seed: what a writer never makes, under every name that it uses.

`python -m tests.log.hostile --count 300` is the full form; a part of it runs with every test.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from adaptd.cli.audit_show import Filter, lines
from adaptd.cli.audit_words import report_lines
from adaptd.cli.errors import CommandError
from adaptd.cli.why_log import lines_from_log
from adaptd.log.verify.reader import unreadable
from adaptd.log.verify.verify import verify
from tests.config.hostile import at_most
from tests.log.workload import make_log

MOST_S = 2.0
BIG = (b"9" * 18, b"9" * 400, b"-1", b"1e308", b"null", b"[]", b'"\\u001b[2J\\u202e"', b"0.00001", b"true")


def swapped_value(data: bytes, random: Random) -> bytes:
    """One value of one line replaced by something that no writer puts there."""
    colons = [at for at, byte in enumerate(data) if byte == 58]
    if not colons:
        return data + b"x"
    at = random.choice(colons) + 1
    end = min((found for sign in (b",", b"}", b"]") if (found := data.find(sign, at)) >= 0), default=len(data))
    return data[:at] + random.choice(BIG) + data[end:]


def zeroed(data: bytes, random: Random) -> bytes:
    """A sector that reads as zeros."""
    at = random.randrange(0, max(1, len(data)), 512)
    return data[:at] + bytes(min(512, len(data) - at)) + data[at + 512 :]


def cut(data: bytes, random: Random) -> bytes:
    """A file that ends too early."""
    return data[: random.randrange(len(data))] if data else b"{"


def deep(data: bytes, random: Random) -> bytes:
    """A line that nests without end, or a line without end."""
    return data + random.choice((b"[" * 100_000, b'{"a":' * 50_000, b"9" * 900_000, b"\n" * 50_000))


def policy_that_froze(data: bytes, random: Random) -> bytes:
    """The value that once froze daemon and auditor, inside the configuration on record."""
    del random
    return data.replace(b"max_loss_points: 0.5", b"max_loss_points: 0.00001") + b"x"


HARMS: tuple[Callable[[bytes, Random], bytes], ...] = (swapped_value, swapped_value, zeroed, cut, deep, policy_that_froze)


def odd_thing(folder: Path, random: Random) -> None:
    """Something under a log's name that is no plain file, or a file where none belongs."""
    name = random.choice(("00000000.log", "00000001.log", "00000007.log", "head", "log.pub"))
    path = folder / name
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    path.unlink(missing_ok=True)
    kind = random.randrange(4)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.symlink_to("/dev/zero")
    elif kind == 2:
        path.mkdir()
    else:
        path.write_bytes(random.randbytes(3000))


def harmed(source: Path, folder: Path, random: Random) -> None:
    """A copy of ``source`` in which one to three things are wrong."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("private", "lock", "reserve"))
    for _ in range(random.randint(1, 3)):
        if random.random() < 0.2:
            odd_thing(folder, random)
            continue
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
        if files:
            path = random.choice(files)
            path.write_bytes(random.choice(HARMS)(path.read_bytes(), random))


def read_by_all(folder: Path) -> str:
    """The verdict, after everything that reads a log has read it; whatever is raised but one line for a person is a defect."""
    report = verify(folder)
    report_lines(report)
    unreadable(folder)
    list(lines(folder, Filter(), last=None, follow=False, as_json=False))
    list(lines(folder, Filter(), last=5, follow=False, as_json=True))
    with contextlib.suppress(CommandError):
        lines_from_log(folder, everything=False)
    return report.verdict.value


def attempts(count: int, seed: int, base: Path) -> tuple[Counter[str], float]:
    """Verdicts of ``count`` harmed logs, and the longest that one took in seconds."""
    random, found, slowest = Random(seed), Counter[str](), 0.0
    make_log(base / "good", 120)
    for at in range(count):
        folder = base / f"{at}"
        harmed(base / "good", folder, random)
        began = time.monotonic()
        with at_most(MOST_S):
            found[read_by_all(folder)] += 1
        slowest = max(slowest, time.monotonic() - began)
        shutil.rmtree(folder)
    return found, slowest


def main(argv: list[str] | None = None) -> int:
    """Print the verdicts; 1 where one of them is ``valid``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=15)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as base:
        found, slowest = attempts(arguments.count, arguments.seed, Path(base))
    print(f"{arguments.count} hostile logs: {dict(found)}, slowest {slowest:.2f} s")
    return 1 if found["valid"] else 0


if __name__ == "__main__":
    sys.exit(main())

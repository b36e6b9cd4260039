"""`adaptd`: parse the words, find the command group, turn every error into one line and an exit code.

0 good, 1 the thing checked is bad, 2 wrong usage. Heavy libraries are imported by the groups that need them, when they need them.
"""

import argparse
import importlib
import os
import sys
from typing import NoReturn

from adaptd import __version__
from adaptd.cli.errors import CommandError, missing_library
from adaptd.config.errors import ConfigError

GROUPS = {  # command: the file that knows it
    "run": "run",
    "status": "status_text",
    "why": "status_text",
    "top": "top",
    "doctor": "doctor",
    "policy": "policy",
    "profile": "profile",
    "engine": "engine",
    "simulate": "simulate",
    "twin": "twin",
    "whatif": "whatif",
    "tune": "tune",
    "pack": "pack",
    "bench": "bench",
    "audit": "audit",
    "service": "service",
    "gateway": "gateway",
    "fleet": "fleet",
    "camera": "camera",
    "feeder": "feeder",
    "agv": "agv",
}


class OneLineParser(argparse.ArgumentParser):
    """A parser whose refusal is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}, see `{self.prog} --help`\n")


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The whole command line; every group file adds its own part. With ``command`` only its group is read, which is faster."""
    parser = OneLineParser(
        prog="adaptd",
        description="Keeps a vision model's FP16 and INT8 engines warm and picks engine and frame rate under safety limits.",
    )
    parser.add_argument("--version", action="version", version=f"adaptd {__version__}")
    sub = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in dict.fromkeys(GROUPS.values()) if command is None else [GROUPS[command]]:
        importlib.import_module(f"adaptd.cli.{name}").register(sub)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = sys.argv[1:] if argv is None else argv
    first = words[0] if words and words[0] in GROUPS else None
    arguments = build_parser(first).parse_args(words)
    try:
        code = arguments.handler(arguments)
        sys.stdout.flush()
    except (ConfigError, CommandError) as error:
        print(error, file=sys.stderr)
        return getattr(error, "code", 1)
    except ModuleNotFoundError as error:
        told = missing_library(error)
        if not told:
            raise
        print(f"adaptd {arguments.command}: {told}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, a pager) has seen enough; keep the interpreter from complaining when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return int(code)


if __name__ == "__main__":
    sys.exit(main())

"""`adaptd`: parse the words, find the command group, turn every error into one line and an exit code.

0 good, 1 the thing checked is bad, 2 wrong usage. Heavy libraries are imported by the groups that need them, when they need them.
"""

import argparse
import importlib
import os
import sys
from typing import NoReturn

from adaptd import __version__
from adaptd.cli.errors import CommandError
from adaptd.cli.extras import missing_library
from adaptd.config.errors import ConfigError

GROUPS = (
    "run",
    "status_text",
    "top",
    "doctor",
    "policy",
    "profile",
    "engine",
    "simulate",
    "twin",
    "whatif",
    "tune",
    "pack",
    "bench",
    "audit",
    "service",
    "gateway",
    "camera",
    "feeder",
)


class OneLineParser(argparse.ArgumentParser):
    """A parser whose refusal is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}, see `{self.prog} --help`\n")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; every group file adds its own part."""
    parser = OneLineParser(
        prog="adaptd",
        description="Keeps a vision model's FP16 and INT8 engines warm and picks engine and frame rate under safety limits.",
    )
    parser.add_argument("--version", action="version", version=f"adaptd {__version__}")
    sub = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in GROUPS:
        importlib.import_module(f"adaptd.cli.{name}").register(sub)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = build_parser().parse_args(argv)
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

"""How a command group says what it takes: verbs with their handlers, and options, those among them that many commands share."""

import argparse
import importlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from adaptd.cli.errors import whole, within

Handler = Callable[[argparse.Namespace], int]
Sub = Any  # what add_subparsers gives


class Words:
    """The options and arguments of a verb, in the order of --help; ``how`` is as for ``add_argument``."""

    def __init__(self, parser: argparse._ActionsContainer) -> None:
        self._parser = parser

    def option(self, names: str, words: str, **how: Any) -> None:
        """One option or argument: ``names`` with blanks between, ``words`` for --help."""
        self._parser.add_argument(*names.split(), help=words, **how)

    def flag(self, names: str, words: str) -> None:
        """One that is given or not."""
        self.option(names, words, action="store_true")

    def path(self, names: str, words: str, **how: Any) -> None:
        """One that is a file or a folder."""
        self.option(names, words, type=Path, **how)

    def count(self, names: str, words: str, least: int = 1, **how: Any) -> None:
        """One that is a whole number of at least ``least``."""
        self.option(names, words, type=whole(least), **how)

    def many(self, names: str, words: str, **how: Any) -> None:
        """One that may be repeated."""
        self.option(names, words, action="append", **{"default": [], **how})

    def add(self, *shared: Callable[["Words"], None]) -> "Words":
        """Options that other commands have as well."""
        for one in shared:
            one(self)
        return self

    def titled(self, title: str) -> "Words":
        """Those that follow stand under a title."""
        return Words(self._parser.add_argument_group(title))


def as_json(words: Words) -> None:
    words.flag("--json", "print one JSON object")


def jobs(words: Words) -> None:
    words.count("--jobs", "processes (default: one a core)")


def battery(words: Words) -> None:
    words.option("--battery-wh", "capacity of the battery, for the hours", type=within(0.001, 1e6, "capacity"), metavar="WH")


def socket(words: Words) -> None:
    words.path("--socket", "the daemon's socket")


def verbs(sub: Sub, name: str, words: str, metavar: str | None = None, **how: Any) -> Sub:
    """A command that has verbs."""
    return sub.add_parser(name, help=words, **how).add_subparsers(dest="verb", metavar=metavar, required=True)


def verb(sub: Sub, name: str, words: str, handler: Handler, *shared: Callable[[Words], None], **how: Any) -> Words:
    """A command or verb: what it does, who does it, and the first of its options."""
    parser = sub.add_parser(name, help=words, **how)
    parser.set_defaults(handler=handler)
    return Words(parser).add(*shared)


def later(place: str) -> Handler:
    """The handler MODULE.FUNCTION of this room, imported when it is called: --help waits for nothing that a command needs."""

    def handler(arguments: argparse.Namespace) -> int:
        module, _, name = place.partition(".")
        return int(getattr(importlib.import_module(f"adaptd.cli.{module}"), name)(arguments))

    return handler


def answer(
    arguments: argparse.Namespace,
    plain: Any,
    people: Iterable[str] | Callable[[], Iterable[str] | None],
    code: int = 0,
    **how: Any,
) -> int:
    """Print ``plain`` as JSON where ``--json`` was given, else what ``people`` gives or prints; returns ``code``."""
    if arguments.json:
        print(json.dumps(plain, **how))
    else:
        for line in (people() if callable(people) else people) or ():
            print(line)
    return code

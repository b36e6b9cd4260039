"""Help that helps: every command, argument and option says what it is for."""

import argparse
from collections.abc import Iterator

from adaptd.cli.main import build_parser


def unexplained(parser: argparse.ArgumentParser, path: str) -> Iterator[str]:
    """Commands and options without a word of help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            explained = {choice.dest for choice in action._choices_actions if choice.help}
            for name, sub in action.choices.items():
                if name not in explained:
                    yield f"{path} {name}"
                yield from unexplained(sub, f"{path} {name}")
        elif not action.help:
            yield f"{path} {'/'.join(action.option_strings) or action.dest}"


def test_every_option_says_what_it_is_for() -> None:
    """A person who types --help is never left with a bare name."""
    assert not list(unexplained(build_parser(), "adaptd"))


def test_a_bare_option_is_found() -> None:
    """The negative control: an option without help, in a command without help, is named."""
    parser = argparse.ArgumentParser()
    parser.add_subparsers().add_parser("cook").add_argument("--salt")
    assert list(unexplained(parser, "adaptd")) == ["adaptd cook", "adaptd cook --salt"]

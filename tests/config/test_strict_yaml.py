"""The strict loader: what two people could read differently is refused with a line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adaptd.config.errors import ConfigError
from adaptd.config.strict_yaml import parse_document, read_text_at_once

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join('*' + chr(97 + i) for _ in range(9))}]\n" for i in range(6)
)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("a: 1\na: 2\n", "f.yaml:2:1", "appears twice"),
        ("a: &x 1\n", "f.yaml:1:4", "anchor"),
        ("a: *x\n", "f.yaml:1:4", "anchor"),
        (BOMB, "f.yaml:1:4", "anchor"),
        ("a: !!str 1\n", "f.yaml:1:4", "tag"),
        ("<<: {a: 1}\n", "f.yaml:1:1", "merge"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1", "second document"),
        ("a:\n\tb: 1\n", "f.yaml:2:1", "tab"),
        ("a: [[[[[[[[1]]]]]]]]\n", "f.yaml:1:11", "nesting"),
        ("a: " + "[" * 3000 + "\n", "f.yaml:1:36", "nesting"),
        ("- 1\n", "f.yaml:1:1", "mapping"),
        ("", "f.yaml:1:1", "mapping"),
        ("true: 1\n", "f.yaml:1:1", "not text"),
        ("? [1]\n: 2\n", "f.yaml:1:3", "not text"),
        ("a: 'unclosed\n", "f.yaml:2:1", "syntax"),
        ("a: 1\0\n", "f.yaml:1:1", "NUL"),
        ("a: 1e999\n", "f.yaml:1:4", "finite"),
        ("a: " + "9" * 40 + "\n", "f.yaml:1:4", "18 digits"),
        ("#" * 70_000, "f.yaml:1:1", "64 KiB"),
    ],
)
def test_a_dangerous_file_is_refused_with_its_line(text: str, where: str, words: str) -> None:
    """Each construct that hides a surprise is refused, and the message names the place."""
    with pytest.raises(ConfigError) as caught:
        parse_document(text, "f.yaml")
    assert str(caught.value).startswith(where), str(caught.value)
    assert words in str(caught.value)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    """A file in another encoding is refused with the line of its first bad byte."""
    with pytest.raises(ConfigError, match=r"f.yaml:2:1: file: is not UTF-8"):
        parse_document(b"a: 1\nb: \xff\n", "f.yaml")


@pytest.mark.parametrize(
    "word", ["off", "NO", "yes", "22:30", "12:30:45", "0777", "0x10", "1_000", ".nan", ".inf", "~", "2026-11-21", "0.5%"]
)
def test_words_that_yaml_would_turn_into_something_else_stay_text(word: str) -> None:
    """What YAML 1.1 reads as a bool, a time, an octal or not-a-number stays the text that was written."""
    assert parse_document(f"a: {word}\n", "f.yaml").data["a"] == word


@pytest.mark.parametrize(
    ("word", "value"), [("1e-3", 1e-3), ("0", 0), ("-4", -4), ("2.50", 2.5), ("1E3", 1000.0), ("true", True)]
)
def test_plain_numbers_mean_what_they_say(word: str, value: float) -> None:
    """Decimal numbers, with or without exponent, are numbers; only true and false are booleans."""
    found = parse_document(f"a: {word}\n", "f.yaml").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_an_error_inside_a_list_points_at_the_item() -> None:
    """The position of a list item is known, so that an error names the line of the item and not of the list."""
    document = parse_document("a:\n  - b: 1\n  - b: 2\n", "f.yaml")
    assert document.where(("a", 1, "b")) == "f.yaml:3:5"
    assert document.where(("a", 1, "unknown")) == "f.yaml:3:5"
    assert document.where(("elsewhere",)) == "f.yaml:1:1"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_plain_file_is_refused_at_once(make: Callable[[Path], None], tmp_path: Path) -> None:
    """A folder or a pipe under the policy's name is one line, for whoever must not wait; nothing is raised but that."""
    make(tmp_path / "policy.yaml")
    with pytest.raises(ConfigError, match=r"policy\.yaml:1:1: file: is no plain file, put one in its place"):
        read_text_at_once(tmp_path / "policy.yaml")

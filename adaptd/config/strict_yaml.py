"""YAML without surprises: PyYAML's parser under a loader that refuses what two people could read differently.

Refused before any object is built: more than 64 KiB, NUL or non-UTF-8 bytes, several documents, tabs in indentation,
anchors, aliases, explicit tags, merge keys, nesting over 8, duplicate or non-string keys. Only ``true|false``, ``null``,
decimal integers and finite decimal floats are scalars with a type; everything else is a string, and a string where a number
belongs is an error with a line.
"""

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from adaptd.config.errors import ConfigError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_OPEN_BRACKETS = 32  # however they are quoted: PyYAML's scanner takes quadratic time on open brackets

Position: TypeAlias = tuple[int, int]
KeyPath: TypeAlias = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Document:
    """A parsed mapping with the line and column of every key and item, so that later errors can point at them."""

    name: str
    data: dict[str, Any]
    positions: dict[KeyPath, Position]
    sha256: str

    def where(self, path: KeyPath) -> str:
        """``FILE:LINE:COL`` of the nearest known ancestor of ``path``."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.positions:
                line, column = self.positions[path[:end]]
                return f"{self.name}:{line}:{column}"
        return f"{self.name}:1:1"


class _Loader(yaml.SafeLoader):
    """SafeLoader whose only implicit types are the ones this file names."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own shape


_Loader.add_implicit_resolver(_TAG + "bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"^null$"), ["n"])
_Loader.add_implicit_resolver(_TAG + "int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
_Loader.add_implicit_resolver(
    _TAG + "float",
    re.compile(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"),
    list("-0123456789"),
)


def read_document(path: Path) -> Document:
    """Read and parse ``path``.

    Raises:
        ConfigError: the file cannot be read, or is refused by the rules above.
    """
    return parse_document(read_bounded(path), str(path))


def read_bounded(path: Path) -> bytes:
    """The bytes of a file, no more than one over what would be accepted.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}:1:1: file: cannot be read ({error.strerror}), name an existing readable file") from None


def read_text_at_once(path: Path) -> str:
    """The text of a file for a reader that must not wait: a pipe or a device in its place is refused, not read.

    Raises:
        ConfigError: the file cannot be read, is no plain file, or is no text.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"{path}:1:1: file: cannot be read ({error.strerror}), name an existing readable file") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigError(f"{path}:1:1: file: is no plain file, put one in its place")
    with os.fdopen(descriptor, "rb") as stream:
        return _decode(stream.read(MAX_BYTES + 1), str(path))


def parse_document(raw: bytes | str, name: str) -> Document:
    """Parse one strict mapping out of ``raw``; ``name`` is what error messages call it."""
    text = _decode(raw, name)
    try:
        _refuse_events(text, name)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if not isinstance(node, yaml.MappingNode):
                raise ConfigError(f"{name}:1:1: file: holds no mapping, write `key: value` lines")
            positions: dict[KeyPath, Position] = {(): (1, 1)}
            data = _build(loader, node, (), positions, name)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax_line(error, name)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}:1:1: syntax: {str(error).splitlines()[0]}, write plain YAML text") from None
    return Document(name, data, positions, hashlib.sha256(text.encode()).hexdigest())


def _decode(raw: bytes | str, name: str) -> str:
    encoded = raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else raw
    if len(encoded) > MAX_BYTES:
        raise ConfigError(f"{name}:1:1: file: is larger than 64 KiB, a policy or profile never is")
    try:
        text = encoded.decode("utf-8")
    except UnicodeDecodeError as error:
        line = encoded[: error.start].count(b"\n") + 1
        raise ConfigError(f"{name}:{line}:1: file: is not UTF-8 text, save it as UTF-8") from None
    if "\0" in text:
        raise ConfigError(f"{name}:{text[: text.index(chr(0))].count(chr(10)) + 1}:1: file: holds a NUL byte, save it as text")
    for number, line_text in enumerate(text.splitlines(), 1):
        indent = line_text[: len(line_text) - len(line_text.lstrip(" \t"))]
        if "\t" in indent:
            raise ConfigError(f"{name}:{number}:{indent.index(chr(9)) + 1}: indentation: holds a tab, indent with spaces")
    _refuse_brackets(text, name)
    return text


def _refuse_brackets(text: str, name: str) -> None:
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        for column, letter in enumerate(line, 1):
            depth += (letter in "[{") - (letter in "]}" and depth > 0)
            if depth > MAX_OPEN_BRACKETS:
                raise ConfigError(f"{name}:{number}:{column}: nesting: is deeper than {MAX_DEPTH} levels, flatten it")


def _refuse_events(text: str, name: str) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        mark = _mark(event, name)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise ConfigError(f"{mark}: file: holds a second document, keep one per file")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ConfigError(f"{mark}: anchor: anchors and aliases are not accepted, write the value out")
        if getattr(event, "tag", None) is not None:
            raise ConfigError(f"{mark}: tag: explicit tags are not accepted, write the plain value")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise ConfigError(f"{mark}: nesting: is deeper than {MAX_DEPTH} levels, flatten it")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _mark(event: yaml.Event, name: str) -> str:
    start = event.start_mark
    return f"{name}:{start.line + 1}:{start.column + 1}" if start else f"{name}:1:1"


def _build(loader: _Loader, node: yaml.Node, path: KeyPath, positions: dict[KeyPath, Position], name: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(loader, node, path, positions, name)
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            positions[here] = (item.start_mark.line + 1, item.start_mark.column + 1)
            items.append(_build(loader, item, here, positions, name))
        return items
    if node.tag == _TAG + "int" and len(node.value) > 18:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        raise ConfigError(f"{name}:{line}:{column}: {_dotted(path)}: is longer than 18 digits, write a smaller number")
    value = loader.construct_object(node)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        raise ConfigError(f"{name}:{line}:{column}: {_dotted(path)}: is not finite, write a finite number")
    return value


def _build_mapping(
    loader: _Loader, node: yaml.MappingNode, path: KeyPath, positions: dict[KeyPath, Position], name: str
) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        if not isinstance(key_node, yaml.ScalarNode) or (key_node.tag != _TAG + "str" and key_node.style is None):
            raise ConfigError(f"{name}:{line}:{column}: key: is not text, write a plain name")
        key = key_node.value
        if key == "<<":
            raise ConfigError(f"{name}:{line}:{column}: <<: merge keys are not accepted, write the keys out")
        here = (*path, key)
        if key in built:
            first = positions[here][0]
            raise ConfigError(f"{name}:{line}:{column}: {_dotted(here)}: appears twice (first on line {first}), keep one")
        positions[here] = (line, column)
        built[key] = _build(loader, value_node, here, positions, name)
    return built


def _dotted(path: KeyPath) -> str:
    return ".".join(str(part) for part in path) or "file"


def _syntax_line(error: yaml.MarkedYAMLError, name: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else f"{name}:1:1"
    return f"{where}: syntax: {error.problem or error.context}, write plain YAML"

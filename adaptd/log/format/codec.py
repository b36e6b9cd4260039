"""Any frozen dataclass or named tuple to canonical plain values and back, whole or as the difference from the one before.

A word that is a field of its own is a dict of its fields. A word inside a tuple or a union is a row: a list in field order,
which ``layout`` spells out so that a log describes itself. Floats and integers beyond
2^53 travel as hexadecimal text, enums as their value.
A union of words writes its first member as a bare row and the others as ``{"ClassName": row}``.
The difference of two dicts holds only the fields that changed; that of two rows of a union leaves out equal trailing items.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from adaptd.base.canonical_json import INT_LIMIT, Plain
from adaptd.log.format.fields import Maybe, Words
from adaptd.log.format.shapes import (
    Atom,
    CodecError,
    Counter,
    Either,
    Fixed,
    Real,
    Repeated,
    RowShape,
    Shape,
    UnionShape,
)

__all__ = ["CodecError", "RowShape", "Words", "from_plain", "layout", "row", "to_plain", "words"]

COUNTERS = frozenset({"seq"})  # fields that count answers
_ATOMS = (int, str, bool, type(None))


@lru_cache(maxsize=256)
def words(word: type) -> Words:
    """The shape of a dataclass as a dict of its fields."""
    return Words(word, _field_shapes(word, _shape))


@lru_cache(maxsize=256)
def row(word: type) -> RowShape:
    """The shape of a dataclass as a row."""
    return RowShape(word, _field_shapes(word, _inner))


def _field_shapes(word: type, shape_of: Callable[[Any], Shape]) -> dict[str, Shape]:
    if not _is_word(word):
        raise CodecError(f"{word.__name__} is neither a dataclass nor a named tuple")
    hints = get_type_hints(word)
    return {name: Counter() if name in COUNTERS else shape_of(hints[name]) for name in _names(word)}


def _is_word(hint: Any) -> bool:
    return isinstance(hint, type) and (is_dataclass(hint) or (issubclass(hint, tuple) and hasattr(hint, "_fields")))


def _names(word: Any) -> list[str]:
    """The fields of a word in order."""
    return list(word._fields) if issubclass(word, tuple) else [field.name for field in fields(word)]


def _shape(hint: Any) -> Shape:
    """The shape of a field that stands on its own."""
    if _is_word(hint):
        return words(hint)
    rest = _without_none(hint)
    if rest is not None and _is_word(rest):
        return Maybe(words(rest))
    return _inner(hint)


def _inner(hint: Any) -> Shape:
    """The shape of something inside a tuple, a row or a union."""
    if hint is float:
        return Real()
    if hint in _ATOMS:
        return Atom(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return UnionShape(hint)
    if _is_word(hint):
        return row(hint)
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint))
    if get_origin(hint) in (Union, UnionType):
        return _union(get_args(hint))
    raise CodecError(f"no canonical form for {hint}")


def _tuple(args: tuple[Any, ...]) -> Shape:
    if len(args) == 2 and args[1] is Ellipsis:
        return Repeated(_inner(args[0]))
    return Fixed(tuple(_inner(arg) for arg in args))


def _union(args: tuple[Any, ...]) -> Shape:
    if all(arg in _ATOMS for arg in args):
        return Atom(*args)
    members = tuple(arg for arg in args if arg is not type(None))
    if len(members) == 1 and isinstance(members[0], type) and issubclass(members[0], Enum):
        return UnionShape(members[0], optional=True)
    if not all(_is_word(member) for member in members):
        raise CodecError(f"no canonical form for a union of {args}")
    return Either(tuple(row(member) for member in members), optional=len(members) < len(args))


def _without_none(hint: Any) -> Any:
    """X of ``X | None``, or None for every other hint."""
    if get_origin(hint) not in (Union, UnionType):
        return None
    members = [arg for arg in get_args(hint) if arg is not type(None)]
    return members[0] if len(members) == 1 else None


def to_plain(value: Any) -> Plain:
    """The plain value of a word; raises CodecError for a type that has none."""
    word: type = type(value)
    return _portable(words(word).full(value))


def _portable(plain: Plain) -> Plain:
    """The same with integers beyond 2^53 as hexadecimal text, which ``Atom`` reads back."""
    if type(plain) is int:
        return plain if -INT_LIMIT < plain < INT_LIMIT else hex(plain)
    if type(plain) is list:
        return [_portable(item) for item in plain]
    return {name: _portable(item) for name, item in plain.items()} if type(plain) is dict else plain


def from_plain(word: type, plain: Plain) -> Any:
    """The ``word`` that ``plain`` describes; raises CodecError for anything that does not fit."""
    return words(word).read(plain)


def layout(*roots: type) -> Plain:
    """For every word reachable from ``roots``: its field names in order, so that rows can be read without this code."""
    found: dict[str, Plain] = {}

    def visit(hint: Any) -> None:
        for arg in get_args(hint):
            visit(arg)
        if _is_word(hint) and hint.__name__ not in found:
            found[hint.__name__] = _names(hint)
            for inner in get_type_hints(hint).values():
                visit(inner)

    for root in roots:
        visit(root)
    return found

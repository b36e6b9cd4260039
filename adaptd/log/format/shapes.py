"""The shapes a type can take in the log; ``codec`` says which type takes which. Pure data in, plain values out, and back."""

from collections.abc import Callable, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any

from adaptd.base.canonical_json import INT_LIMIT, Plain


class CodecError(ValueError):
    """A plain value does not fit the word it should become, or a word cannot be written."""


def misfit(error: Exception) -> str:
    """Why a record does not fit what it should hold, in words: what was raised says it in terms of the language alone."""
    if isinstance(error, CodecError):
        return str(error)
    if isinstance(error, KeyError):
        return f"the field {str(error.args[0] if error.args else '')!r:.40} is missing"
    if isinstance(error, ArithmeticError):
        return "a number is zero or too large to reckon with"
    return "a list is too short" if isinstance(error, IndexError) else "a value is not of the kind that belongs there"


class Shape:
    """How one type is written (``full``), read (``read``), written against an older value (``diff``) and read so (``patch``).

    ``kind`` is the one type that its plain values have, None where there are several.
    """

    kind: type | None = None

    def full(self, value: Any) -> Plain:
        return value

    def read(self, plain: Plain) -> Any:
        return plain

    def diff(self, old: Any, new: Any) -> Plain:
        return self.full(new)

    def patch(self, old: Any, plain: Plain) -> Any:
        return self.read(plain)


_KINDS = {int: "an integer", str: "text", bool: "true or false", type(None): "null"}


class Atom(Shape):
    """int, str, bool, None, or a choice of them."""

    def __init__(self, *kinds: type) -> None:
        self._kinds = frozenset(kinds)
        self.kind = kinds[0] if len(kinds) == 1 else None

    def read(self, plain: Plain) -> Any:
        if type(plain) not in self._kinds:
            if type(plain) is str and int in self._kinds:
                return _long_integer(plain)
            raise CodecError(f"{plain!r:.60} is not {' or '.join(sorted(_KINDS[kind] for kind in self._kinds))}")
        return plain


def _long_integer(text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError:
        value = 0
    if -INT_LIMIT < value < INT_LIMIT or hex(value) != text:
        raise CodecError(f"{text!r:.60} is not the hexadecimal text of an integer beyond 2^53")
    return value


class Counter(Atom):
    """An int that usually is one more than before: the difference of a row leaves it out then."""

    def __init__(self) -> None:
        super().__init__(int)


class Real(Shape):
    """A float, written as its exact hexadecimal text."""

    def full(self, value: Any) -> Plain:
        return float(value).hex()

    def read(self, plain: Plain) -> Any:
        try:
            value = float.fromhex(plain)
        except (TypeError, ValueError):
            raise CodecError(f"{plain!r:.60} is not the hexadecimal text of a float") from None
        if value.hex() != plain:
            raise CodecError(f"{plain!r:.60} is not the only hexadecimal text of a float")
        return value


class UnionShape(Shape):
    """A member of an enum, written as its value; None too where it is ``optional``."""

    def __init__(self, enum: type[Enum], *, optional: bool = False) -> None:
        self._enum, self._optional = enum, optional
        self.kind = None if optional else type(next(iter(enum)).value)

    def full(self, value: Any) -> Plain:
        return None if value is None else value.value

    def read(self, plain: Plain) -> Any:
        if plain is None and self._optional:
            return None
        try:
            return self._enum(plain)
        except ValueError:
            raise CodecError(f"{plain!r:.60} is no {self._enum.__name__}") from None


class Repeated(Shape):
    """A tuple of any length, written as a list; the difference of two equally long ones is ``{"index": item}`` of the changed."""

    def __init__(self, item: Shape) -> None:
        self.kind = list
        self._item = item
        self._bare = isinstance(item, Atom)
        self._sparse = item if isinstance(item, RowShape) else None

    def full(self, value: Any) -> Plain:
        if self._bare:
            return list(value)
        shape = self._item
        return [shape.full(item) for item in value]

    def read(self, plain: Plain) -> Any:
        if type(plain) is not list:
            raise CodecError(f"{plain!r:.60} is not a list")
        shape = self._item
        return tuple([shape.read(item) for item in plain])

    def diff(self, old: Any, new: Any) -> Plain:
        if len(old) != len(new) or len(new) < 2:
            return self.full(new)
        write = self._item.diff if self._sparse is None else self._sparse.change
        changed = {}
        for at, (before, after) in enumerate(zip(old, new, strict=True)):
            if before is not after and before != after:
                changed[str(at)] = write(before, after)
        return changed

    def patch(self, old: Any, plain: Plain) -> Any:
        if type(plain) is not dict:
            return self.read(plain)
        items = list(old)
        row, shape = self._sparse, self._item
        for name, item in plain.items():
            at = int(name)
            if not 0 <= at < len(items) or str(at) != name:
                raise CodecError(f"no item {name!r:.20} to change")
            items[at] = shape.patch(items[at], item) if row is None else row.changed(items[at], item)
        return tuple(items)


class Fixed(Shape):
    """A tuple of known length, written as a list."""

    def __init__(self, items: tuple[Shape, ...]) -> None:
        self._items = items

    def full(self, value: Any) -> Plain:
        return [shape.full(item) for shape, item in zip(self._items, value, strict=True)]

    def read(self, plain: Plain) -> Any:
        if type(plain) is not list or len(plain) != len(self._items):
            raise CodecError(f"{plain!r:.60} is not a list of {len(self._items)}")
        return tuple(shape.read(item) for shape, item in zip(self._items, plain, strict=True))


def getter(word: type, names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that gives these attributes of a word as a tuple."""
    own: Callable[[Any], tuple[Any, ...]] | None = getattr(word, "as_tuple", None)  # words of the compiled core have one
    if own is not None:
        return own
    if len(names) == 1:
        one = attrgetter(names[0])
        return lambda value: (one(value),)
    return attrgetter(*names) if names else lambda _: ()


class RowShape(Shape):
    """A word written as the list of its fields in order."""

    def __init__(self, word: type, shapes: dict[str, Shape]) -> None:
        self.word = word
        self._names = tuple(shapes)
        self._shapes = tuple(shapes.values())
        self._by_name = shapes
        self._get = getter(word, self._names)
        self.kind = list
        self._nested = tuple((at, shape) for at, shape in enumerate(self._shapes) if not isinstance(shape, Atom))
        self._count = next((at for at, shape in enumerate(self._shapes) if isinstance(shape, Counter)), -1)
        types = tuple([shape.kind for shape in self._shapes])
        self._types = [types[:count] for count in range(len(types) + 1)]  # of the first fields

    def full(self, value: Any) -> Plain:
        return self._written(self._get(value))

    def _written(self, values: tuple[Any, ...]) -> list[Plain]:
        """The first fields as they are written: an atom is its own plain value."""
        plain = list(values)
        for at, shape in self._nested:
            if at < len(plain):
                plain[at] = shape.full(plain[at])
        return plain

    def _values(self, plain: list[Plain]) -> list[Any]:
        """The first fields as they are read; where every type is the only one possible, atoms need no other check."""
        if tuple(map(type, plain)) != self._types[len(plain)]:
            return [shape.read(item) for shape, item in zip(self._shapes, plain, strict=False)]
        if not self._nested:
            return plain
        values = list(plain)
        for at, shape in self._nested:
            if at < len(values):
                values[at] = shape.read(values[at])
        return values

    def read(self, plain: Plain) -> Any:
        if type(plain) is not list or len(plain) != len(self._shapes):
            raise CodecError(f"{plain!r:.60} is not a list of {len(self._shapes)} for {self.word.__name__}")
        return self.word(*self._values(plain))

    def diff(self, old: Any, new: Any) -> Plain:
        """The row without the trailing fields that are as before (a counter: one more); at least one item stays."""
        before: Sequence[Any] = self._get(old)
        after = self._get(new)
        if self._count >= 0:
            before = self._counted(before)
        end = len(after)
        while end > 1 and before[end - 1] == after[end - 1]:
            end -= 1
        return self._written(after[:end])

    def patch(self, old: Any, plain: Plain) -> Any:
        if type(plain) is not list or not 0 < len(plain) <= len(self._shapes):
            raise CodecError(f"{plain!r:.60} is not a list of 1 to {len(self._shapes)} for {self.word.__name__}")
        rest: Sequence[Any] = self._get(old)
        if self._count >= 0:
            rest = self._counted(rest)
        return self.word(*self._values(plain), *rest[len(plain) :])

    def _counted(self, values: Sequence[Any]) -> list[Any]:
        """The fields with the counter one on."""
        counted = list(values)
        counted[self._count] += 1
        return counted

    def change(self, old: Any, new: Any) -> Plain:
        """``{"field": value}`` where one field changed, else the whole row."""
        olds, news = self._get(old), self._get(new)
        names = [name for name, before, after in zip(self._names, olds, news, strict=True) if before != after]
        return {names[0]: self._by_name[names[0]].full(getattr(new, names[0]))} if len(names) == 1 else self.full(new)

    def changed(self, old: Any, plain: Plain) -> Any:
        """The row after ``change``."""
        if type(plain) is not dict:
            return self.read(plain)
        ((name, item),) = plain.items()
        if name not in self._by_name:
            raise CodecError(f"{self.word.__name__} has no field {name!r:.40}")
        return self.word(**{**dict(zip(self._names, self._get(old), strict=True)), name: self._by_name[name].read(item)})


class Either(Shape):
    """A union of words, with or without None."""

    def __init__(self, rows: tuple[RowShape, ...], optional: bool) -> None:
        self._first = rows[0]
        self._rows = {row.word: row for row in rows}
        self._names = {row.word.__name__: row for row in rows[1:]}
        self._optional = optional

    def full(self, value: Any) -> Plain:
        if value is None:
            return None
        row = self._rows[type(value)]
        return row.full(value) if row is self._first else {row.word.__name__: row.full(value)}

    def read(self, plain: Plain) -> Any:
        if type(plain) is list:
            return self._first.read(plain)
        if plain is None and self._optional:
            return None
        if type(plain) is dict and len(plain) == 1:
            ((name, row),) = plain.items()
            if name in self._names:
                return self._names[name].read(row)
        raise CodecError(f"{plain!r:.60} is none of {', '.join(word.__name__ for word in self._rows)}")

    def diff(self, old: Any, new: Any) -> Plain:
        if type(old) is type(new) is self._first.word:
            return self._first.diff(old, new)
        return self.full(new)

    def patch(self, old: Any, plain: Plain) -> Any:
        if type(plain) is list and type(old) is self._first.word:
            return self._first.patch(old, plain)
        return self.read(plain)

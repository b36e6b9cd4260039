"""A word as the dict of its fields: how it is written whole, as a change, and read back."""

from typing import Any

from adaptd.base.canonical_json import Plain
from adaptd.log.format.shapes import CodecError, Shape, getter

LATER = {"limits": (), "lowered": None, "budget_by": "", "power_mode": None, "shift": None, "stalls": None, "tested": ()}
"""Fields that version 2 gained: left out of a whole word while they say nothing, so that older logs are still read."""


class Words(Shape):
    """A word written as the dict of its fields."""

    def __init__(
        self, word: type, shapes: dict[str, Shape], skip: tuple[str, ...] = (), short: dict[str, str] | None = None
    ) -> None:
        self.word = word
        self._all = shapes
        self._shapes = {name: shape for name, shape in shapes.items() if name not in skip}
        short = short or {}
        self._get = getter(word, tuple(shapes))
        order = {name: at for at, name in enumerate(shapes)}
        self._places = {short.get(name, name): (order[name], shape) for name, shape in self._shapes.items()}
        self._written = tuple((key, place, shape) for key, (place, shape) in self._places.items())
        self._later = {key: LATER[key] for key in self._places if key in LATER}
        self._skipped = {name: order[name] for name in skip}

    def without(self, *names: str, short: dict[str, str] | None = None) -> "Words":
        """The same word without these fields, which the caller gives to ``read`` and ``patch``, and with short names for some."""
        return Words(self.word, self._all, names, short)

    def full(self, value: Any) -> Plain:
        values = self._get(value)
        plain = {key: shape.full(values[place]) for key, place, shape in self._written}
        for key, nothing in self._later.items():
            if values[self._places[key][0]] == nothing:
                del plain[key]
        return plain

    def read(self, plain: Plain, **given: Any) -> Any:
        if type(plain) is not dict or not plain.keys() <= self._places.keys():
            raise CodecError(f"the fields of {self.word.__name__} are {', '.join(self._shapes)}")
        values: list[Any] = [None] * len(self._all)
        for key, (place, shape) in self._places.items():
            if key in plain:
                values[place] = shape.read(plain[key])
                if key in self._later and values[place] == self._later[key]:
                    raise CodecError(f"{self.word.__name__} says nothing with {key}, which is left out then")
            elif key in self._later:
                values[place] = self._later[key]
            else:
                raise CodecError(f"{self.word.__name__} has no {key}")
        for name, place in self._skipped.items():
            values[place] = given[name]
        return self.word(*values)

    def diff(self, old: Any, new: Any) -> Plain:
        changed = {}
        olds, news = self._get(old), self._get(new)
        for key, place, shape in self._written:
            before, after = olds[place], news[place]
            if before is not after and before != after:
                changed[key] = shape.diff(before, after)
        return changed

    def patch(self, old: Any, plain: Plain, **given: Any) -> Any:
        if type(plain) is not dict:
            raise CodecError(f"{plain!r:.60} is not a change of {self.word.__name__}")
        values = list(self._get(old))
        for key, item in plain.items():
            found = self._places.get(key)
            if found is None:
                raise CodecError(f"{self.word.__name__} has no field {key!r:.40}")
            place, shape = found
            values[place] = shape.patch(values[place], item)
        for name, place in self._skipped.items():
            values[place] = given[name]
        return self.word(*values)


class Maybe(Shape):
    """A word that is a field of its own, or None."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def full(self, value: Any) -> Plain:
        return None if value is None else self._words.full(value)

    def read(self, plain: Plain) -> Any:
        return None if plain is None else self._words.read(plain)

    def diff(self, old: Any, new: Any) -> Plain:
        return self.full(new) if old is None or new is None else self._words.diff(old, new)

    def patch(self, old: Any, plain: Plain) -> Any:
        return self.read(plain) if old is None or plain is None else self._words.patch(old, plain)

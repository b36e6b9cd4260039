"""The policy's ``endurance``: how long one charge of the battery must last, and what must be left of it then."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field

from adaptd.config.strict_yaml import KeyPath
from adaptd.config.validate import Number, Strict, scaled

LONGEST_H = 168
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def _time_of_day(value: object) -> object:
    if not isinstance(value, str) or _CLOCK.fullmatch(value) is None:
        raise ValueError('is no time of day, write for example "18:00", in quotes')
    return value


TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]


class EnduranceModel(Strict):
    """``hours`` on one charge, or ``until`` a time of day on the box's own clock; one of the two."""

    hours: Annotated[Number, Field(gt=0, le=LONGEST_H)] | None = None
    until: TimeOfDay | None = None
    reserve_pct: Annotated[Number, Field(ge=0, le=90)] = 10


@dataclass(frozen=True, slots=True)
class Endurance:
    """``lasts_us`` from the last charge on, or to ``until_minute`` of the day; ``reserve_ppm`` must be left then."""

    reserve_ppm: int
    lasts_us: int | None = None
    until_minute: int | None = None


def endurance(model: EnduranceModel | None) -> Endurance | None:
    """The goal in integers; None where the policy has none."""
    if model is None:
        return None
    lasts_us = None if model.hours is None else scaled(model.hours, 3_600_000_000)
    return Endurance(scaled(model.reserve_pct, 10_000), lasts_us, None if model.until is None else minute_of_day(model.until))


def minute_of_day(text: str) -> int:
    """``18:05`` is minute 1085.

    Raises:
        ValueError: the text is no time of day.
    """
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:20]!r} is no time of day, write for example 18:00")
    return int(match[1]) * 60 + int(match[2])


def fault(model: EnduranceModel) -> tuple[KeyPath, str] | None:
    """The contradiction in a goal, with its key; None where there is none."""
    if (model.hours is None) == (model.until is None):
        return ("endurance",), "names both hours and until or neither, give one of them"
    return None

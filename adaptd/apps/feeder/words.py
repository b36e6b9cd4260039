"""The sentences an owner reads: who, what, since when, and what to do. Minutes and days, never ppm."""

from datetime import date, datetime, tzinfo

from adaptd.apps.feeder.basis import EXCUSE_WORDS, Basis, Excuse
from adaptd.apps.feeder.settings import HOUR_US, PPM, SECOND_US

VET = "Ask a vet if this goes on or the pet seems unwell."
VET_NOW = "Ask a vet today: cats can fall ill from one or two days without food."


def who(pet: str) -> str:
    """A pet's name, or the household where the model tells none apart."""
    return pet.capitalize() if pet else "The pet"


def minutes(length_us: int) -> str:
    """``9.5 min`` below ten, else ``19 min``."""
    tenths = (length_us + 3 * SECOND_US) // (6 * SECOND_US)
    return f"{tenths // 10}.{tenths % 10} min" if tenths < 100 else f"{(tenths + 5) // 10} min"


def hours(length_us: int) -> str:
    return f"{length_us // HOUR_US} h"


def clock_time(utc_us: int, zone: tzinfo) -> str:
    """Local time of day with its date."""
    return datetime.fromtimestamp(utc_us / SECOND_US, tz=zone).strftime("%a %d %b %H:%M")


def share(ppm: int) -> str:
    return f"{(ppm + 5_000) // 10_000} %"


def basis_line(basis: Basis) -> str:
    """``fp16 3 %, int8 97 %; dim 40 %, bright 60 %; 14.8 frames/s; account open, at most 0.35 % of frames wrong``."""
    if not basis.shares:
        return "nothing seen"
    engines = ", ".join(f"{name} {share(part)}" for name, part in basis.variants_ppm().items())
    light = ", ".join(f"{name} {share(part)}" for name, part in basis.bands_ppm().items())
    rate = f"{basis.rate_mfps // 1000}.{basis.rate_mfps % 1000 // 100} frames/s"
    return f"{engines}; {light} light; {rate}; {account_words(basis)}"


def account_words(basis: Basis) -> str:
    """How well the serving engine is proven."""
    if not basis.efficient_ppm:
        return "reference engine throughout"
    if basis.unproven_ppm:
        return (
            f"account shut for {share(basis.unproven_ppm)} of the time" if basis.unproven_ppm >= 5_000 else "account shut briefly"
        )
    bound = basis.bound_ppm
    if bound is None:
        return "account not known"
    return f"account open, at most {bound * 100 // PPM}.{bound * 10_000 // PPM % 100:02d} % of frames differ"


def drop_text(pet: str, days: list[tuple[date, int]], usual_us: int, excuse: Excuse) -> str:
    """The drop rule's message; ``days`` are the low ones with eating in 24 h."""
    listed = ", ".join(f"{day:%a %d %b} {minutes(eaten)}" for day, eaten in days)
    running = (days[-1][0] - days[0][0]).days == len(days) - 1
    when = f"{len(days)} days running" if running else f"{len(days)} days running, not counting those that cannot be told"
    head = f"{who(pet)} ate less than 60 % of the usual on {when}: {listed}; usual {minutes(usual_us)} a day."
    if excuse is Excuse.NONE:
        return f"{head} {EXCUSE_WORDS[excuse].capitalize()}. {VET}"
    if excuse is Excuse.UNPROVEN:
        return f"Not sent. {head} But {EXCUSE_WORDS[excuse]}, so this says nothing about the pet."
    return f"Cannot tell. {head} But {EXCUSE_WORDS[excuse]}: look at the pet and the bowl yourself."


def refusal_text(pet: str, seen_us: int, last: str, *, came: bool, dark: bool, excuse: Excuse) -> str:
    """The message that nothing was eaten; ``last`` is the local time of the last meal."""
    head = f"No eating in {hours(seen_us)} of time seen. {who(pet)} was last seen eating {last}."
    came_words = (
        "It came to the bowl and did not eat." if came else "Nobody came to the bowl; check that the camera still sees it."
    )
    if excuse is Excuse.UNPROVEN:
        return f"Not sent. {head} But {EXCUSE_WORDS[excuse]}, so this says nothing about the pet."
    if excuse is Excuse.ENGINE:
        return f"Cannot tell. {head} But {EXCUSE_WORDS[excuse]}: look at the pet and the bowl yourself."
    if dark:
        came_words += " It may have eaten in the dark, where the camera cannot tell."
    return f"{head} {came_words} {VET_NOW}"


def watch_text(pet: str) -> str:
    return f"{who(pet)} has eaten somewhat less than usual for a while. No alert: keep an eye on it."

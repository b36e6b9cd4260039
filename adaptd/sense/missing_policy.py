"""What a missing reading means, per quantity, written once: `adaptd doctor` shows it, docs/sensors.md is made from it."""

from dataclasses import dataclass

from adaptd.sense.source import LIGHT, POWER, TEMPERATURE


@dataclass(frozen=True, slots=True)
class Meaning:
    """``taken_as`` is what the controller assumes, ``effect`` what a person sees, ``because`` why that side is the safe one."""

    quantity: str
    taken_as: str
    effect: str
    because: str


MEANINGS = (
    Meaning(
        TEMPERATURE,
        "hot",
        "no relaxation is granted because of coolness, and load is shed as the policy's on_conflict says",
        "0 C looks cool: a dead sensor that is given a number lets the device cook",
    ),
    Meaning(
        POWER,
        "the profile's worst for the operating point",
        "no choice bolder than the one before",
        "0 W looks frugal: a dead rail would leave the whole budget to spend",
    ),
    Meaning(
        LIGHT,
        "the strictest band",
        "the reference engine",
        "an engine that is proven in bright light is not proven in the dark, and a dead sensor knows neither",
    ),
)


def meaning_of(quantity: str) -> Meaning:
    """The row of one quantity.

    Raises:
        KeyError: there is no such quantity.
    """
    return {meaning.quantity: meaning for meaning in MEANINGS}[quantity]


def table() -> str:
    """The table as it stands in docs/sensors.md and docs/safety.md."""
    rows = ["| missing | counts as | what happens | why |", "|---|---|---|---|"]
    rows += [f"| {item.quantity} | {item.taken_as} | {item.effect} | {item.because} |" for item in MEANINGS]
    return "\n".join(rows) + "\n"

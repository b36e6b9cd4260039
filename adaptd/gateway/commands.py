"""What may be asked of the daemon from outside. Off until the owner turns it on; each request names who asked, and is recorded.

Every way in (page, MQTT) goes through ``Commander.ask``: the verb must be in the table, its fields in their ranges, and nothing
else is passed on. Whether it is allowed at this moment is for the daemon alone to say.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.client import ApiError, call

MAX_REASON = 200
Send = Callable[[str, dict[str, Any]], str]  # what the daemon made of it, in one line


@dataclass(frozen=True, slots=True)
class Number:
    """A field with its range in the unit of its name."""

    least: float
    most: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: ``status`` as HTTP would have it, and one line for the person."""

    status: int
    words: str


# ``minutes`` 0 ends a hold, ``watts`` 0 goes back to the policy's budget, ``hours`` 0 to its goal for the battery.
VERBS: dict[str, dict[str, Number | None]] = {
    "reload": {},
    "hold": {"minutes": Number(0, 1440, whole=True), "reason": None},
    "budget": {"watts": Number(0, 10_000), "reason": None},
    "endurance": {"hours": Number(0, 168), "reason": None},
}


class Commander:
    """The one door for commands. ``enabled`` is the owner's word."""

    def __init__(self, enabled: bool, send: Send) -> None:
        self.enabled, self._send = enabled, send

    @classmethod
    def to_socket(cls, enabled: bool, path: Path) -> "Commander":
        return cls(enabled, lambda verb, body: _post(path, verb, body))

    async def ask(self, verb: str, body: object, who: str) -> Answer:
        if not self.enabled:
            return Answer(403, "commands are off, the owner starts the gateway with --commands")
        if verb not in VERBS:
            return Answer(404, f"{verb[:40]!r} is no command, one of {', '.join(VERBS)} can be asked for")
        checked = check(verb, body)
        if isinstance(checked, str):
            return Answer(400, f"{verb}: {checked}")
        try:
            words = await asyncio.to_thread(self._send, f"/v1/{verb}", {**checked, "by": who[:64]})
        except ApiError as error:
            known = "unknown" not in str(error)
            return Answer(502, str(error) if known else f"{verb}: this daemon does not offer it, update adaptd")
        return Answer(200, f"{verb}: {words}, asked by {who[:64]}")


def check(verb: str, body: object) -> dict[str, Any] | str:
    """The fields of a request, or what is wrong with them."""
    fields = VERBS[verb]
    if not isinstance(body, dict):
        return "the request is no JSON object, send one"
    strangers = sorted(str(name)[:40] for name in body.keys() - fields.keys())
    if strangers:
        return f"{', '.join(strangers)}: unknown, it takes {', '.join(fields) or 'nothing'}"
    for name, number in fields.items():
        wrong = _reason(body.get(name)) if number is None else _number(body.get(name), number)
        if wrong:
            return f"{name}: {wrong}"
    return dict(body)


def _reason(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        return "say why, in a few words"
    return "" if len(value) <= MAX_REASON and value.isprintable() else f"at most {MAX_REASON} printable characters"


def _number(value: object, number: Number) -> str:
    kinds = (int,) if number.whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not number.least <= value <= number.most:
        return f"give a {'whole ' if number.whole else ''}number from {number.least:g} to {number.most:g}"
    return ""


def _post(path: Path, verb: str, body: dict[str, Any]) -> str:
    """What the daemon said to it, with the number of the record."""
    try:
        said = json.loads(call(path, "POST", verb, body))
        on_record = f" (record {said['record']})" if "record" in said else ""
        return f"{said['words']}{on_record}"
    except (ValueError, KeyError, TypeError):
        return "handed to the daemon"

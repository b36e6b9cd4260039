"""Commands over MQTT: off unless the owner turns them on; a few verbs, bounded, each with who asked. Pure but for the forwarding.

The broker does not tell a subscriber who published. So a command names its sender in ``by``, which is recorded as what it is:
a claim. Who may publish to ``adaptd/v1/<box>/set/#`` is the broker's access list to say.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adaptd.client import ApiError
from adaptd.gateway.mqtt.encode import MAX_PAYLOAD_BYTES, short

MAX_REASON, MAX_BY = 200, 60
MAX_HOLD_MINUTES = 24 * 60
VERBS = ("hold", "budget", "endurance", "reload")
PER_MINUTE = 30  # commands looked at; more are refused unread

Send = Callable[[str, dict[str, Any]], None]


class CommandError(ValueError):
    """The command is refused; ``str(error)`` says why and what would be right."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that may be forwarded: the daemon's verb, its body, and who claims to have asked."""

    verb: str
    body: dict[str, Any]
    by: str


def parse(name: str, payload: bytes, *, retained: bool) -> Command:
    """Read what was published to ``.../set/<name>``.

    Raises:
        CommandError: unknown verb, retained, over 64 kB, no JSON object, an unknown key, or a value out of range.
    """
    if name not in VERBS:
        raise CommandError(f"{short(name)!r} is no verb, one of {', '.join(VERBS)}")
    if retained:
        raise CommandError("a retained command is never carried out, publish it without retain")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise CommandError(f"{len(payload)} bytes, at most {MAX_PAYLOAD_BYTES} are read")
    words = _object(payload)
    by = _text(words, "by", MAX_BY, default="")
    body = {"hold": _hold, "budget": _budget, "endurance": _endurance, "reload": _nothing}[name](words)
    known = {"by", *(_KEYS[name])}
    if unknown := sorted(set(words) - known):
        raise CommandError(f"unknown key {short(unknown[0])!r}, {name} takes {', '.join(sorted(known))}")
    return Command(f"/v1/{name}", {**body, "by": f"mqtt:{by or 'unnamed'}"}, by or "unnamed")


_KEYS = {
    "hold": ("minutes", "reason"),
    "budget": ("budget_w", "minutes"),
    "endurance": ("hours", "until", "reserve_pct"),
    "reload": (),
}


def _object(payload: bytes) -> dict[str, Any]:
    try:
        words = json.loads(payload.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise CommandError("the payload is no JSON object") from None
    if not isinstance(words, dict):
        raise CommandError("the payload is no JSON object")
    return words


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _text(words: dict[str, Any], key: str, most: int, default: str | None = None) -> str:
    text = words.get(key, default)
    if not isinstance(text, str) or len(text) > most or not text.isprintable() or (not text and default is None):
        raise CommandError(f"{key}: a text of 1 to {most} printable characters is needed")
    return text


def _number(words: dict[str, Any], key: str, least: float, most: float) -> float:
    number = words.get(key)
    if (
        isinstance(number, bool)
        or not isinstance(number, (int, float))
        or not math.isfinite(number)
        or not least <= number <= most
    ):
        raise CommandError(f"{key}: a number from {least:g} to {most:g} is needed")
    return number


def _hold(words: dict[str, Any]) -> dict[str, Any]:
    minutes = _number(words, "minutes", 1, MAX_HOLD_MINUTES)
    return {"for_s": round(minutes * 60), "reason": _text(words, "reason", MAX_REASON)}


def _budget(words: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"budget_mw": round(_number(words, "budget_w", 0.1, 10_000) * 1000)}
    if "minutes" in words:
        body["for_s"] = round(_number(words, "minutes", 1, MAX_HOLD_MINUTES) * 60)
    return body


def _endurance(words: dict[str, Any]) -> dict[str, Any]:
    if ("hours" in words) == ("until" in words):
        raise CommandError("either hours or until is needed")
    body: dict[str, Any] = (
        {"hours": _number(words, "hours", 0.1, 240)} if "hours" in words else {"until": _text(words, "until", 5)}
    )
    if "reserve_pct" in words:
        body["reserve_pct"] = _number(words, "reserve_pct", 0, 90)
    return body


def _nothing(words: dict[str, Any]) -> dict[str, Any]:
    del words
    return {}


class Desk:
    """Takes commands one after another: parses, forwards, answers, and has each written down, refused ones too."""

    def __init__(self, send: Send, record: Callable[[str, str, str, str], None], mono_s: Callable[[], float]) -> None:
        self._send, self._record, self._mono_s = send, record, mono_s
        self._times: list[float] = []
        self.accepted = 0
        self.refused = 0

    def take(self, name: str, payload: bytes, *, retained: bool) -> dict[str, Any]:
        """Carry out what was published to ``.../set/<name>``; returns the answer to publish."""
        by, verb = "unread", short(name)
        try:
            self._pace()
            command = parse(name, payload, retained=retained)
            by = command.by
            self._send(command.verb, command.body)
        except (CommandError, ApiError) as error:
            self.refused += 1
            answer = {"verb": verb, "by": by, "accepted": False, "why": short(error)}
        else:
            self.accepted += 1
            answer = {"verb": verb, "by": by, "accepted": True, "why": ""}
        text = payload[:500].decode("utf-8", "replace")
        self._record(verb, by, text, "accepted" if answer["accepted"] else str(answer["why"]))
        return {"v": 1, **answer, "accepted_commands": self.accepted, "refused_commands": self.refused}

    def _pace(self) -> None:
        now_s = self._mono_s()
        self._times = [then for then in self._times if now_s - then < 60][-PER_MINUTE:]
        if len(self._times) >= PER_MINUTE:
            raise CommandError(f"over {PER_MINUTE} commands in a minute, slow down")
        self._times.append(now_s)

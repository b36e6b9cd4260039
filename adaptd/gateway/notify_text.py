"""What a person reads on a telephone: the alert, when it was, and what it rests on. Pure but for the local time zone."""

import time
from typing import Any, NamedTuple

from adaptd.gateway.outbox import Message

TITLES = {"clinical": "Please look", "fault": "Fault", "watch": "Worth watching", "notice": "Notice"}
MAX_DIGEST = 20
MAX_BODY = 3_000


class Text(NamedTuple):
    title: str
    body: str


def message_text(message: Message) -> Text:
    body = message.body
    lines = [str(body.get("text", "")), "", f"When: {_when(message)}"]
    if body.get("box"):
        lines.append(f"Box: {body['box']}")
    rests_on = body.get("rests_on")
    if isinstance(rests_on, dict) and rests_on:
        lines += ["", "What this rests on:", *(f"- {_name(key)}: {_value(value)}" for key, value in rests_on.items())]
    return Text(f"adaptd: {TITLES.get(message.grade, 'Alert')}", _cut("\n".join([*lines, "", f"({message.key})"])))


def digest_text(messages: list[Message]) -> Text:
    """What was held back, a line each."""
    lines = [f"- {_when(one)}: {one.body.get('text', '')}" for one in messages[:MAX_DIGEST]]
    if len(messages) > MAX_DIGEST:
        lines.append(f"- and {len(messages) - MAX_DIGEST} more")
    return Text(f"adaptd: {len(messages)} alerts that were held back", _cut("\n".join(lines)))


def trial_text() -> Text:
    return Text("adaptd: Test", "This is a test: alerts of this box will arrive here.")


def _when(message: Message) -> str:
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(message.made_ms / 1000))


def _name(key: Any) -> str:
    return str(key).replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_name(key)} {_value(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return "not known" if value is None else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_BODY else text[: MAX_BODY - 3] + "..."

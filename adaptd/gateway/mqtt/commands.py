"""Commands over MQTT: read here, bounded, with who asked; checked and handed on by the gateway's one door for commands.

The broker does not tell a subscriber who published. So a command names its sender in ``by``, which is recorded as what it is:
a claim. Who may publish to ``adaptd/v1/<box>/set/#`` is for the broker's access list to say.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from adaptd.gateway.commands import Commander
from adaptd.gateway.mqtt.topics import MAX_PAYLOAD_BYTES, short

MAX_BY = 50
PER_MINUTE = 30  # commands looked at; more are refused unread


class CommandError(ValueError):
    """The command is refused; ``str(error)`` says why and what would be right."""


def read(payload: bytes, *, retained: bool) -> tuple[dict[str, Any], str]:
    """What was published to ``.../set/<verb>``, a JSON object, and the sender that its ``by`` claims.

    Raises:
        CommandError: retained, over 64 kB, no JSON object, or ``by`` is no short text.
    """
    if retained:
        raise CommandError("a retained command is never carried out, publish it without retain")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise CommandError(f"{len(payload)} bytes, at most {MAX_PAYLOAD_BYTES} are read")
    try:
        words = json.loads(payload.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, dict):
        raise CommandError("the payload is no JSON object")
    by = words.pop("by", "unnamed")
    if not isinstance(by, str) or not 0 < len(by) <= MAX_BY or not by.isprintable():
        raise CommandError(f"by: a text of 1 to {MAX_BY} printable characters is needed")
    return words, by


def _no_constant(name: str) -> Any:
    raise ValueError(name)


class Desk:
    """Takes commands one after another: reads, hands on, answers, and has each written down, refused ones too."""

    def __init__(self, commander: Commander, record: Callable[[str, str, str, str], None], mono_s: Callable[[], float]) -> None:
        self._commander, self._record, self._mono_s = commander, record, mono_s
        self._times: list[float] = []
        self.accepted = 0
        self.refused = 0

    async def take(self, name: str, payload: bytes, *, retained: bool) -> dict[str, Any]:
        """Carry out what was published to ``.../set/<name>``; returns the answer to publish."""
        by, verb = "unread", short(name)
        try:
            self._pace()
            body, by = read(payload, retained=retained)
            answer = await self._commander.ask(name, body, f"mqtt:{by}")
            accepted, words = answer.status == 200, answer.words
        except CommandError as error:
            accepted, words = False, str(error)
        self.accepted += accepted
        self.refused += not accepted
        text = payload[:500].decode("utf-8", "replace")
        outcome = f"{'accepted' if accepted else 'refused'}: {words}"
        await asyncio.to_thread(self._record, verb, by, text, outcome)
        counts = {"accepted_commands": self.accepted, "refused_commands": self.refused}
        return {"v": 1, "verb": verb, "by": by, "accepted": accepted, "words": short(words), **counts}

    def _pace(self) -> None:
        now_s = self._mono_s()
        self._times = [then for then in self._times if now_s - then < 60][-PER_MINUTE:]
        if len(self._times) >= PER_MINUTE:
            raise CommandError(f"over {PER_MINUTE} commands in a minute, slow down")
        self._times.append(now_s)

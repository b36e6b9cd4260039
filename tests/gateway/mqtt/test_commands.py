"""Commands from outside: a few verbs, bounded, with who asked, and everything else refused, counted and written down."""

import asyncio
from typing import Any

import pytest

from adaptd.client import ApiError
from adaptd.gateway.commands import Commander
from adaptd.gateway.mqtt.commands import PER_MINUTE, CommandError, Desk, read


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "no JSON object"),
        (b"\xff\xfe", "no JSON object"),
        (b"[" * 50_000, "no JSON object"),
        (b"[]", "no JSON object"),
        (b'{"minutes": NaN}', "no JSON object"),
        (b'{"by": 7}', "by: a text"),
        (b'{"by": ""}', "by: a text"),
        (b'{"by": "a\\nb"}', "by: a text"),
        (b" " * 70_000, "at most 65536"),
    ],
)
def test_a_payload_that_is_no_request_is_refused_in_words(payload: bytes, words: str) -> None:
    """Nothing that is not understood whole is handed on in part."""
    with pytest.raises(CommandError, match=words):
        read(payload, retained=False)


def test_a_retained_command_is_never_carried_out() -> None:
    """A command left on the broker would be carried out again at every connection."""
    with pytest.raises(CommandError, match="retained"):
        read(b"{}", retained=True)


class Set:
    """A desk before a daemon that takes everything, or refuses."""

    def __init__(self, *, enabled: bool = True) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.written: list[tuple[str, str, str, str]] = []
        self.refusal = ""
        self.now_s = 0.0
        commander = Commander(enabled, self._send)
        self.desk = Desk(commander, lambda *row: self.written.append(row), lambda: self.now_s)

    def _send(self, verb: str, body: dict[str, Any]) -> str:
        if self.refusal:
            raise ApiError(self.refusal)
        self.asked.append((verb, body))
        return "done"

    def take(self, name: str, payload: bytes) -> dict[str, Any]:
        """One command."""
        return asyncio.run(self.desk.take(name, payload, retained=False))


@pytest.mark.parametrize(
    ("verb", "payload", "body"),
    [
        ("hold", b'{"minutes": 10, "reason": "vet", "by": "anna"}', {"minutes": 10, "reason": "vet", "by": "mqtt:anna"}),
        ("budget", b'{"watts": 7.5, "reason": "sun"}', {"watts": 7.5, "reason": "sun", "by": "mqtt:unnamed"}),
        ("endurance", b'{"hours": 9, "reason": "trip"}', {"hours": 9, "reason": "trip", "by": "mqtt:unnamed"}),
        ("reload", b"{}", {"by": "mqtt:unnamed"}),
    ],
)
def test_a_good_command_becomes_the_daemons_verb(verb: str, payload: bytes, body: dict[str, Any]) -> None:
    """Who asked goes along, as a claim made over MQTT."""
    one = Set()
    assert one.take(verb, payload)["accepted"]
    assert one.asked == [(f"/v1/{verb}", body)]


@pytest.mark.parametrize(
    ("verb", "payload", "words"),
    [
        ("format", b"{}", "is no command"),
        ("../status", b"{}", "is no command"),
        ("hold/x", b"{}", "is no command"),
        ("hold", b'{"minutes": 1e999, "reason": "x"}', "from 0 to 1440"),
        ("hold", b'{"minutes": -1, "reason": "x"}', "from 0 to 1440"),
        ("hold", b'{"minutes": true, "reason": "x"}', "from 0 to 1440"),
        ("hold", b'{"minutes": 5}', "say why"),
        ("hold", b'{"minutes": 5, "reason": "a\\nb"}', "printable"),
        ("hold", b'{"minutes": 5, "reason": "x", "<script>": 1}', "<script>: unknown"),
        ("budget", b'{"watts": -1, "reason": "x"}', "from 0 to"),
        ("reload", b'{"file": "/etc/passwd"}', "file: unknown"),
    ],
)
def test_a_bad_command_never_reaches_the_daemon(verb: str, payload: bytes, words: str) -> None:
    """The door that the page uses too refuses it, in words."""
    one = Set()
    answer = one.take(verb, payload)
    assert words in answer["words"]
    assert (answer["accepted"], one.asked) == (False, [])


def test_each_command_is_answered_and_written_down() -> None:
    """Accepted or refused, with who asked; the daemon's own refusal is passed on."""
    one = Set()
    hold = b'{"minutes": 1, "reason": "x", "by": "anna"}'
    assert one.take("hold", hold)["accepted"]
    one.refusal = "adaptd.sock: uid 7 may not change anything"
    assert one.take("hold", hold)["words"] == one.refusal
    answer = one.take("erase", b"\xff")
    assert (answer["accepted_commands"], answer["refused_commands"]) == (1, 2)
    assert [(verb, who) for verb, who, _, _ in one.written] == [("hold", "anna"), ("hold", "anna"), ("erase", "unread")]
    assert [row[3].partition(":")[0] for row in one.written] == ["accepted", "refused", "refused"]


def test_a_flood_of_commands_is_refused_until_the_minute_is_over() -> None:
    """Thirty a minute are looked at; the daemon sees no more."""
    one = Set()
    for _ in range(PER_MINUTE + 20):
        one.take("reload", b"{}")
    assert (len(one.asked), one.desk.refused) == (PER_MINUTE, 20)
    one.now_s = 61.0
    assert one.take("reload", b"{}")["accepted"]

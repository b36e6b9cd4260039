"""Commands from outside: a few verbs, bounded, with who asked, and everything else refused, counted and written down."""

import json
from typing import Any

import pytest

from adaptd.client import ApiError
from adaptd.gateway.mqtt.commands import PER_MINUTE, CommandError, Desk, parse


@pytest.mark.parametrize(
    ("verb", "words", "body"),
    [
        ("hold", {"minutes": 10, "reason": "vet", "by": "anna"}, {"for_s": 600, "reason": "vet", "by": "mqtt:anna"}),
        ("budget", {"budget_w": 7.5}, {"budget_mw": 7500, "by": "mqtt:unnamed"}),
        ("budget", {"budget_w": 7.5, "minutes": 2}, {"budget_mw": 7500, "for_s": 120, "by": "mqtt:unnamed"}),
        ("endurance", {"hours": 9, "reserve_pct": 15}, {"hours": 9, "reserve_pct": 15, "by": "mqtt:unnamed"}),
        ("endurance", {"until": "18:00"}, {"until": "18:00", "by": "mqtt:unnamed"}),
        ("reload", {}, {"by": "mqtt:unnamed"}),
    ],
)
def test_a_good_command_becomes_the_daemons_verb(verb: str, words: dict[str, Any], body: dict[str, Any]) -> None:
    """Units are converted once, at this edge; who asked goes along."""
    command = parse(verb, json.dumps(words).encode(), retained=False)
    assert (command.verb, command.body) == (f"/v1/{verb}", body)


@pytest.mark.parametrize(
    ("verb", "payload", "words"),
    [
        ("format", b"{}", "is no verb"),
        ("../status", b"{}", "is no verb"),
        ("hold/x", b"{}", "is no verb"),
        ("hold", b"", "no JSON object"),
        ("hold", b"\xff\xfe", "no JSON object"),
        ("hold", b"[" * 50_000, "no JSON object"),
        ("hold", b"[]", "no JSON object"),
        ("hold", b'{"minutes": NaN, "reason": "x"}', "no JSON object"),
        ("hold", b'{"minutes": 1e999, "reason": "x"}', "1 to 1440"),
        ("hold", b'{"minutes": 0, "reason": "x"}', "1 to 1440"),
        ("hold", b'{"minutes": true, "reason": "x"}', "1 to 1440"),
        ("hold", b'{"minutes": 5}', "reason"),
        ("hold", b'{"minutes": 5, "reason": ""}', "reason"),
        ("hold", b'{"minutes": 5, "reason": "a\\nb"}', "reason"),
        ("hold", b'{"minutes": 5, "reason": "x", "by": 7}', "by"),
        ("hold", b'{"minutes": 5, "reason": "x", "<script>": 1}', "unknown key '<script>'"),
        ("budget", b'{"budget_w": -1}', "0.1 to 10000"),
        ("budget", b'{"budget_w": "7"}', "0.1 to 10000"),
        ("endurance", b"{}", "either hours or until"),
        ("endurance", b'{"hours": 9, "until": "18:00"}', "either hours or until"),
        ("reload", b'{"file": "/etc/passwd"}', "unknown key 'file'"),
        ("reload", b" " * 70_000, "at most 65536"),
    ],
)
def test_a_bad_command_is_refused_in_words(verb: str, payload: bytes, words: str) -> None:
    """Nothing that is not understood whole is forwarded in part."""
    with pytest.raises(CommandError, match=words):
        parse(verb, payload, retained=False)


def test_a_retained_command_is_never_carried_out() -> None:
    """A command left on the broker would be carried out again at every connection."""
    with pytest.raises(CommandError, match="retained"):
        parse("reload", b"{}", retained=True)


class Daemon:
    """Takes what is forwarded, or refuses it."""

    def __init__(self, refusal: str = "") -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refusal = refusal

    def __call__(self, verb: str, body: dict[str, Any]) -> None:
        """One forwarded command."""
        if self.refusal:
            raise ApiError(self.refusal)
        self.asked.append((verb, body))


def test_each_command_is_answered_and_written_down() -> None:
    """Accepted or refused, with who asked; the daemon's own refusal is passed on."""
    written: list[tuple[str, str, str, str]] = []
    daemon = Daemon()
    desk = Desk(daemon, lambda *row: written.append(row), lambda: 0.0)
    assert desk.take("hold", b'{"minutes": 1, "reason": "x", "by": "anna"}', retained=False)["accepted"]
    daemon.refusal = "/v1/hold: unknown, one of /v1/reload can be asked for"
    answer = desk.take("hold", b'{"minutes": 1, "reason": "x", "by": "anna"}', retained=False)
    assert (answer["accepted"], answer["why"]) == (False, daemon.refusal)
    answer = desk.take("erase", b"\xff", retained=False)
    assert (answer["accepted_commands"], answer["refused_commands"]) == (1, 2)
    assert [(verb, who) for verb, who, _, _ in written] == [("hold", "anna"), ("hold", "anna"), ("erase", "unread")]
    assert next(answer for *_, answer in written) == "accepted"


def test_a_flood_of_commands_is_refused_until_the_minute_is_over() -> None:
    """Thirty a minute are looked at; the daemon sees no more."""
    now = [0.0]
    daemon = Daemon()
    desk = Desk(daemon, lambda *_: None, lambda: now[0])
    for _ in range(PER_MINUTE + 20):
        desk.take("reload", b"{}", retained=False)
    assert (len(daemon.asked), desk.refused) == (PER_MINUTE, 20)
    now[0] = 61.0
    assert desk.take("reload", b"{}", retained=False)["accepted"]

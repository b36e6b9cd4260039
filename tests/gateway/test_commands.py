"""Commands from outside: off by default, checked field by field, and never more than the table allows."""

import asyncio
from typing import Any

import pytest

from adaptd.client import ApiError
from adaptd.gateway.commands import Commander


def asked(commander: Commander, verb: str, body: object) -> tuple[int, str]:
    """Status and words of one request by anna."""
    answer = asyncio.run(commander.ask(verb, body, "anna"))
    return answer.status, answer.words


def test_commands_are_off_until_the_owner_turns_them_on() -> None:
    """Nothing reaches the daemon, whatever is asked."""
    sent: list[Any] = []
    status, words = asked(Commander(False, lambda verb, body: sent.append(verb)), "reload", {})
    assert (status, sent) == (403, [])
    assert "--commands" in words


def test_a_good_command_reaches_the_daemon_with_who_asked() -> None:
    """Verb and fields are passed on, and the name goes with them."""
    sent: list[Any] = []
    commander = Commander(True, lambda verb, body: sent.append((verb, body)))
    assert asked(commander, "hold", {"minutes": 30, "reason": "vet's visit"})[0] == 200
    assert asked(commander, "reload", {})[0] == 200
    assert sent == [("/v1/hold", {"minutes": 30, "reason": "vet's visit", "by": "anna"}), ("/v1/reload", {"by": "anna"})]


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("format", {}, 404),
        ("../v1/reload", {}, 404),
        ("hold", None, 400),
        ("hold", [], 400),
        ("hold", {"minutes": 30}, 400),
        ("hold", {"minutes": -1, "reason": "x"}, 400),
        ("hold", {"minutes": True, "reason": "x"}, 400),
        ("hold", {"minutes": 1.5, "reason": "x"}, 400),
        ("hold", {"minutes": 5, "reason": "x" * 201}, 400),
        ("hold", {"minutes": 5, "reason": "a\nb"}, 400),
        ("hold", {"minutes": 5, "reason": "x", "by": "root"}, 400),
        ("budget", {"watts": float("nan"), "reason": "x"}, 400),
        ("budget", {"watts": float("inf"), "reason": "x"}, 400),
        ("reload", {"path": "/etc/passwd"}, 400),
    ],
)
def test_a_bad_command_is_refused_and_says_why(verb: str, body: object, status: int) -> None:
    """Unknown verbs, strangers among the fields and numbers out of range reach nobody."""
    sent: list[Any] = []
    found = asked(Commander(True, lambda name, fields: sent.append(name)), verb, body)
    assert (found[0], sent) == (status, []), found


def test_a_daemon_that_refuses_is_quoted() -> None:
    """What the daemon says against it is what the person reads."""

    def refuse(verb: str, body: dict[str, Any]) -> None:
        raise ApiError("s.sock: uid 1 may not change anything")

    assert asked(Commander(True, refuse), "reload", {}) == (502, "s.sock: uid 1 may not change anything")

"""What a session takes out of the outbox: what the broker acknowledged, and nothing else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from adaptd.gateway.mqtt import session as sessions
from adaptd.gateway.mqtt.discovery import About
from adaptd.gateway.mqtt.link import Link, LinkError
from adaptd.gateway.mqtt.session import Parts, Session
from adaptd.gateway.mqtt.topics import Outgoing, Topics
from adaptd.gateway.mqtt.watch import Watch
from adaptd.gateway.outbox import FILE_NAME, Outbox


class HalfLink:
    """A link whose broker acknowledges what ``takes`` says; with ``silent`` the rest is never answered, else it is refused."""

    def __init__(self, takes: set[str], *, silent: bool) -> None:
        self.ended = asyncio.Event()
        self.why_ended = ""
        self.sent: list[str] = []
        self._takes, self._silent = takes, silent

    def publish(self, message: Outgoing) -> "asyncio.Future[None]":
        """As a link does."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        key = next((key for key in ("k0", "k1", "k2", "k3", "k4") if f'"{key}"'.encode() in message.payload), "")
        self.sent.append(key)
        if not key or key in self._takes:
            future.set_result(None)
        elif not self._silent:
            future.set_exception(LinkError("the broker refuses a message (Not authorized), look at its access list"))
        return future

    def subscribe(self, topic: str) -> None:
        """Nothing is heard."""

    unsubscribe = subscribe

    def look(self) -> None:
        """It is there."""


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """Five alerts that wait."""
    one = Outbox(tmp_path / FILE_NAME)
    one.open_channel("mqtt")
    for number in range(5):
        one.put_alert(f"k{number}", "fault", "x", {})
    yield one
    one.close()


async def live(outbox: Outbox, said: list[str], link: HalfLink, seconds: float) -> None:
    """A session on such a link for some time; what ends it is raised."""
    topics = Topics("b0")
    parts = Parts(topics, Watch(topics, 10), outbox, asyncio.Event(), lambda: About("x", "1"), 10, said.append)
    await asyncio.wait_for(Session(parts).run(cast("Link", link)), seconds)


def run(outbox: Outbox, said: list[str], takes: set[str], *, silent: bool) -> list[str]:
    """The keys in the order they were sent, until the session ends."""

    async def whole() -> list[str]:
        link = HalfLink(takes, silent=silent)
        with pytest.raises((asyncio.TimeoutError, TimeoutError, LinkError)):
            await live(outbox, said, link, 1.0)
        return [key for key in link.sent if key]

    return asyncio.run(whole())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sweep to wait for; an acknowledgement is waited for shortly."""
    monkeypatch.setattr(sessions, "SWEEP_S", 0.0)
    monkeypatch.setattr(sessions, "ACK_S", 0.2)


def keys(outbox: Outbox) -> list[Any]:
    """What still waits, with how often it was sent."""
    return [(one.key, one.tries) for one in outbox.waiting("mqtt")]


def test_only_what_is_acknowledged_leaves_the_outbox(outbox: Outbox) -> None:
    """A broker that refuses two of five: three have gone, two stay, are said once, and do not hold up the rest."""
    said: list[str] = []
    sent = run(outbox, said, {"k0", "k2", "k4"}, silent=False)
    assert keys(outbox) == [("k1", 1), ("k3", 1)]
    assert sorted(sent) == ["k0", "k1", "k2", "k3", "k4"]
    assert [line for line in said if "2 messages stay in the outbox" in line and "access list" in line]


def test_no_acknowledgement_ends_the_session_and_keeps_what_was_not_acknowledged(outbox: Outbox) -> None:
    """A broker that takes messages and says nothing of four: the connection is made anew, and they are sent again."""
    said: list[str] = []
    run(outbox, said, {"k1"}, silent=True)
    assert keys(outbox) == [(f"k{number}", 1) for number in (0, 2, 3, 4)]
    run(outbox, said, set("k0 k1 k2 k3 k4".split()), silent=False)
    assert keys(outbox) == []

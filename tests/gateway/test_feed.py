"""The feed asks once for everybody, never blocks, and never passes an absence off as a reading."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from adaptd.client import ApiError
from adaptd.gateway.feed import Absent, Feed, Reason, Seen, State
from adaptd.gateway.plugins import keep

DOCUMENT: dict[str, Any] = {"operating_point": {"variant": "int8", "fps": 15.0}}


class Script:
    """A daemon that answers as told, then stays at its last answer."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self) -> dict[str, Any]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


class Waits:
    """A sleep that only notes how long it should have taken; after ``enough`` of them the loop ends."""

    def __init__(self, enough: int) -> None:
        self.seen: list[float] = []
        self._enough = enough

    async def __call__(self, seconds: float) -> None:
        self.seen.append(seconds)
        if len(self.seen) >= self._enough:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


def drive(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run until the script is over."""

    async def main() -> None:
        await asyncio.wait([asyncio.ensure_future(make())])

    asyncio.run(main())


def heard(script: Script, rounds: int, depth: int = 50) -> tuple[list[State], list[float], int]:
    """What a subscriber that only looks at the end finds, the waits, and how many states it lost."""
    waits, found = Waits(rounds), []

    async def main() -> tuple[list[State], int]:
        feed = Feed(script, sleep=waits)
        with feed.subscribe(depth) as states:
            await asyncio.wait([asyncio.ensure_future(feed.run())])
            while len(found) < min(rounds + 1, depth):
                found.append(await states.__anext__())
            return found, states.dropped

    states, dropped = asyncio.run(main())
    return states, waits.seen, dropped


def test_a_daemon_that_is_away_is_an_absence_with_its_reason_and_is_asked_less_often() -> None:
    """While nobody listens the feed says so in the client's words, waits 1, 2, 4, then 5 s, and is back at once afterwards."""
    states, waits, _ = heard(Script(*[ApiError("s.sock: no daemon listens here")] * 5, DOCUMENT), 7)
    away = states[1:6]
    assert all(isinstance(state, Absent) and state.reason is Reason.UNREACHABLE for state in away)
    assert {state.since_us for state in away if isinstance(state, Absent)} == {away[0].since_us}  # type: ignore[union-attr]
    assert isinstance(states[6], Seen)
    assert states[6].document == DOCUMENT
    assert [round(wait) for wait in waits[:5]] == [1, 2, 4, 5, 5]
    assert waits[5] <= 1


def test_a_daemon_without_a_decision_yet_is_starting() -> None:
    """A status document without an operating point is no reading."""
    states, _, _ = heard(Script({"state": "starting"}), 1)
    assert isinstance(states[1], Absent)
    assert states[1].reason is Reason.STARTING


def test_an_answer_that_is_no_json_is_an_absence() -> None:
    """Another program on the path is told of, and the feed lives on."""

    def nonsense() -> dict[str, Any]:
        import json

        return dict(json.loads("<html>"))

    waits = Waits(2)
    feed: list[Feed] = []

    async def run() -> None:
        feed.append(Feed(nonsense, sleep=waits))
        await feed[0].run()

    drive(run)
    latest = feed[0].latest
    assert isinstance(latest, Absent)
    assert latest.reason is Reason.UNREADABLE


def test_a_slow_subscriber_loses_the_oldest_and_nobody_waits_for_it() -> None:
    """Ten states for a reader that keeps three: the last three are there, the rest is counted as lost."""
    states, _, dropped = heard(Script(*({**DOCUMENT, "n": number} for number in range(10))), 10, depth=3)
    assert [state.document["n"] for state in states if isinstance(state, Seen)] == [7, 8, 9]
    assert dropped == 8


def test_a_plug_in_that_fails_is_told_of_and_starts_again_ever_later() -> None:
    """A plug-in that raises is one line in the log and a doubling wait; the one that keeps it never ends by itself."""
    said: list[str] = []
    waits = Waits(4)

    async def broken() -> None:
        raise OSError("broker:1883: connection refused")

    drive(lambda: keep("mqtt", broken, said.append, waits))
    assert waits.seen == [1, 2, 4, 8]
    assert said[0] == "mqtt: broker:1883: connection refused; again in 1 s"

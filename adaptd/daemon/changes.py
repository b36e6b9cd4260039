"""What was asked for over the socket, on the control loop's thread: done or refused, on record with who asked, and answered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adaptd.daemon.orders import VERBS, Orders, asked_by, ids
from adaptd.daemon.teller import Teller
from adaptd.serve.api import Change
from adaptd.serve.board import Said

GIVEN_US = 600_000_000  # readings and labels come often: who gives them is on record at first, and so often
MOST_GIVERS = 64


class Givers:
    """Who hands in readings and labels: on record when they begin, then every ten minutes with how many there were."""

    def __init__(self, note: Callable[[str, dict[str, Any]], int | None]) -> None:
        self._note = note
        self._seen: dict[tuple[str, ...], tuple[int, int]] = {}  # when it was last on record, and how many came since

    def gave(self, change: Change, what: dict[str, str], now_us: int) -> None:
        """One was taken."""
        key = (str(change.uid), *what.values())  # not by the name that is given: it can be another each time
        before = self._seen.get(key)
        if before is None and len(self._seen) >= MOST_GIVERS:
            self._seen.pop(next(iter(self._seen)))
        at_us, count = before or (now_us - GIVEN_US, 0)
        if now_us - at_us < GIVEN_US:
            self._seen[key] = (at_us, count + 1)
            return
        self._note("given", {**what, "by": asked_by(change), "count": count + 1, **ids(change)})
        self._seen[key] = (now_us, 0)


@dataclass(slots=True)
class Hands:
    """What the loop lends to a change. ``reload`` begins a trial, and answers by itself once it has ended."""

    orders: Orders
    givers: Givers
    say: Teller
    label: Callable[[dict[str, Any]], str]
    push: Callable[[dict[str, Any], int], str]
    checkpoint: Callable[[], int]
    reload: Callable[[Change, str | None], None]


def take(change: Change, now_us: int, hands: Hands) -> None:
    """Do what was asked, or refuse it; either way the one who asked is told."""
    if change.verb in ("/v1/reload", "/v1/offer"):
        hands.reload(change, str(change.body.get("text")) if change.verb == "/v1/offer" else None)
        return
    hands.say.record = None
    refused, done = _taken(change, now_us, hands)
    if refused:
        hands.say.warn(f"{change.verb} from {asked_by(change)} refused: {refused}")
    change.reply.give(Said("refused", refused) if refused else Said("done", done, hands.say.record))


def _taken(change: Change, now_us: int, hands: Hands) -> tuple[str, str]:
    """Why not, or what was done."""
    body = change.body
    if change.verb == "/v1/checkpoint":
        hands.say.note("order", {"order": "checkpoint", "by": asked_by(change), **ids(change)})
        return "", f"records 0 to {hands.checkpoint() - 1} are signed"
    if change.verb == "/v1/feedback":
        if refused := hands.label(body):
            return refused, ""
        hands.givers.gave(change, {"given": "feedback", "variant": str(body["variant"])}, now_us)
        return "", f"counted for {body['variant']} at the next decision"
    if change.verb == "/v1/reading":
        if refused := hands.push(body, now_us):
            return refused, ""
        hands.givers.gave(change, {"given": "reading", "quantity": body["quantity"], "source": str(body["source"])[:40]}, now_us)
        return "", "the next decision looks at it"
    if change.verb not in VERBS:
        return f"{change.verb}: unknown here", ""
    return hands.orders.take(change, now_us), hands.orders.done(change)

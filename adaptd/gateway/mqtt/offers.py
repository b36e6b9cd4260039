"""A policy from above: checked for who signed it, handed to the daemon, watched, and given back on a broken limit.

The daemon tries the policy against its own profile and its owner's limits, and refuses what would loosen them. The owner's file
stays as it is: giving back means reading it again, and so does a restart of the daemon.
"""

import asyncio
import json
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from adaptd.client import ApiError
from adaptd.gateway.mqtt.payloads import has_problem
from adaptd.gateway.mqtt.seal import unsealed
from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.mqtt.watch import MustArrive
from adaptd.gateway.outbox import ROLLOUT, Outbox

KEPT = "fleet_offer"
TRIAL_S = 60.0  # how long the daemon may take to say yes or no
MAX_PROBATION_S = 7 * 86_400


class Offers:
    """Takes offers of the server that has ``public``. ``send`` asks the daemon, ``known`` is its newest status document."""

    def __init__(
        self,
        topics: Topics,
        outbox: Outbox,
        public: bytes,
        send: Callable[[str, dict[str, Any]], None],
        known: Callable[[], dict[str, Any]],
        say: Callable[[str], None],
        mono_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topics, self._outbox, self._public = topics, outbox, public
        self._send, self._known, self._say, self._mono_s = send, known, say, mono_s
        self._offer: dict[str, Any] = outbox.kept(KEPT) or {}
        self._asked_s: float | None = None
        self._good_s = 0.0
        self._seen_s: float | None = None

    async def take(self, payload: bytes) -> list[MustArrive]:
        """One offer, or the withdrawal of one. An older one than the last, or one of another server, is passed over."""
        head = unsealed(self._topics.offer, payload, self._public)
        words = _object(head) if head is not None else {}
        if not words:
            self._say("fleet: an offer is not signed by the fleet's key, it is passed over")
            return []
        if words["issued"] <= self._offer.get("issued", 0):
            return []
        if words["action"] == "withdraw":
            took = self._offer.get("stage") in ("asked", "accepted", "good") and self._offer.get("sha256") == words["sha256"]
            self._keep({**words, "stage": "withdrawn"})
            return await self._back("the server has withdrawn it", report=True) if took else []
        if sha256(words["text"].encode()).hexdigest() != words["sha256"]:
            self._keep({**words, "stage": "refused"})
            return [self._report("refused", "its text is not the one that was announced")]
        self._keep({**words, "stage": "asked"})
        return await self._ask()

    async def watch(self, document: dict[str, Any]) -> list[MustArrive]:
        """Hold the newest status against the offer: taken, refused, broken, or good once its probation is over."""
        now_s, stage = self._mono_s(), self._offer.get("stage")
        step_s = 0.0 if self._seen_s is None else min(30.0, now_s - self._seen_s)
        self._seen_s = now_s
        if stage not in ("asked", "accepted", "good"):
            return []
        runs = (document.get("policy") or {}).get("sha256") == self._offer["sha256"]
        if stage == "asked":
            return await self._answer(document, runs, now_s)
        if not runs:
            return await self._ask() if self._asked_s is None or now_s - self._asked_s > TRIAL_S else []
        if stage == "accepted":
            if broken := broken_limit(document):
                self._keep({**self._offer, "stage": "back"})
                return await self._back(broken, report=True)
            self._good_s += step_s
            if self._good_s >= self._offer["probation_s"]:
                self._keep({**self._offer, "stage": "good"})
                return [self._report("good", f"no limit was broken in {self._offer['probation_s']} s")]
        return []

    async def _answer(self, document: dict[str, Any], runs: bool, now_s: float) -> list[MustArrive]:
        refused = (document.get("offer") or {}) if not runs else {}
        if runs:
            self._good_s = 0.0
            self._keep({**self._offer, "stage": "accepted"})
            return [self._report("accepted", "the daemon has taken it")]
        if refused.get("sha256") == self._offer["sha256"] and refused.get("refused"):
            self._keep({**self._offer, "stage": "refused"})
            return [self._report("refused", str(refused["refused"]))]
        if self._asked_s is None:
            return await self._ask()
        if now_s - self._asked_s > TRIAL_S:
            self._keep({**self._offer, "stage": "refused"})
            return [self._report("refused", f"the daemon did not take it in {TRIAL_S:g} s")]
        return []

    async def _ask(self) -> list[MustArrive]:
        self._asked_s = self._mono_s()
        by = f"fleet roll-out {self._offer['rollout']} {self._offer['name']}"[:64]
        try:
            await asyncio.to_thread(self._send, "/v1/offer", {"text": self._offer["text"], "by": by})
        except ApiError as error:
            self._keep({**self._offer, "stage": "refused"})
            return [self._report("refused", str(error))]
        self._say(f"fleet: policy {self._offer['name']} is handed to the daemon, offered by roll-out {self._offer['rollout']}")
        return []

    async def _back(self, why: str, *, report: bool) -> list[MustArrive]:
        try:
            await asyncio.to_thread(self._send, "/v1/reload", {"by": f"fleet: back, {why}"[:64]})
        except ApiError as error:
            why = f"{why}; and its own policy could not be read again: {error}"
        self._say(f"fleet: back to the box's own policy: {why}")
        return [self._report("back", why)] if report else []

    def _keep(self, offer: dict[str, Any]) -> None:
        self._offer = offer
        self._outbox.keep(KEPT, offer)

    def _report(self, outcome: str, words: str) -> MustArrive:
        number, box = self._offer["rollout"], self._topics.box
        body = {"box": box, "rollout": number, "outcome": outcome, "words": words[:300], "sha256": self._offer["sha256"]}
        return MustArrive(ROLLOUT, f"rollout:{box}:{number}:{self._offer['issued']}:{outcome}", body)


def broken_limit(document: dict[str, Any]) -> str:
    """The first limit that does not hold under the policy in force; empty where all do."""
    if has_problem({**document, "stalled": False}):  # a busy machine is no limit of the policy
        return f"the daemon is in {document.get('state')}: {str(document.get('why', ''))[:120]}"
    for band, row in (document.get("account") or {}).items():
        if isinstance(row, dict) and row.get("bound_frames", 0) > row.get("allowed_frames", 1 << 53):
            return f"the accuracy statement in {band} light is broken"
    return ""


def _object(head: bytes) -> dict[str, Any]:
    """An offer with every field of its type; empty where it is none."""
    try:
        words = json.loads(head)
        whole = all(type(words[name]) is int for name in ("v", "rollout", "issued"))
        known = words["v"] == 1 and words["kind"] == "policy" and words["action"] in ("take", "withdraw")
        texts = [words["name"], words["sha256"]]
        if words["action"] == "take":
            texts.append(words["text"])
            known = known and type(words["probation_s"]) is int and 0 <= words["probation_s"] <= MAX_PROBATION_S
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return words if whole and known and all(isinstance(one, str) for one in texts) else {}

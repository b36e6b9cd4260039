"""A policy from above: checked for who signed it, handed to the daemon, watched, and given back on a broken limit.

The daemon tries the policy against its own profile and its owner's limits, and refuses what would loosen them. The owner's file
stays as it is: giving back means reading it again, and so does a restart of the daemon.
"""

import asyncio
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from adaptd.client import ApiError
from adaptd.gateway.mqtt import offer as message
from adaptd.gateway.mqtt.offer import Send, broken_limit
from adaptd.gateway.mqtt.pack_offers import PackOffers
from adaptd.gateway.mqtt.seal import unsealed
from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.mqtt.watch import MustArrive
from adaptd.gateway.outbox import Outbox

KEPT, KEPT_NEWEST = "fleet_offer", "fleet_newest"
NO_PACKS = "the owner of this box takes no packs (--fleet-packs)"
NO_POLICIES = "the owner of this box takes no policies (--fleet-policies)"
TRIAL_S = 60.0  # how long the daemon may take to say yes or no


class Offers:
    """Takes offers of the server that has ``public``. ``send`` asks the daemon."""

    def __init__(
        self,
        topics: Topics,
        outbox: Outbox,
        public: bytes,
        send: Send,
        say: Callable[[str], None],
        mono_s: Callable[[], float] = time.monotonic,
        packs: PackOffers | None = None,
        *,
        policies: bool = True,
    ) -> None:
        self._packs, self._policies = packs, policies
        self._topics, self._outbox, self._public = topics, outbox, public
        self._send, self._say, self._mono_s = send, say, mono_s
        self._offer: dict[str, Any] = outbox.kept(KEPT) or {}
        self._newest = int(outbox.kept(KEPT_NEWEST) or self._offer.get("issued", 0))
        self._asked_s: float | None = None
        self._good_s = 0.0
        self._seen_s: float | None = None

    async def take(self, payload: bytes) -> list[MustArrive]:
        """One offer, or the withdrawal of one. An older one than the last, or one of another server, is passed over."""
        head = unsealed(self._topics.offer, payload, self._public)
        words = message.read(head) if head is not None else {}
        if not words:
            self._say("fleet: an offer is not signed by the fleet's key, or is of another form, it is passed over")
            return []
        if words["kind"] == "pack":
            if self._packs is not None:
                return await self._packs.take(words)
            return [message.report(words, self._topics.box, "refused", NO_PACKS)]
        if not self._policies:
            return [message.report(words, self._topics.box, "refused", NO_POLICIES)]
        if words["issued"] <= self._newest:
            return []
        self._newest = words["issued"]
        self._outbox.keep(KEPT_NEWEST, self._newest)
        if words["action"] == "withdraw":
            return await self._withdraw(words)
        good = self._offer if self._offer.get("stage") == "good" else self._offer.get("good")
        self._keep({**words, "stage": "asked", "good": good})
        if sha256(words["text"].encode()).hexdigest() != words["sha256"]:
            return self._refuse("its text is not the one that was announced")
        return await self._ask()

    async def _withdraw(self, words: dict[str, Any]) -> list[MustArrive]:
        """Give back what was withdrawn; another offer than the one in force stays."""
        if self._offer.get("sha256") != words["sha256"]:
            return []
        took = self._offer.get("stage") in ("asked", "accepted", "good")
        self._keep({**words, "stage": "withdrawn"})
        return await self._back("the server has withdrawn it", report=True) if took else []

    def _refuse(self, why: str) -> list[MustArrive]:
        """It never ran here. The policy that was found good before stays the one that a new start of the daemon gets."""
        report = self._report("refused", why)
        self._keep(self._offer.get("good") or {**self._offer, "stage": "refused"})
        self._asked_s = None
        return [report]

    async def watch(self, document: dict[str, Any]) -> list[MustArrive]:
        """Hold the newest status against the offer: taken, refused, broken, or good once its probation is over."""
        found = [] if self._packs is None else await self._packs.watch(document)
        return found + await self._watch(document)

    async def _watch(self, document: dict[str, Any]) -> list[MustArrive]:
        now_s, stage = self._mono_s(), self._offer.get("stage")
        step_s = 0.0 if self._seen_s is None else min(30.0, now_s - self._seen_s)
        self._seen_s = now_s
        overridden = self._packs is not None and self._packs.overrides(self._offer.get("issued", 0))
        if overridden or stage not in ("asked", "accepted", "good"):
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
            return self._refuse(str(refused["refused"]))
        if self._asked_s is None:
            return await self._ask()
        if now_s - self._asked_s > TRIAL_S:
            return self._refuse(f"the daemon did not take it in {TRIAL_S:g} s")
        return []

    async def _ask(self) -> list[MustArrive]:
        self._asked_s = self._mono_s()
        by = f"fleet roll-out {self._offer['rollout']} {self._offer['name']}"[:64]
        try:
            await asyncio.to_thread(self._send, "/v1/offer", {"text": self._offer["text"], "by": by})
        except ApiError as error:
            return self._refuse(str(error))
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
        return message.report(self._offer, self._topics.box, outcome, words)

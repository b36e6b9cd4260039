"""An efficiency pack from above: fetched, checked and put on trial by `adaptd pack take`, watched, kept or given back.

The fleet's signature says that the pack was offered; the owner's, inside the pack, that it may run. `adaptd run --packs` checks
it once more at its start: every byte, board, power mode, runtime, and that its policy loosens no limit of the owner's file.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.client import ApiError
from adaptd.gateway import child
from adaptd.gateway.mqtt.offer import Send, broken_limit, report
from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.mqtt.watch import MustArrive
from adaptd.gateway.outbox import Outbox
from adaptd.gateway.post import UnreachableError, fetch
from adaptd.gateway.spool import object_of

KEPT = "fleet_pack"
START_S = 180.0  # how long the daemon may take to begin anew with the pack
TAKE_S = 600.0
ON_ITS_WAY = ("asked", "switched", "accepted", "good")
Run = Callable[[tuple[str, ...], float], Awaitable[child.Done]]


@dataclass(frozen=True, slots=True)
class Packs:
    """What the owner gave: the folder that `adaptd run --packs` has as well, and the public key that signs packs (PEM)."""

    folder: Path
    key: Path


class PackOffers:
    """One box's side. ``send`` asks the daemon, ``run`` carries out an `adaptd` command as a child."""

    def __init__(
        self,
        topics: Topics,
        outbox: Outbox,
        packs: Packs,
        send: Send,
        say: Callable[[str], None],
        run: Run = child.run,
        mono_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topics, self._outbox, self._packs = topics, outbox, packs
        self._send, self._say, self._run, self._mono_s = send, say, run, mono_s
        self._offer: dict[str, Any] = outbox.kept(KEPT) or {}
        self._work: asyncio.Task[str] | None = None
        self._since_s = self._seen_s = mono_s()
        self._good_s = 0.0

    async def take(self, words: dict[str, Any]) -> list[MustArrive]:
        """One offer, or the withdrawal of one; an older one than the last is passed over."""
        before = self._offer
        if words["issued"] <= before.get("issued", 0):
            return []
        if self._work is not None:
            self._work.cancel()
            self._work = None
        if words["action"] == "take":
            self._keep({**words, "stage": "asked"})
            return []
        self._keep({**words, "stage": "withdrawn"})
        if before.get("sha256") != words["sha256"] or before.get("stage") not in ON_ITS_WAY:
            return []
        return await self._back("the server has withdrawn it")

    async def watch(self, document: dict[str, Any]) -> list[MustArrive]:
        """Hold what the daemon runs against the offer; called with each status document."""
        now_s, stage = self._mono_s(), self._offer.get("stage")
        step_s, self._seen_s = min(30.0, now_s - self._seen_s), now_s
        if stage == "asked":
            return self._fetched(now_s)
        if stage not in ("switched", "accepted"):
            return []
        slot = await asyncio.to_thread(self._slot)
        runs = slot.get("running") == self._offer["sha256"] == slot.get("chosen")
        if slot.get("refused") == self._offer["sha256"]:
            return self._end("back" if stage == "accepted" else "refused", str(slot.get("why")))
        if stage == "switched":
            if runs:
                self._good_s = 0.0
                return self._end("accepted", "the daemon runs it")
            return await self._back("the daemon did not begin with it", "refused") if now_s - self._since_s > START_S else []
        if broken := broken_limit(document):
            return await self._back(broken)
        self._good_s += step_s
        return await self._good() if self._good_s >= self._offer["probation_s"] else []

    def overrides(self, issued: int) -> bool:
        """Whether a pack runs that was offered after ``issued``: its policy then stands for what was offered before."""
        return self._offer.get("stage") in ("switched", "accepted", "good") and self._offer["issued"] > issued

    def _fetched(self, now_s: float) -> list[MustArrive]:
        """Begin to fetch; once that has ended, what came of it."""
        if self._work is None:
            self._work = asyncio.ensure_future(self._bring(self._offer))
        if not self._work.done():
            return []
        work, self._work, self._since_s = self._work, None, now_s
        why = "it was given up" if work.cancelled() else str(work.exception() or work.result())
        if why:
            return self._end("refused", why)
        self._say(f"fleet: pack {self._offer['name']} is on trial, offered by roll-out {self._offer['rollout']}")
        self._keep({**self._offer, "stage": "switched"})
        return []

    async def _bring(self, offer: dict[str, Any]) -> str:
        """Fetch, check, put on trial and ask for a new start; why not, empty where all went well."""
        file = self._packs.folder / "incoming" / f"{offer['sha256']}.pack"
        try:
            if not file.is_file() and not offer["url"]:
                return f"{file}: is not there, and the offer names no address to fetch it from"
            if not file.is_file():
                await asyncio.to_thread(fetch, offer["url"], file, offer["bytes"], offer["sha256"])
            done = await self._command("take", str(file), "--key", str(self._packs.key), "--sha256", offer["sha256"])
            if done.code != 0:
                return done.errors or "adaptd pack take did not end well"
        except UnreachableError as error:
            return str(error)
        finally:
            file.unlink(missing_ok=True)
        if trouble := await self._restart(f"pack {offer['name']}"):
            await self._command("back", "--why", trouble)
        return trouble

    async def _good(self) -> list[MustArrive]:
        done = await self._command("keep", self._offer["sha256"])
        if done.code != 0:
            return await self._back(done.errors or "it could not be kept")
        return self._end("good", f"no limit was broken in {self._offer['probation_s']} s")

    async def _back(self, why: str, outcome: str = "back") -> list[MustArrive]:
        done = await self._command("back", "--why", why)
        trouble = (done.errors or "did not end well") if done.code != 0 else await self._restart(f"back, {why}")
        return self._end(outcome, f"{why}; and the way back failed: {trouble}" if trouble else why)

    async def _command(self, verb: str, *words: str) -> child.Done:
        return await self._run(("pack", verb, *words, "--packs", str(self._packs.folder)), TAKE_S)

    async def _restart(self, why: str) -> str:
        """Ask the daemon to begin anew; why that was refused, empty where it was not."""
        body = {"by": f"fleet roll-out {self._offer['rollout']}"[:64], "reason": why[:200]}
        try:
            await asyncio.to_thread(self._send, "/v1/restart", body)
        except ApiError as error:
            return str(error)
        return ""

    def _slot(self) -> dict[str, Any]:
        """What `adaptd run --packs` and `adaptd pack` wrote down last."""
        try:
            return object_of((self._packs.folder / "state.json").read_bytes())
        except OSError:
            return {}

    def _end(self, outcome: str, words: str) -> list[MustArrive]:
        """A stage has ended: it is remembered and reported."""
        if self._offer["stage"] != "withdrawn":
            self._keep({**self._offer, "stage": outcome})
        self._say(f"fleet: pack {self._offer['name']}: {outcome}: {words}")
        return [report(self._offer, self._topics.box, outcome, words)]

    def _keep(self, offer: dict[str, Any]) -> None:
        self._offer = offer
        self._outbox.keep(KEPT, offer)

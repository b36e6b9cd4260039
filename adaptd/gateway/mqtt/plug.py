"""The gateway's plug-in: watches the feed, keeps the outbox, and keeps a connection to the broker for as long as it runs."""

import asyncio
import functools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adaptd.client import call, default_state
from adaptd.gateway.commands import Commander
from adaptd.gateway.feed import Absent, Feed, Reason, Seen, State, mono_us, utc_ms
from adaptd.gateway.logbook import folder_of
from adaptd.gateway.mqtt import payloads
from adaptd.gateway.mqtt.checkpoints import CheckpointReader
from adaptd.gateway.mqtt.commands import Desk
from adaptd.gateway.mqtt.discovery import About
from adaptd.gateway.mqtt.fleet import FleetKey, FleetSide
from adaptd.gateway.mqtt.identity import box_of
from adaptd.gateway.mqtt.link import Link, keep_connected
from adaptd.gateway.mqtt.offers import Offers
from adaptd.gateway.mqtt.pack_offers import PackOffers, Packs
from adaptd.gateway.mqtt.seal import gateway_key
from adaptd.gateway.mqtt.session import CHANNEL, Parts, Session
from adaptd.gateway.mqtt.settings import Settings
from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.mqtt.watch import Found, MustArrive, Watch
from adaptd.gateway.outbox import CHECKPOINT, FILE_NAME, Outbox
from adaptd.gateway.outbox_schema import OutboxError
from adaptd.gateway.plugins import end
from adaptd.gateway.spool import fetch_alerts
from adaptd.gateway.summary import Hour

SPOOL_S = 2.0
SAVE_S = 300.0
KNOW_DAEMON_S = 5.0  # how long a first start waits for the daemon, whose log's key names the box
KEPT = "watch"
MAX_PENDING = 1_000


@dataclass(frozen=True, slots=True)
class Fleet:
    """That this box is one of a fleet: the server's key where it is known, and whether policies and packs of it are taken."""

    key: FleetKey | None = None
    policies: bool = False
    packs: Packs | None = None


class MqttPlug:
    """One broker. ``socket`` is where commands go; without ``commands`` nothing is ever forwarded."""

    name = "mqtt"

    def __init__(
        self,
        settings: Settings,
        *,
        socket: Path,
        state: Path | None = None,
        audit: Path | None = None,
        device: str = "adaptd",
        page: str = "",
        commands: bool = False,
        fleet: Fleet | None = None,
        say: Callable[[str], None],
        version: str = "not installed",
    ) -> None:
        settings.context()  # a certificate that cannot be read is said at start
        self.settings = settings
        self._socket, self._state, self._audit = socket, state or default_state(), audit
        self._device, self._page, self._commands = device, page, commands
        self._fleet = fleet
        self._say, self._version = say, version
        self._ask = functools.partial(call, socket, "POST")
        self._said: set[str] = set()
        self._pending: deque[MustArrive] = deque(maxlen=MAX_PENDING)
        self._reader: CheckpointReader | None = None
        self._session: Session | None = None
        self._saved_s = time.monotonic()

    async def run(self, feed: Feed) -> None:
        """Serve until cancelled. Raises OutboxError where the state folder cannot be used."""
        outbox = await asyncio.to_thread(Outbox, self._state / FILE_NAME, owner=True)
        try:
            if outbox.trouble:
                self._say(f"mqtt: {outbox.trouble}")
            outbox.open_channel(CHANNEL)
            parts = await self._parts(feed, outbox)
            if parts.fleet is not None:
                await asyncio.to_thread(parts.fleet.begin)
            self._say(f"mqtt: this box is {parts.topics.box}, its topics are {parts.topics.root}/#")
            await self._all(
                self._watch(feed, parts),
                keep_connected(lambda: self._connection(parts), lambda words: self._say(f"mqtt: {words}")),
                self._fetch(parts),
            )
        finally:
            outbox.close()

    async def _all(self, *duties: Any) -> None:
        tasks = [asyncio.ensure_future(duty) for duty in duties]
        try:
            await asyncio.gather(*tasks)
        finally:
            await end(*tasks)

    async def _parts(self, feed: Feed, outbox: Outbox) -> Parts:
        first = await _first_document(feed)
        topics = Topics(box_of(outbox, folder_of(first) or self._audit), self.settings.discovery)
        watch = _restored(topics, self.settings.period_s, outbox.kept(KEPT))
        parts = Parts(topics, watch, outbox, asyncio.Event(), lambda: self._about(watch), self.settings.period_s, self._say)
        if self._commands:
            parts.desk = Desk(Commander.to_socket(True, self._socket), outbox.record_command, time.monotonic)
        if self._fleet is not None:
            mine = await asyncio.to_thread(gateway_key, self._state)
            parts.fleet = FleetSide(topics, outbox, self._state, mine, self._ask, self._say, self._fleet.key)
            if self._fleet.key is not None and (self._fleet.policies or self._fleet.packs):
                parts.offers = self._offers(self._fleet, self._fleet.key, topics, outbox)
        return parts

    def _offers(self, fleet: Fleet, key: FleetKey, topics: Topics, outbox: Outbox) -> Offers:
        packs = None if fleet.packs is None else PackOffers(topics, outbox, fleet.packs, self._ask, self._say)
        return Offers(topics, outbox, key.public, self._ask, self._say, packs=packs, policies=fleet.policies)

    def _about(self, watch: Watch) -> About:
        document = watch.known
        bands, cameras = tuple(payloads.account_words(document)), tuple(payloads.cameras_of(document))
        version = str(document.get("version") or self._version)
        return About(self._device, version, bands=bands, cameras=cameras, page=self._page)

    async def _watch(self, feed: Feed, parts: Parts) -> None:
        signed: Any = None
        try:
            with feed.subscribe() as states:
                async for state in states:
                    found = _take(parts.watch, state)
                    if self._session is not None:
                        self._session.publish(found.messages)
                    if isinstance(state, Seen):
                        if parts.offers is not None:
                            found.must_arrive += await parts.offers.watch(state.document)
                        now_signed = (state.document.get("audit") or {}).get("checkpoint_seq")
                        if now_signed != signed:
                            signed = now_signed
                            found.must_arrive += await asyncio.to_thread(self._checkpoints, state.document, parts)
                    self._pending.extend(found.must_arrive)
                    await asyncio.to_thread(self._store, parts)
        finally:
            self._save(parts)

    def _checkpoints(self, document: dict[str, Any], parts: Parts) -> list[MustArrive]:
        folder = folder_of(document) or self._audit
        if folder is None:
            return []
        if self._reader is None or self._reader.folder != folder:
            self._reader = CheckpointReader(folder)
        try:
            found = self._reader.new()
            if parts.fleet is not None:
                return [*(parts.fleet.checkpoint(folder, found[-1]) if found else []), *parts.fleet.twins.new(folder)]
            return [MustArrive(CHECKPOINT, one.key, one.words(parts.topics.box)) for one in found]
        except OSError as error:
            self._say_once(
                f"mqtt: checkpoints are not published: {folder}: {error.strerror}, let this user read the log's folder"
            )
            return []

    def _store(self, parts: Parts) -> None:
        """Put what must arrive into the outbox; while that fails it waits in memory."""
        try:
            while self._pending:
                one = self._pending[0]
                if parts.outbox.put(one.kind, one.key, one.body, grade=one.grade, channels=None if one.grade else (CHANNEL,)):
                    parts.news.set()
                self._pending.popleft()
            if time.monotonic() - self._saved_s > SAVE_S:
                self._save(parts)
        except OutboxError as error:
            self._say_once(f"mqtt: {error}")

    def _save(self, parts: Parts) -> None:
        self._saved_s = time.monotonic()
        hour = parts.watch.hour
        try:
            parts.outbox.keep(KEPT, {"energy_j": parts.watch.energy_j, "hour": asdict(hour) if hour else None})
        except OutboxError as error:
            self._say_once(f"mqtt: {error}")

    async def _fetch(self, parts: Parts) -> None:
        """Alerts of other programs."""
        while True:
            try:
                if await asyncio.to_thread(fetch_alerts, self._state, parts.outbox, self._say, parts.topics.box):
                    parts.news.set()
            except OutboxError as error:
                self._say_once(f"mqtt: {error}")
            await asyncio.sleep(SPOOL_S)

    async def _connection(self, parts: Parts) -> None:
        """One connection from start to end; it always ends in an exception."""
        session = Session(parts)
        link = Link(self.settings, f"adaptd-{parts.topics.box}", payloads.available(parts.topics, here=False), session.heard)
        await link.open()
        self._say(f"mqtt: connected to {self.settings.broker}")
        self._session = session
        try:
            await session.run(link)
        finally:
            self._session = None
            link.close(payloads.available(parts.topics, here=False))

    def _say_once(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            self._say(words)


async def _first_document(feed: Feed) -> dict[str, Any]:
    """The daemon's first status document, or an empty one where it does not answer soon."""

    async def wait() -> dict[str, Any]:
        with feed.subscribe() as states:
            async for state in states:
                if isinstance(state, Seen):
                    return state.document
        return {}

    try:
        return await asyncio.wait_for(wait(), KNOW_DAEMON_S)
    except asyncio.TimeoutError:
        return {}


def _take(watch: Watch, state: State) -> Found:
    if isinstance(state, Seen):
        return watch.seen(state.document, state.at_us, state.utc_ms)
    if isinstance(state, Absent) and state.reason is Reason.NOT_ASKED:
        return Found()
    return watch.absent(state.reason.value, state.words, mono_us(), utc_ms())


def _restored(topics: Topics, period_s: float, kept: Any) -> Watch:
    """The watch as it was saved; a new one where nothing fitting was."""
    try:
        hour = Hour(**kept["hour"]) if kept["hour"] else None
        return Watch(topics, period_s, energy_j=float(kept["energy_j"]), hour=hour)
    except (KeyError, TypeError, ValueError):
        return Watch(topics, period_s)

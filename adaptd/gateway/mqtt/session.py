"""What is said and heard while one connection lasts: sweep, announce, deliver from the outbox, take commands."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from adaptd.gateway.mqtt import payloads
from adaptd.gateway.mqtt.commands import Desk
from adaptd.gateway.mqtt.discovery import About, discovery
from adaptd.gateway.mqtt.fleet import FleetSide
from adaptd.gateway.mqtt.link import Link, LinkError
from adaptd.gateway.mqtt.offers import Offers
from adaptd.gateway.mqtt.topics import ONLINE, Outgoing, Topics, payload_of
from adaptd.gateway.mqtt.watch import Watch
from adaptd.gateway.outbox import ALERT, CHECKPOINT, ROLLOUT, SUMMARY, TWIN, Message, Outbox
from adaptd.gateway.plugins import end

CHANNEL = "mqtt"
SWEEP_S = 0.5
BATCH = 100
ACK_S = 60.0
LOOK_S = 5.0
MAX_COMMANDS_WAITING = 64


@dataclass(slots=True)
class Parts:
    """What a session shares with the plug-in that outlives it. ``news`` is set when something new lies in the outbox."""

    topics: Topics
    watch: Watch
    outbox: Outbox
    news: asyncio.Event
    about: Callable[[], About]
    period_s: float
    say: Callable[[str], None]
    desk: Desk | None = None
    fleet: FleetSide | None = None
    offers: Offers | None = None


class Session:
    """One connection's life, after it is open. ``publish`` may be called at any time; without a connection it does nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._link: Link | None = None
        self._retained: dict[str, bytes] | None = {}
        self._commands: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue(MAX_COMMANDS_WAITING)
        self._born = asyncio.Event()
        self._fleet: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(MAX_COMMANDS_WAITING)
        self._about: About | None = None
        self._components: dict[str, str] = {}

    def heard(self, topic: str, payload: bytes, retained: bool) -> None:
        topics = self._parts.topics
        if self._retained is not None:
            if retained and payload:
                self._retained[topic] = payload
        elif topic == topics.birth:
            if payload == ONLINE.encode() and not retained:
                self._born.set()
        elif topic in (topics.witness, topics.offer) and payload:
            with contextlib.suppress(asyncio.QueueFull):
                self._fleet.put_nowait((topic, payload))
        elif topic.startswith(topics.commands) and payload:
            with contextlib.suppress(asyncio.QueueFull):
                self._commands.put_nowait((topic.removeprefix(topics.commands), payload, retained))

    def publish(self, messages: list[Outgoing]) -> None:
        """Publish what is lost without a network."""
        if self._link is None:
            return
        if self._about != self._parts.about():
            self._describe(self._link)
        for message in messages:
            self._link.publish(message).add_done_callback(_let_be)

    async def run(self, link: Link) -> None:
        """Serve until the link ends; raises LinkError with why."""
        await self._announce(link)
        self._link = link
        duties = [self._deliver(link), self._greet(link), self._ended(link)]
        if self._parts.desk is not None:
            duties.append(self._serve(link, self._parts.desk))
        if self._parts.fleet is not None:
            duties.append(self._serve_fleet(self._parts.fleet))
        tasks = [asyncio.ensure_future(duty) for duty in duties]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._link = None
            await end(*tasks)
        for task in done:
            task.result()

    async def _ended(self, link: Link) -> None:
        while not link.ended.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(link.ended.wait(), LOOK_S)
            link.look()
        raise LinkError(link.why_ended)

    async def _announce(self, link: Link) -> None:
        """Remove what nobody should read any more, then say who is here and everything that is known."""
        topics = self._parts.topics
        everything = topics.of("#")
        link.subscribe(topics.birth)  # first: who starts while we announce ourselves is not missed
        for topic in (everything, topics.config):
            link.subscribe(topic)
        await asyncio.sleep(SWEEP_S)
        for topic in (everything, topics.config):
            link.unsubscribe(topic)
        retained, self._retained = self._retained or {}, None
        await self._clear(link, retained)
        self._components = _platforms(retained.get(topics.config, b""))
        if self._parts.desk is not None:
            link.subscribe(topics.commands + "#")
        if self._parts.fleet is not None:
            link.subscribe(topics.witness)
            link.subscribe(topics.offer)
        await asyncio.gather(link.publish(payloads.available(topics, here=True)), *self._introduce(link))

    async def _clear(self, link: Link, retained: dict[str, bytes]) -> None:
        topics = self._parts.topics
        gateways = (topics.available, topics.daemon, topics.of("info"), topics.of("checkpoint"), topics.of("twin"), topics.config)
        ours = (*gateways, topics.witness, topics.offer)  # the fleet's server says the last two
        leftovers = [topic for topic in retained if topic not in ours]
        await asyncio.gather(*(link.publish(Outgoing(topic, b"", retain=True, qos=1)) for topic in leftovers))
        if leftovers:
            self._parts.say(f"mqtt: {len(leftovers)} retained messages that nobody needs are removed, first {leftovers[0]:.120}")
        for topic in leftovers:
            if topic.startswith(topics.commands) and self._parts.desk is not None:
                await self._take(link, self._parts.desk, topic.removeprefix(topics.commands), retained[topic], retained=True)

    def _introduce(self, link: Link) -> list["asyncio.Future[None]"]:
        """Discovery, whether the daemon answers, and the readings."""
        topics, watch, about = self._parts.topics, self._parts.watch, self._parts.about()
        info = {"v": 1, "box": topics.box, "name": about.name, "adaptd": about.version, "page": about.page or None}
        found = self._describe(link)
        found.append(link.publish(Outgoing(topics.of("info"), payload_of(info), retain=True, qos=1)))
        messages = [payloads.daemon(topics, answers=watch.document is not None), *watch.readings()]
        return found + [link.publish(message) for message in messages]

    def _describe(self, link: Link) -> list["asyncio.Future[None]"]:
        """Discovery; where entities are gone, first the document that removes them, then the one without them."""
        parts, self._about = self._parts, self._parts.about()
        commands = parts.desk is not None
        plain = discovery(parts.topics, self._about, period_s=parts.period_s, commands=commands)
        removing = discovery(parts.topics, self._about, period_s=parts.period_s, commands=commands, former=self._components)
        self._components = _platforms(plain.payload)
        messages = [removing, plain] if removing.payload != plain.payload else [plain]
        futures = [link.publish(message) for message in messages]
        for future in futures:
            future.add_done_callback(_let_be)
        return futures

    async def _greet(self, link: Link) -> None:
        """Home Assistant has started: it needs discovery and readings again."""
        while True:
            await self._born.wait()
            self._born.clear()
            await asyncio.gather(*self._introduce(link))

    async def _serve(self, link: Link, desk: Desk) -> None:
        while True:
            name, payload, retained = await self._commands.get()
            await self._take(link, desk, name, payload, retained=retained)

    async def _serve_fleet(self, fleet: FleetSide) -> None:
        """What the fleet's server says: the witness's answers, and offers where the owner takes them."""
        while True:
            topic, payload = await self._fleet.get()
            if topic == self._parts.topics.witness:
                found = await asyncio.to_thread(fleet.heard, payload)
            else:
                found = await self._parts.offers.take(payload) if self._parts.offers is not None else []
            for one in found:
                await asyncio.to_thread(self._parts.outbox.put, one.kind, one.key, one.body, channels=(CHANNEL,))
            self._parts.news.set()

    async def _take(self, link: Link, desk: Desk, name: str, payload: bytes, *, retained: bool) -> None:
        answer = await desk.take(name, payload, retained=retained)
        words = f"{'accepted' if answer['accepted'] else 'refused'}: {answer['words']}"
        self._parts.say(f"mqtt: command {answer['verb']!r} by {answer['by']!r} {words}")
        link.publish(self._parts.topics.message("answer", answer, qos=1)).add_done_callback(_let_be)

    async def _deliver(self, link: Link) -> None:
        """Send what waits, a batch at a time; only what the broker acknowledges is taken out."""
        outbox, unsendable = self._parts.outbox, set[int]()
        while True:
            self._parts.news.clear()
            batch = await asyncio.to_thread(outbox.waiting, CHANNEL, BATCH, tuple(unsendable))
            if not batch:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._parts.news.wait(), LOOK_S)
                continue
            await asyncio.to_thread(outbox.tried, CHANNEL, [one.id for one in batch])
            futures = [link.publish(self._outgoing(one)) for one in batch]
            _, silent = await asyncio.wait(futures, timeout=ACK_S)
            failed = {one.id: future.exception() for one, future in zip(batch, futures, strict=True) if future not in silent}
            await asyncio.to_thread(outbox.delivered, CHANNEL, [one for one, error in failed.items() if error is None])
            if silent:
                raise LinkError(f"{len(silent)} messages without an acknowledgement, the connection is made anew")
            refused = {one: error for one, error in failed.items() if error is not None}
            if refused and not link.ended.is_set():
                self._parts.say(f"mqtt: {len(refused)} messages stay in the outbox: {next(iter(refused.values()))}")
                unsendable.update(refused)

    def _outgoing(self, message: Message) -> Outgoing:
        """A message of the outbox; in a fleet hours, reports and twins carry this gateway's signature."""
        found, fleet = outgoing(self._parts.topics, message), self._parts.fleet
        if fleet is None or message.kind not in (SUMMARY, ROLLOUT, TWIN):
            return found
        return found._replace(payload=fleet.mine.sealed(found.topic, found.payload))


def outgoing(topics: Topics, message: Message) -> Outgoing:
    """How a message of the outbox is published. The newest checkpoint and the newest twin are also kept by the broker."""
    body = {"event_type": message.grade, **message.body} if message.kind == ALERT else message.body
    kept = message.kind == TWIN or (message.kind == CHECKPOINT and ("note" in body or "handovers" not in body))
    return topics.message(message.kind, body, retain=kept, qos=1)


def _let_be(future: "asyncio.Future[None]") -> None:
    """A reading that was not sent is followed by the next one."""
    if not future.cancelled():
        future.exception()


def _platforms(payload: bytes) -> dict[str, str]:
    """``{component: platform}`` of a discovery document that the broker held; empty where it is none of ours."""
    try:
        found = json.loads(payload)["components"]
        return {str(key): str(words["platform"]) for key, words in list(found.items())[:200]}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}

"""The plug-in that speaks VDA 5050: its own connection with the last will that the standard asks for, and state as it changes.

``connection`` is retained: ONLINE, OFFLINE after an orderly end, CONNECTIONBROKEN by the broker. ``state`` goes out where
something has changed, and every 15 s (the standard asks for 30 at most). ``adaptd`` beside them always carries the same parts,
for a vehicle's controller that puts them into its own ``state``.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from adaptd.gateway.feed import Absent, Feed, Reason, Seen, State, utc_ms
from adaptd.gateway.mqtt.link import Link, LinkError, keep_connected
from adaptd.gateway.mqtt.settings import Settings
from adaptd.gateway.mqtt.topics import Outgoing, payload_of
from adaptd.gateway.plugins import end
from adaptd.gateway.vda5050.mapping import BROKEN, OFFLINE, ONLINE, Vehicle, connection, parts, state

REPEAT_S = 15.0
LEAST_S = 0.5  # between two states that differ: a rate moves by tenths


class VdaPlug:
    """One broker, one vehicle. ``say`` writes to the operational log."""

    name = "vda5050"

    def __init__(self, settings: Settings, vehicle: Vehicle, say: Callable[[str], None]) -> None:
        settings.context()  # a certificate that cannot be read is said at start
        self._settings, self._vehicle, self._say = settings, vehicle, say
        self._numbers: dict[str, int] = {}
        self._latest: dict[str, Any] | None = None
        self._news = asyncio.Event()
        self._told_battery = False

    async def run(self, feed: Feed) -> None:
        """Serve until cancelled."""
        listening = asyncio.ensure_future(self._listen(feed))
        try:
            await keep_connected(self._connection, lambda words: self._say(f"vda5050: {words}"))
        finally:
            await end(listening)

    async def _listen(self, feed: Feed) -> None:
        with feed.subscribe() as states:
            async for one in states:
                if (found := _parts_of(one)) is not None and found != self._latest:
                    self._latest = found
                    self._news.set()

    async def _connection(self) -> None:
        """From connect to the end of the connection; ends in LinkError."""
        name = f"adaptd-vda-{self._vehicle.serial}"
        link = Link(self._settings, name, self._about(BROKEN), lambda *_: None)
        await link.open()
        try:
            await link.publish(self._about(ONLINE))
            while True:
                self._news.clear()
                await self._tell(link)
                await asyncio.sleep(LEAST_S)
                await _either(self._news, link.ended, REPEAT_S)
                link.look()
                if link.ended.is_set():
                    raise LinkError(link.why_ended)
        finally:
            link.close(self._about(OFFLINE))

    async def _tell(self, link: Link) -> None:
        found = self._latest
        if found is None:
            return
        messages = [self._message("adaptd", lambda number, utc_ms: found)]
        if state(self._vehicle, 0, 0, found) is not None:
            messages.append(self._message("state", lambda number, utc_ms: state(self._vehicle, number, utc_ms, found) or {}))
        elif not self._told_battery:
            self._told_battery = True
            self._say(
                f"vda5050: no battery is known, and a state message needs one: only {self._vehicle.topic('adaptd')} is published"
            )
        await asyncio.gather(*(link.publish(message) for message in messages))

    def _about(self, how: str) -> Outgoing:
        return self._message("connection", lambda number, ms: connection(self._vehicle, number, ms, how), retain=True)

    def _message(self, name: str, words: Callable[[int, int], dict[str, Any]], *, retain: bool = False) -> Outgoing:
        number = self._numbers.get(name, -1) + 1
        self._numbers[name] = number
        return Outgoing(self._vehicle.topic(name), payload_of(words(number, utc_ms())), retain, 1 if retain else 0)


def _parts_of(one: State) -> dict[str, Any] | None:
    if isinstance(one, Seen):
        return parts(one.document)
    if isinstance(one, Absent) and one.reason is not Reason.NOT_ASKED:
        return parts(None, one.words)
    return None


async def _either(first: asyncio.Event, second: asyncio.Event, patience_s: float) -> None:
    """Return when either event is set, or after ``patience_s``."""
    waits = [asyncio.ensure_future(event.wait()) for event in (first, second)]
    try:
        await asyncio.wait(waits, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()

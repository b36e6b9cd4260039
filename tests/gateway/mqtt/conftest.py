"""A broker, an ear, and a gateway's plug-in in a thread, for tests with real parts."""

import asyncio
import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptd.client import ApiError
from adaptd.gateway.feed import Feed
from adaptd.gateway.mqtt import link as linking
from adaptd.gateway.mqtt import plug as plugging
from adaptd.gateway.mqtt.plug import MqttPlug
from adaptd.gateway.mqtt.settings import Settings, settings_of
from adaptd.gateway.outbox import FILE_NAME, Outbox
from tests.gateway.mqtt.broker import Broker, Ear
from tests.gateway.mqtt.documents import document, later

BOX = "0a1b2c3d4e5f"


class Gateway:
    """The plug-in on a feed of its own, in an event loop of its own. ``words`` is what the daemon says; None: it is away."""

    def __init__(self, state: Path, settings: Settings, **options: Any) -> None:
        self.words: dict[str, Any] | None = document()
        self.said: list[str] = []
        self.port = settings.port
        self.state = state
        state.mkdir(parents=True, exist_ok=True)
        outbox = Outbox(state / FILE_NAME)
        outbox.keep("box", BOX)
        outbox.close()
        self._plug = MqttPlug(settings, socket=state / "none.sock", state=state, say=self.said.append, **options)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="gateway")
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()

    def start(self) -> "Gateway":
        """Run until ``stop``."""
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        """As SIGTERM."""
        if self._thread.is_alive():
            assert self._loop is not None
            assert self._stop is not None
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(30)
            assert not self._thread.is_alive()
            gc.collect()

    def _ask(self) -> dict[str, Any]:
        if self.words is None:
            raise ApiError("adaptd.sock: no daemon listens here")
        self.words = later(self.words)
        return self.words

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        feed = Feed(self._ask, period_s=0.1)
        tasks = [asyncio.ensure_future(feed.run()), asyncio.ensure_future(self._plug.run(feed))]
        self._ready.set()
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def waiting(self) -> int:
        """How many messages the outbox holds for the broker."""
        outbox = Outbox(self.state / FILE_NAME)
        try:
            return outbox.count("mqtt")
        finally:
            outbox.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that make sense in a house are short in a test."""
    monkeypatch.setattr(linking, "FIRST_WAIT_S", 0.1)
    monkeypatch.setattr(linking, "LONGEST_WAIT_S", 0.5)
    monkeypatch.setattr(plugging, "SPOOL_S", 0.1)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A mosquitto that lets everybody in."""
    one = Broker(tmp_path / "broker").start()
    yield one
    one.stop()


@pytest.fixture
def ear(broker: Broker) -> Iterator[Ear]:
    """Hears everything on it."""
    one = Ear(broker.port)
    yield one
    one.close()


@pytest.fixture
def gateway(tmp_path: Path, broker: Broker) -> Iterator[Gateway]:
    """A gateway that publishes to it, not yet started."""
    one = Gateway(tmp_path / "state", settings_of(f"mqtt://127.0.0.1:{broker.port}", period_s=0.5))
    yield one
    one.stop()

"""What runs beside the page, who keeps it running, and how it is ended for certain.

A plug-in is an object with a ``name`` and ``async def run(self, feed)``. It is started when its arguments are given. One that
fails is told of and started again with doubling waits; it takes neither the page nor another plug-in with it.
"""

import asyncio
import importlib
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from adaptd.gateway import one_line
from adaptd.gateway.feed import Feed, Sleep

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
STEADY_S = 60.0
AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the owner asked of the gateway. ``audit`` is where the log lies if the daemon does not say."""

    socket: Path
    host: str = "127.0.0.1"
    port: int = 8460
    token_file: Path | None = None
    audit: Path | None = None
    commands: bool = False
    proxy_header: str | None = None
    proxies: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    mqtt: str | None = None
    mqtt_credentials: Path | None = None
    mqtt_ca: Path | None = None
    mqtt_cert: Path | None = None
    mqtt_key: Path | None = None
    mqtt_version: str = "5"
    vda5050: str | None = None
    checkpoint_to: tuple[str, ...] = ()
    checkpoint_keep: Path | None = None
    fleet: bool = False
    fleet_key: Path | None = None
    fleet_policies: bool = False
    fleet_packs: Path | None = None
    pack_key: Path | None = None
    box: str = ""
    state: Path | None = None
    until_eof: bool = False
    version: str = ""

    @property
    def box_name(self) -> str:
        """The name of this device in topics and titles."""
        return self.box or socket.gethostname() or "adaptd"


class PlugIn(Protocol):
    """Anything that lives off the feed."""

    @property
    def name(self) -> str:
        """One word for the operational log."""

    async def run(self, feed: Feed) -> None:
        """Serve until cancelled; raise to be started again."""


Tell = Callable[[str], None]
Start = Callable[[], Awaitable[None]]


def plug_ins(arguments: Arguments, tell: Tell) -> list[PlugIn]:
    """The plug-ins that the arguments ask for. Each is imported only when it is wanted."""
    wanted: list[PlugIn] = []
    if arguments.mqtt is not None:
        wanted.append(importlib.import_module("adaptd.gateway.mqtt").plug_in(arguments, tell))
    if arguments.vda5050 is not None:
        wanted.append(importlib.import_module("adaptd.gateway.mqtt").vda5050(arguments, tell))
    if arguments.checkpoint_to:
        wanted.append(importlib.import_module("adaptd.gateway.courier").Courier(arguments, tell))
    return wanted


async def keep(name: str, start: Start, tell: Tell, sleep: Sleep = asyncio.sleep) -> None:
    """Run ``start()`` for ever: whatever it raises is told in one line, and it starts again after a wait that doubles."""
    wait_s = FIRST_WAIT_S
    while True:
        began_s = time.monotonic()
        task = asyncio.ensure_future(start())
        try:
            await asyncio.wait([task])
        finally:
            await end(task)
        if time.monotonic() - began_s > STEADY_S:
            wait_s = FIRST_WAIT_S
        tell(f"{name}: {_end_of(task)}; again in {wait_s:g} s")
        await sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def _end_of(task: "asyncio.Future[None]") -> str:
    if task.cancelled():
        return "was cancelled"
    error = task.exception()
    return "ended" if error is None else one_line(error)


async def end(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks and wait until each has cleaned up; what they raise meanwhile is nobody's concern any more.

    Asked once is not enough: before Python 3.12 ``asyncio.wait_for`` swallows a cancellation that comes in the moment in which
    its future is done, and a task that loops around it would go on for good.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()

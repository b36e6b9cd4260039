"""Daemons and gateways that end with their test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.rig import Daemon, Gateway

pytest.importorskip("uvicorn", reason="the gateway's server is not installed: pip install 'adaptd[gateway]'")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """The daemon's API with the sample document on its board."""
    running = Daemon(tmp_path)
    running.says()
    yield running
    running.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways, and ends them."""
    running: list[Gateway] = []

    def begin(*words: Any, **more: Any) -> Gateway:
        running.append(Gateway(tmp_path, *words, **more))
        return running[-1]

    yield begin
    for one in running:
        one.end()

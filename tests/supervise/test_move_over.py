"""A worker moves over to engines of another backend while it serves: between two frames, and back where it goes wrong."""

import json
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from adaptd.base.clock import monotonic_us
from adaptd.config.manifest import load_manifest
from adaptd.protocol.messages import Begin, Camera, Fault, Hello, Moved, MoveOver
from adaptd.supervise.process import WorkerClient
from adaptd.supervise.supervisor import Lost, Supervisor
from adaptd.vocabulary import Setpoint
from tests.engine.models import write_bundle
from tests.supervise.test_process import until


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Two cameras on the stub backend; the bundle has engines for ONNX Runtime too."""
    write_bundle(tmp_path / "bundle")
    words: dict[str, Any] = {"results": str(tmp_path / "r.sock"), "report_us": 20_000}
    cameras = (Camera("front", "pattern:64x64@60"), Camera("rear", "pattern:64x64@50"))
    return Begin(str(tmp_path / "bundle"), "stub", ("fp16", "int8"), "", 60_000, 66_000, cameras=cameras, **words)


def order(begin: Begin, digest: str | None = None) -> MoveOver:
    """To ONNX Runtime."""
    return MoveOver(begin.bundle, "ort", begin.variants, digest or load_manifest(Path(begin.bundle)).digest)


class Reader(threading.Thread):
    """Subscribes to results and keeps them."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self.results: list[dict[str, Any]] = []

    def run(self) -> None:
        with self._socket, self._socket.makefile() as lines:
            self.results += [json.loads(line) for line in lines]


def test_no_frame_is_lost_when_the_backend_changes(begin: Begin) -> None:
    """Both cameras go on with the very next frame, on the reference, under one numbering; all is told."""
    client = WorkerClient(begin)
    client.start()
    try:
        until(client, lambda: client.report is not None and client.report.result is not None)
        client.set(Setpoint(1, "int8", 60_000, 60_000_000, 0, "", "dim"))
        until(client, lambda: client.report is not None and client.report.variant == "int8")
        reader = Reader(begin.results)
        reader.start()
        client.move_over(order(begin))
        heard = until(client, lambda: client.hello is not None and client.hello.backend == "ort")
        frame = client.report.frame if client.report else 0
        heard += until(client, lambda: client.report is not None and client.report.frame > frame + 60)
    finally:
        code = client.stop()
    reader.join(10)
    moved = next(one for one in heard if isinstance(one, Moved))
    assert (moved.old, moved.new, code) == ("stub", "ort", 0)
    by_frame = {one["frame"]: one["variant"] for one in reader.results}
    assert {by_frame[at] for at in by_frame if at <= moved.frame} == {"int8"}
    assert {by_frame[at] for at in by_frame if at > moved.frame} == {"fp16"}
    for name in ("front", "rear"):
        mine = [one["camera_frame"] for one in reader.results if one["camera"] == name]
        assert mine == list(range(mine[0], mine[0] + len(mine)))


def test_engines_that_cannot_be_made_cost_a_line(begin: Begin) -> None:
    """Another bundle than the one that was checked is not moved to; the old engines serve on."""
    client = WorkerClient(begin)
    client.start()
    try:
        until(client, lambda: client.report is not None and client.report.result is not None)
        client.move_over(order(begin, "0" * 64))
        heard = until(client, lambda: False if client.report is None else client.report.frame > 60)
        assert [one.kind for one in heard if isinstance(one, Fault)] == ["move_over"]
        assert client.hello is not None
        assert client.hello.backend == "stub"
    finally:
        client.stop()


def test_a_worker_that_dies_soon_after_it_moved_comes_back_on_the_engines_before(begin: Begin) -> None:
    """What has never served here has to show that it can: a crash within a minute takes it back, and that is said."""
    supervisor = Supervisor(begin, spare=False)
    supervisor.start()
    try:
        _until(supervisor, lambda: supervisor.report is not None)
        supervisor.move_over(order(begin))
        _until(supervisor, lambda: _backend(supervisor) == "ort")
        assert supervisor.client is not None
        assert supervisor.client.pid is not None
        os.kill(supervisor.client.pid, signal.SIGSEGV)
        heard = _until(supervisor, lambda: _backend(supervisor) == "stub")
    finally:
        supervisor.stop()
    assert "stub serves again" in next(one.text for one in heard if isinstance(one, Lost))
    assert any(isinstance(one, Hello) for one in heard)


def _backend(supervisor: Supervisor) -> str:
    hello = None if supervisor.client is None else supervisor.client.hello
    return "" if hello is None else hello.backend


def _until(supervisor: Supervisor, happened: Any) -> list[Any]:
    heard: list[Any] = []
    ends_us = monotonic_us() + 20_000_000
    while not happened():
        assert monotonic_us() < ends_us, heard[-3:]
        heard += supervisor.poll()
        threading.Event().wait(0.01)
    return heard

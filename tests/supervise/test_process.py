"""A real worker process from the daemon's side: start, hear, set, stop, refusals, orphans."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptd.base.clock import monotonic_us
from adaptd.protocol.messages import Applied, Begin, Fault, Hello, LastResult, Swapped
from adaptd.supervise.process import WorkerClient
from adaptd.vocabulary import OperatingPoint, Setpoint
from tests.engine.models import write_bundle

INT8 = OperatingPoint("int8", 30_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a bundle of two variants."""
    write_bundle(tmp_path / "bundle")
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., WorkerClient]]:
    """Starts workers and ends them afterwards."""
    started: list[WorkerClient] = []

    def make(**changes: Any) -> WorkerClient:
        words: dict[str, Any] = {"backend": "stub", "source": "pattern:64x64@30", "report_us": 20_000} | changes
        begin = Begin(str(folder / "bundle"), variants=("fp16", "int8"), safe_mfps=30_000, deadline_us=66_000, **words)
        started.append(WorkerClient(begin))
        started[-1].start()
        return started[-1]

    yield make
    for client in started:
        client.stop()


def last(client: WorkerClient) -> LastResult | None:
    """The newest result of a worker."""
    return None if client.report is None else client.report.result


def until(client: WorkerClient, happened: Callable[[], bool]) -> list[Any]:
    """Poll until something has happened; everything heard meanwhile."""
    heard: list[Any] = []
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, heard[-3:]
        time.sleep(0.01)
        heard += client.poll()
    return heard


def test_a_worker_serves_the_reference_and_says_what_it_is(start: Callable[..., WorkerClient]) -> None:
    """The greeting names backend, engines and precisions; frames flow at once."""
    client = start()
    until(client, lambda: last(client) is not None)
    assert isinstance(client.hello, Hello)
    assert [(engine.name, engine.precision, engine.warm) for engine in client.hello.engines] == [
        ("fp16", "fp32", True),
        ("int8", "int8", True),
    ]
    telemetry = client.telemetry(monotonic_us())
    assert telemetry.alive
    assert telemetry.point == OperatingPoint("fp16", 30_000)
    assert telemetry.delivered + telemetry.missed > 0
    assert client.report is not None
    assert client.report.picture is not None


def test_a_setpoint_is_applied_and_read_back(start: Callable[..., WorkerClient]) -> None:
    """What the worker does is what telemetry says, not what was asked; frames of both variants are counted apart."""
    client = start()
    until(client, lambda: last(client) is not None)
    assert client.set(Setpoint(7, INT8.variant, INT8.fps_mfps, 60_000_000, 500_000, "3", "dim"))
    heard = until(client, lambda: (told := last(client)) is not None and told.variant == "int8")
    applied = [message for message in heard if isinstance(message, Applied)]
    swapped = [message for message in heard if isinstance(message, Swapped)]
    assert [(message.seq, message.variant) for message in applied] == [(7, "int8")]
    assert [(message.old, message.new) for message in swapped] == [("fp16", "int8")]
    told = [client.telemetry(monotonic_us())]
    assert told[0].point == INT8
    assert {served.variant for served in told[0].served} == {"fp16", "int8"}

    def shadowed() -> bool:
        told.append(client.telemetry(monotonic_us()))
        return any(telemetry.shadows for telemetry in told)

    until(client, shadowed)  # which frames the coin chooses depends on their numbers
    assert all(telemetry.shadow_frames == len(telemetry.shadows) for telemetry in told)


def test_an_unrenewed_lease_ends_in_the_reference(start: Callable[..., WorkerClient]) -> None:
    """A daemon that hangs stops renewing, and the worker comes back by itself."""
    client = start()
    until(client, lambda: client.hello is not None)
    client.set(Setpoint(1, "int8", 10_000, 300_000, 0, "", "dim"))
    until(client, lambda: client.report is not None and client.report.variant == "int8")
    heard = until(client, lambda: client.report is not None and client.report.variant == "fp16")
    assert next(message for message in heard if isinstance(message, Swapped)).reason == "lease"
    assert client.telemetry(monotonic_us()).point == OperatingPoint("fp16", 30_000)


def test_garbage_on_the_pipe_is_told_and_survived(start: Callable[..., WorkerClient]) -> None:
    """A damaged line costs nothing: the worker says so and goes on serving."""
    client = start()
    until(client, lambda: last(client) is not None)
    assert client._channel is not None
    client._channel._sock.sendall(b"{broken\n" + b"x" * 200_000 + b"\n")
    heard = until(client, lambda: (told := last(client)) is not None and told.frame > 30)
    assert {fault.kind for fault in heard if isinstance(fault, Fault)} == {"garbled"}
    assert client.exit_code is None


def test_a_stop_is_clean_and_within_two_seconds(start: Callable[..., WorkerClient], folder: Path) -> None:
    """Exit code 0, the results socket removed."""
    client = start(results=str(folder / "r.sock"))
    until(client, lambda: last(client) is not None)
    assert (folder / "r.sock").exists()
    before_us = monotonic_us()
    assert client.stop() == 0
    assert monotonic_us() - before_us < 2_000_000
    assert not (folder / "r.sock").exists()


def test_a_stopped_process_is_ended_all_the_same(start: Callable[..., WorkerClient]) -> None:
    """A worker that cannot hear the stop is killed; stop returns in time."""
    client = start()
    until(client, lambda: client.hello is not None)
    assert client.pid is not None
    os.kill(client.pid, signal.SIGSTOP)
    assert client.stop(0.5) == -signal.SIGKILL


def test_sigterm_ends_the_worker_cleanly_and_sigint_is_the_daemons_business(start: Callable[..., WorkerClient]) -> None:
    """Ctrl-C in a terminal reaches both processes; the worker waits for the daemon's word."""
    client = start()
    until(client, lambda: last(client) is not None)
    assert client.pid is not None
    os.kill(client.pid, signal.SIGINT)
    result = last(client)
    frame = result.frame if result else 0
    until(client, lambda: (told := last(client)) is not None and told.frame > frame + 3)
    os.kill(client.pid, signal.SIGTERM)
    until(client, lambda: client.exit_code is not None)
    assert client.exit_code == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "/nowhere/clip.mp4"}, "no such video"),
        ({"source": "TEXT"}, "no video that OpenCV can read"),
        ({"backend": "abacus"}, "no backend abacus"),
        ({"results": "FILE"}, "exists and is no socket"),
        ({"bundle": "/nowhere"}, "/nowhere"),
        ({"variants": ("int8", "fp16")}, "its reference is fp16"),
        ({"digest": "0" * 64}, "is not the bundle that was checked"),
    ],
    ids=[
        "missing video",
        "no video",
        "no backend",
        "results path taken",
        "no bundle",
        "other reference",
        "other bundle",
    ],
)
def test_what_cannot_be_served_is_refused_in_one_line(
    folder: Path, changes: dict[str, Any], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """One fatal line for the user, exit code 1, and not a word on the terminal from any library."""
    text = folder / "text.mp4"
    text.write_text("this is no video")
    changes = {key: str(text) if value in ("TEXT", "FILE") else value for key, value in changes.items()}
    begin = Begin(str(folder / "bundle"), "stub", ("fp16", "int8"), "pattern:64x64@30", 30_000, 66_000)
    client = WorkerClient(Begin(**{name: getattr(begin, name) for name in Begin.__dataclass_fields__} | changes))
    client.start()
    until(client, lambda: client.exit_code is not None)
    client.close()
    assert client.fatal is not None
    assert words in client.fatal.text
    assert "\n" not in client.fatal.text
    assert client.exit_code == 1
    assert capfd.readouterr().err == ""


def test_the_worker_is_started_by_the_daemon_only(tmp_path: Path) -> None:
    """Without its socket it says in one line who starts it, and exits 2."""
    done = subprocess.run(
        [sys.executable, "-m", "adaptd.worker", "--fd", "0"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "adaptd run" in done.stderr


@pytest.fixture
def daemon(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A daemon process with a worker that serves INT8 under a ten-minute lease, and the worker's process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.worker.tiny_daemon", str(folder), "600000000"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    process.stdout.close()
    yield process, worker
    process.kill()
    process.wait()
    try:
        os.kill(worker, signal.SIGKILL)
    except ProcessLookupError:
        assert True


def read_until(lines: Any, variant: str) -> None:
    """Read results until one comes from ``variant``."""
    deadline = time.monotonic() + 20
    while json.loads(lines.readline())["variant"] != variant:
        assert time.monotonic() < deadline


def test_a_killed_daemon_leaves_the_reference_serving_and_its_successor_takes_over(
    daemon: tuple[subprocess.Popen[str], int], folder: Path, start: Callable[..., WorkerClient]
) -> None:
    """The orphan falls back at once, lease or not; subscribers lose nothing until the next worker comes and evicts it."""
    process, _ = daemon
    with socket.socket(socket.AF_UNIX) as subscriber:
        subscriber.connect(str(folder / "r.sock"))
        subscriber.settimeout(20)
        with subscriber.makefile() as lines:
            read_until(lines, "int8")
            process.kill()
            read_until(lines, "fp16")
            successor = start(results=str(folder / "r.sock"))
            until(successor, lambda: last(successor) is not None)
            while lines.readline():
                pass


def test_a_defect_is_one_line_to_the_daemon_and_no_traceback(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A bug in the worker says what and where, ends the process, and shows nobody a traceback."""
    begin = Begin(str(folder / "bundle"), "stub", ("fp16", "int8"), "pattern:64x64@30", 30_000, 66_000)
    client = WorkerClient(
        begin, command=(sys.executable, "-m", "tests.worker.faulty", "--fault", "bug", "--variant", "fp16", "--after", "3")
    )
    client.start()
    heard = until(client, lambda: client.exit_code is not None)
    heard += client.poll()
    client.close()
    (fault,) = [message for message in heard if isinstance(message, Fault)]
    assert (fault.kind, fault.fatal) == ("crash", False)
    assert fault.text.startswith("RuntimeError: a defect of ours at faulty.py:")
    assert capfd.readouterr().err == ""


def test_an_orphan_without_subscribers_to_serve_ends(start: Callable[..., WorkerClient]) -> None:
    """Without a results socket nobody would notice it serving: it does not stay behind."""
    client = start()
    until(client, lambda: last(client) is not None)
    assert client._channel is not None
    client._channel.close()
    until(client, lambda: client.exit_code is not None)
    assert client.exit_code == 0

"""A gateway as a person starts it, beside the daemon's own API with whatever status document the test puts on its board."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptd.serve.api import Api
from adaptd.serve.board import StatusBoard
from tests.conftest import ROOT

PATIENCE_S = 30.0

DOCUMENT: dict[str, Any] = {
    "state": "efficient",
    "policy": {"name": "feeder", "sha256": "4311" * 16},
    "operating_point": {"variant": "int8", "fps": 14.5},
    "asked": {"variant": "int8", "fps": 15.0},
    "engines": {"warm": ["fp16", "int8"], "active": "int8", "backend": "ort", "precision": {}, "priors": {}, "quarantined": []},
    "sensors": {
        "temperature_mc": {"value": 61_250, "age_ms": 40, "source": "cpu-thermal", "simulated": False},
        "power_mw": {"missing": "EIO"},
        "light_mlx": {"value": 90_000, "age_ms": 300, "source": "camera", "simulated": True},
    },
    "sources": {"light": {"note": "", "sources": []}},
    "band": "dim",
    "evidence": {"dim": {"variant": "int8", "admitted": True, "samples": 5000, "bound_ppm": 3500}},
    "conditions": {"below_limit": True, "power_known": False},
    "audit": {"seq": 41, "checkpoint_seq": 30, "degraded": False, "folder": ""},
    "frames": {"delivered": 1234, "missed": 1, "dropped": 2, "shadow": 3},
    "swaps": 4,
    "served": {"int8": 1000, "fp16": 234},
    "refusals": {"power_budget": 7},
    "refused": [
        {
            "variant": "fp16", "fps": 15.0, "condition": "power_budget", "unit": "mw", "limit": 9000, "needed": 11_400,
            "available": 9000, "words": "power 11.4 W would pass the budget of 9.0 W",
        }
    ],
    "energy": {"total_mj": 4_500_000, "known_s": 900, "unknown_s": 3, "simulated": False},
    "limits": {
        "reference": "fp16", "target_fps": 15.0, "floor_fps": 5.0, "deadline_us": 66_000, "limit_mc": 85_000, "resume_mc": 80_000,
        "critical_mc": 95_000, "budget_mw": None, "max_loss_ppm": 5000,
        "bands": [{"name": "dim", "down_at_mlx": 8000, "up_at_mlx": 250_000}],
    },
    "expected": {"temperature_mc": 61_900, "power_mw": None},
    "rule": "most_worth",
    "why": "efficient: int8 at 15 fps in dim light, because it is worth most and keeps every limit.",
    "last_result": {},
    "trouble": [],
    "uptime_s": 900,
}  # fmt: skip


class Daemon:
    """The daemon's API with a board that the test writes on; a large period, so that what stands there is not stalled."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "adaptd.sock"
        self.board = StatusBoard(period_us=10**12)
        self._api = Api(self.socket, self.board)
        self._api.start()
        self.changes = self._api.changes

    def says(self, **changed: Any) -> None:
        """Publish the document with some keys changed."""
        self.board.publish({**DOCUMENT, **changed}, time.monotonic_ns() // 1000)

    def stop(self) -> None:
        """Stop answering."""
        self._api.stop()


class Gateway:
    """`adaptd gateway` as a process of its own."""

    def __init__(self, folder: Path, daemon_socket: Path, *words: object, host: str = "127.0.0.1", port: int = 0) -> None:
        self.port = port or free_port(host)
        self._err = folder / f"gateway-{self.port}.txt"
        command = [
            sys.executable,
            "-m",
            "adaptd",
            "gateway",
            "--socket",
            daemon_socket,
            "--port",
            self.port,
            "--host",
            host,
            *words,
        ]
        with self._err.open("a") as err:
            self.process = subprocess.Popen([*map(str, command)], stderr=err, cwd=ROOT)

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        return f"http://127.0.0.1:{self.port}/"

    def said(self) -> str:
        """What it has told so far."""
        return self._err.read_text()

    def until_said(self, words: str) -> None:
        """Wait for a line."""
        until(lambda: words in self.said() or self.process.poll() is not None)
        assert words in self.said(), self.said()

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, host: str = "127.0.0.1", **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        """One request; status, body and headers. ``x_y`` stands for the header ``X-Y``."""
        connection = http.client.HTTPConnection(host, self.port, timeout=PATIENCE_S)  # reports are drawn at idle priority
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return (
                answer.status,
                answer.read().decode(errors="replace"),
                {name.lower(): value for name, value in answer.getheaders()},
            )
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        """The object behind a path."""
        status, text, _ = self.ask(path)
        assert status == 200, text
        return json.loads(text)

    def serving(self, delivered: int = 0) -> dict[str, Any]:
        """Wait until it passes on a status document."""

        def seen() -> bool:
            try:
                status = self.json("/api/status")["status"]
            except OSError:
                return False
            return status is not None and status["frames"]["delivered"] >= delivered

        until(seen)
        return dict(self.json("/api/status")["status"])

    def rss_mb(self) -> float:
        """Resident memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def end(self) -> int:
        """Stop it as systemd would; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def until(reached: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait for something."""
    ends = time.monotonic() + patience_s
    while not reached():
        assert time.monotonic() < ends, "never reached"
        time.sleep(0.05)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def own_address() -> str | None:
    """An address of this machine that is not loopback: whoever calls from it is a stranger to the gateway."""
    done = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False)
    found = [word for word in done.stdout.split() if "." in word and not word.startswith("127.")]
    return found[0] if found else None

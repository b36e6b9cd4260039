"""A real `adaptd run` to be mistreated: started on its own folder, asked over its socket, judged by its log."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptd.client import ApiError, get_json
from adaptd.log.verify.reader import iter_records
from tests.conftest import ROOT

ADAPTD = (sys.executable, "-m", "adaptd")
INSIDE = (sys.executable, "-m", "tests.faults.inside")
MUTANT = (sys.executable, "-m", "tests.faults.mutant")
PATIENCE_S = 30.0


def adaptd(*words: object, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run([*ADAPTD, *map(str, words)], capture_output=True, text=True, timeout=timeout_s, cwd=ROOT, check=False)


class Service:
    """A running daemon. Several in a row on one folder continue one log."""

    def __init__(
        self,
        folder: Path,
        *words: object,
        tick: str = "200ms",
        edit: Callable[[str], str] | None = None,
        counts: Path | None = None,
        mutant: str = "",
        out: int | None = None,
    ) -> None:
        self.socket, self.audit, self.policy = folder / "s" / "adaptd.sock", folder / "log", folder / "policy.yaml"
        if not self.policy.exists():
            shutil.copy(ROOT / "policies" / "feeder.yaml", self.policy)
            if edit is not None:
                self.policy.write_text(edit(self.policy.read_text()))
        places = ["--policy", self.policy, "--socket", self.socket, "--audit", self.audit, "--tick", tick]
        self._out, self._err = folder / "out.txt", folder / "err.txt"
        # Files and not pipes: a worker that outlives a killed daemon would hold a pipe open.
        with self._out.open("w") as own, self._err.open("w") as err:
            command = (*MUTANT, mutant) if mutant else ADAPTD if counts is None else (*INSIDE, str(counts))
            words_run = [*command, "run", *map(str, places), *map(str, words)]
            self.process = subprocess.Popen(words_run, stdout=own if out is None else out, stderr=err, cwd=ROOT)

    def errors(self) -> str:
        """What it has said on stderr so far."""
        return self._err.read_text()

    def status(self) -> dict[str, Any]:
        """The status document; empty while nobody answers."""
        try:
            return get_json(self.socket, "/v1/status")
        except ApiError:
            return {}

    def until(self, reached: Callable[[dict[str, Any]], bool], patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until the status says so."""
        ends = time.monotonic() + patience_s
        document: dict[str, Any] = {}
        while time.monotonic() < ends:
            assert self.process.poll() is None, self._err.read_text()
            document = self.status()
            if document and reached(document):
                return document
            time.sleep(0.05)
        raise AssertionError(f"never reached: {document}")

    def serving(self) -> dict[str, Any]:
        """Wait for the first frames."""
        return self.until(lambda document: document.get("frames", {}).get("delivered", 0) > 0)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str, float]:
        """Send a signal; exit code, output, errors and seconds until the end."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        return code, self._out.read_text(), self._err.read_text(), time.monotonic() - began

    def kill(self) -> None:
        """End it as a power cut would; nothing happens where it has ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def workers(self) -> list[int]:
        """Process ids of the daemon's children."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()]


def verified(folder: Path) -> dict[str, Any]:
    """What `adaptd audit verify` says of a log."""
    done = adaptd("audit", "verify", folder, "--json", timeout_s=600)
    assert done.returncode in (0, 1), done.stderr
    return dict(json.loads(done.stdout))


def decision_times_us(folder: Path) -> list[int]:
    """When decisions were made, by the monotonic clock."""
    return [record["mono_us"] for record in iter_records(folder) if record["kind"] == "decision"]

"""The process that writes the lake lives and dies with its server."""

import os
import subprocess
import sys
from pathlib import Path

from adaptd.fleet import store
from adaptd.fleet.keeper import Keeper
from tests.conftest import ROOT
from tests.gateway.mqtt.broker import until

STARTS = """
import sys, time
from pathlib import Path
from adaptd.fleet.keeper import Keeper
if __name__ == "__main__":
    keeper = Keeper(Path(sys.argv[1]), 60)
    print(keeper._process.pid, flush=True)
    time.sleep(60)
"""


def test_it_ends_when_it_is_closed(tmp_path: Path) -> None:
    """Closed, it finishes and is gone; until then it says that it lives."""
    store.connect(tmp_path).close()
    keeper = Keeper(tmp_path, 60)
    assert keeper.alive
    keeper.close()
    assert not keeper.alive


def test_it_dies_with_a_killed_server(tmp_path: Path) -> None:
    """SIGKILL for the server is one for it: never a writer without a server."""
    store.connect(tmp_path).close()
    script = tmp_path / "starts.py"
    script.write_text(STARTS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, str(script), str(tmp_path)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    until((tmp_path / ".writer").exists, "it works")
    server.kill()
    server.wait()
    server.stdout.close()
    until(
        lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3], "gone"
    )
